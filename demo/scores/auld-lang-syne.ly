\version "2.24.0"
\include "style.ily"

\header {
  title = "Auld Lang Syne"
  subtitle = "set for piano"
  composer = "Scottish folk song"
  copyright = "Public domain"
}

global = { \key g \major \time 4/4 \tempo 4 = 96 }

upper = {
  \global
  \partial 4 d'4\mf |
  <b g'>4. q8 q4 <d' b'> | <c' a'>4. <b g'>8 <c' a'>4 <d' b'>8 <c' a'> |
  <b g'>4. q8 <d' b'>4 <g' d''> | <g' e''>2. q4 |
  <g' d''>4. <d' b'>8 q4 <b g'> | <c' a'>4. <b g'>8 <c' a'>4 <d' b'>8 <c' a'> |
  <b g'>4. <g e'>8 q4 <fis d'> | <b g'>2. <g' e''>4 |
  <g' d''>4. <d' b'>8 q4 <b g'> | <c' a'>4. <b g'>8 <c' a'>4 <fis' e''> |
  <g' d''>4. <d' b'>8 q4 <g' d''> | <g' e''>2. <b' g''>4 |
  <g' d''>4. <d' b'>8 q4 <b g'> | <c' a'>4. <b g'>8 <c' a'>4 <d' b'>8 <c' a'> |
  <b g'>4. <g e'>8 q4 <fis d'> | <b g'>2. d''4 |
  <b' d'' g''>4.\f g''8 g''4 b'' | <c'' d'' a''>4. g''8 a''4 b''8 a'' |
  <b' d'' g''>4. g''8 b''4 d''' | <g'' c''' e'''>2. e'''4 |
  <g'' b'' d'''>4. b''8 b''4 g'' | <c'' d'' a''>4. g''8 a''4 b''8 a'' |
  <b' d'' g''>4. e''8 e''4 d'' | <g' b' d'' g''>2. \bar "|."
}

lower = {
  \global \clef bass
  \partial 4 r4 |
  <g, d>4 <g d> <e g> <d g> | <d a> <d fis> <d a> <d fis> |
  <g, d> <b, g> <g b> <b, g> | <c g> <e c'> <g c'> <c g> |
  <g b> <d g> <b, g> <e g> | <d a> <d fis> <d a> <d fis> |
  <e g> <e b> <c g> <d c'> | <g b> <d g> <g, g> <c c'> |
  <g b> <d g> <b, g> <e g> | <a, a> <d fis> <d a> <d c'> |
  <b, b> <d b> <g b> <b, g> | <c g> <e c'> <g c'> <b, g> |
  <g b> <d g> <b, g> <e g> | <d a> <d fis> <d a> <d fis> |
  <e g> <e b> <c g> <d c'> | <g b> <d g> <g, g> r |
  g,8 d g b e g b d' | d a d' fis' d' a fis d |
  g, d g b g d' b g | c g c' e' c' g e c |
  g, d g b e g b e' | d a d' fis' d' a fis d |
  e b g b c g d c' | g4 d g, \bar "|."
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
