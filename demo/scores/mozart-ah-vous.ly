\version "2.24.0"
\include "style.ily"

\header {
  title = "Ah, vous dirai-je, Maman"
  subtitle = "Theme and a variation, after KV 265"
  composer = "Wolfgang Amadeus Mozart"
  copyright = "Public domain"
}

global = { \key c \major \time 2/4 \tempo 4 = 104 }

theme = \relative c'' {
  c4 c | g' g | a a | g2 | f4 f | e e | d8. e16 d8 b | c2 |
}

themeBass = {
  c4 c' | e' c' | f' c' | e' c' | d' b | c' a | f g | c2 |
}

running = \relative c'' {
  d16 c b c b c b c | a' g fis g fis g fis g | gis a c b d c b a | a g e' d c b a g |
  g f d' c b a g f | f e c' b a g f e | d a' g f e d c b | c4 r |
}

runningBass = {
  c4 r | <e c'> r | <f c'> r | <e c'> r | <d b> r | <c a> r | <f a> <g b> | <c c'> r |
}

upper = \relative c'' {
  \global
  \theme
  g'4 g | f f | e e | d2 | g4 g | f f | e8. f16 e8 f | d2 |
  \theme \bar "||" \pageBreak
  \running
  g16 e' d c b c b g | f d' c b a b a f | e c' b a gis a gis e | d b' a g fis g fis d |
  g16 e' d c b c b g | f d' c b a b a f | e g c b a g f e | d4 r |
  \running \bar "|."
}

lower = {
  \global \clef bass
  \themeBass
  e'4 g | d' g | c' g | b g | e' g | d' g | c' a | b g |
  \themeBass
  \runningBass
  <e c'>4 r | <d b> r | <c c'> r | <g, b> r | <e c'> r | <d b> r | <c c'> r | <g b> r |
  \runningBass
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
