\version "2.24.0"
\include "../scores/style.ily"

\header {
  title = "Greensleeves"
  subtitle = "set for piano"
  composer = "English folk song"
  copyright = "Public domain"
}

global = { \key g \minor \time 6/8 \tempo 4. = 56 }

upper = {
  \global
  \partial 8 g'8 |
  bes'4 c''8 d''8. es''16 d''8 | c''4 a'8 f'8. g'16 a'8 | bes'4 g'8 g'8. fis'16 g'8 | a'4 fis'8 d'4 g'8 |
  bes'4 c''8 d''8. es''16 d''8 | c''4 a'8 f'8. g'16 a'8 | bes'8. a'16 g'8 fis'8. e'16 fis'8 | g'4. ~ g'4. |
  <bes' f''>4. f''8. e''16 d''8 | c''4 a'8 f'8. g'16 a'8 | bes'4 g'8 g'8. fis'16 g'8 | a'4 fis'8 d'4. |
  <bes' f''>4. f''8. e''16 d''8 | c''4 a'8 f'8. g'16 a'8 | bes'8. a'16 g'8 fis'8. e'16 fis'8 | g'4. ~ g'4 \bar "|."
}

lower = {
  \global \clef bass
  \partial 8 r8 |
  g8 d' g' bes, f d' | f c' f' a, f c' | es bes es' g, es bes | d a d' d' c' a |
  g8 d' g' bes, f d' | f c' f' a, f c' | g d' bes d a d' | g d bes, g,4. |
  bes,8 f d' bes, f d' | f c' f' a, f c' | es bes es' g, es bes | d a d' d' c' a |
  bes,8 f d' bes, f d' | f c' f' a, f c' | g d' bes d a d' | g d bes, g,4
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
