\version "2.24.0"
\include "style.ily"

\header {
  title = "Menuet"
  subtitle = "from the Notebook for Anna Magdalena Bach, BWV Anh. 114"
  composer = "Christian Petzold"
  copyright = "Public domain"
}

global = { \key g \major \time 3/4 \tempo "Allegretto" 4 = 116 }

upper = \relative c'' {
  \global
  \repeat volta 2 {
    d4 g,8 a b c | d4 g, g | e' c8 d e fis | g4 g, g |
    c4 d8 c b a | b4 c8 b a g | fis4 g8 a b g | a2. |
    d4 g,8 a b c | d4 g, g | e' c8 d e fis | g4 g, g |
    c4 d8 c b a | b4 c8 b a g | a4 b8 a g fis | g2. |
  }
  \repeat volta 2 {
    b'4 g8 a b g | a4 d,8 e fis d | g4 e8 fis g d | cis4 b8 cis a4 |
    a8 b cis d e fis | g4 fis e | fis a, cis | d2. |
    d4 g,8 fis g4 | e'4 g,8 fis g4 | d'4 c b | a8 g fis g a4 |
    d,8 e fis g a b | c4 b a | b8 d g,4 fis | g2. |
  }
}

lower = {
  \global \clef bass
  \repeat volta 2 {
    <g b d'>2 a4 | b2. | c' | b | a | g | d'4 b g | d' d8 c' b a |
    b2 a4 | g b g | c'2. | b4 c'8 b a g | a2 fis4 | g2 b4 | c' d' d | g2 g,4 |
  }
  \repeat volta 2 {
    g2. | fis | e4 g e | a2 a,4 | a2. | b4 d' cis' | d' fis a | d' d c' |
    b4 d' b | c' e' c' | b a g | d'2 r4 | d2. | e4 g fis | g b, d | g d g, |
  }
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
