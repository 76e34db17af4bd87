\version "2.24.0"
\include "../scores/style.ily"

\header {
  title = "Für Elise"
  subtitle = "WoO 59 (opening)"
  composer = "Ludwig van Beethoven"
  copyright = "Public domain"
}

global = { \key a \minor \time 3/8 \tempo "Poco moto" 8 = 126 }

turn = \relative c'' { e16 dis e b d c | a8 r16 c, e a | }

upper = \relative c'' {
  \global
  \partial 8 e16 dis |
  \turn b8 r16 e, gis b | c8 r16 e, e' dis |
  \turn b8 r16 e, c' b | a8 r16 b c d |
  e8. g,16 f' e | d8. f,16 e' d | c8. e,16 d' c |
  b8 r16 e, e' r | r e e' r r dis, | e r r dis e dis |
  \turn b8 r16 e, gis b | c8 r16 e, e' dis |
  \turn b8 r16 e, c' b | a4. \bar "|."
}

tonic = { a,16 e a r8. | }
dominant = { e,16 e gis r8. | }

lower = {
  \global \clef bass
  \partial 8 r8 |
  R4. | \tonic \dominant \tonic R4. | \tonic \dominant \tonic
  c16 g c' r8. | g,16 g b r8. | a,16 e a r8. |
  e,16 e \clef treble e' r r e' | e'' r r dis'' e'' r | r dis'' e'' r r8 |
  \clef bass
  R4. | \tonic \dominant \tonic R4. | \tonic \dominant a,16 e a8 r |
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
