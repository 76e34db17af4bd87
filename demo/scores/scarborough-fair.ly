\version "2.24.0"
#(set-global-staff-size 23)
\include "style.ily"


\header {
  title = "Scarborough Fair"
  subtitle = "set for piano"
  composer = "English folk song"
  copyright = "Public domain"
}

global = { \key e \dorian \time 3/4 \tempo 4 = 112 }

upper = {
  \global
  r8\p e'( b' fis'' e'' b') | r e'( b' g'' fis'' b') | r e' a' e'' cis'' a' | r e' b' fis'' e'' b' |
  e'2 e'4 | b'2 b'4 | fis'4. g'8 fis'4 | e'2. |
  r4 b' d'' | e''2 d''4 | b' cis'' a' | b'2. ~ |
  b'2 e''4 | e''2 e''4 | d''2 b'4 | b' a' g' |
  fis'4 d'2 ~ | d'2. | e'2 b'4 | a'2 g'4 |
  fis'4 e' d' | e'2. ~ | e'2. | \pageBreak
  r8 e' b' fis'' e'' b' | r e' a' e'' cis'' a' |
  <b' e''>2\mf q4 | <d'' b''>2 q4 | <d'' fis''>4. g''8 fis''4 | <b' e''>2. |
  r4 <g' b'> <b' d''> | <cis'' e''>2 <b' d''>4 | <g' b'> <a' cis''> <e' a'> | <g' b'>2. ~ |
  q2 e''4 | <g' e''>2 q4 | <a' d''>2 <fis' b'>4 | <fis' b'> <e' a'> <d' g'> |
  <d' fis'>4 <a d'>2 ~ | q2. | <g e'>2 <d' b'>4 | <cis' a'>2 <b g'>4 |
  <a fis'>4 <g e'> <fis d'> | <g b e'>2. ~ | q2. \bar "|."
}

lower = {
  \global \clef bass
  e2. | e | a, | e |
  e4 b2 | g4 d'2 | d4 a2 | e4 b e |
  g4 d' b | a e' a | g a fis | e b e' |
  e4 b2 | c'4 g c | g4 d b | e c' e |
  d4 a d' | d a fis | e b e | a, e a |
  d4 c b, | e b e' | e b e |
  e2. | a, |
  e8 b e' b g b | g, d g b d' b | d a d' a fis a | e b e' b g b |
  g,8 d g b d' b | a, e a cis' e' cis' | e b a cis' fis a | e b e' b g b |
  e8 b e' b g b | c g c' g e g | g, d g b d' b | e b g e c e |
  d8 a d' a fis a | d a d' a fis d | e b e' b g b | a, e a e cis e |
  d8 a, c g, b, fis | e, b, e g b g | <e, e>2. |
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
