\version "2.24.0"
#(set-global-staff-size 23)
\include "style.ily"


\header {
  title = "Jesu, Joy of Man's Desiring"
  subtitle = "from Cantata BWV 147, set for piano"
  composer = "Johann Sebastian Bach"
  copyright = "Public domain"
}

global = { \key g \major \time 9/8 \tempo 4. = 66 }

ritornello = \relative c'' {
  r8 g a b d c c e d | d g fis g d b g a b |
  c d e d c b a b g | fis g a d, fis a c b a |
  b g a b d c c e d | d g fis g d b g a b |
  e, d' c b a g d g fis |
}

upper = \relative c'' {
  \global
  \ritornello g b d g d b g4. |
  << {
    b4. c d | d c b | a2. b4. | c b a |
    b4. c d | e d c | b2. a4. | g2. ~ g4. |
  } \\ {
    d8 g fis e g a b a g | fis g a e fis a g fis e | d e fis g fis e d g b | a g fis g a b fis e d |
    d8 g fis e g a b a g | c b a b g fis e a g | fis g e d g fis e g fis | d b d g fis e d4. |
  } >>
  \pageBreak
  \transpose c c' \ritornello g'8 d b d b g b g d | g2. ~ g4. \bar "|."
}

lower = {
  \global \clef bass
  g4. g c' | b e' e | a b cis' | d' d fis | g g c' | b e' e | c' d' d | g d g, |
  g4. a b | b c' e' | fis' d' g' | e' d' d | g a b | c' b a | d' c' d' | g d g, |
  g4 b8 d'4 b8 a4 fis8 | b4 g8 e4 g8 c'4 g8 | a4 e8 b4 g8 cis'4 a8 | d'4 a8 fis4 d8 fis4 a8 |
  g4 b8 d'4 b8 a4 fis8 | b4 g8 e4 g8 c'4 b8 | c'4 a8 d'4 b8 d4 c'8 | b4. g d | <g, g>2. ~ q4. |
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
