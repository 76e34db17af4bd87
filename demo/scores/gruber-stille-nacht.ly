\version "2.24.0"
\include "style.ily"

\header {
  title = "Stille Nacht"
  subtitle = "set for piano"
  composer = "Franz Xaver Gruber"
  copyright = "Public domain"
}

global = { \key bes \major \time 6/8 \tempo 4. = 44 }

upper = {
  \global
  <d' f'>8.(\p <es' g'>16 <d' f'>8) <bes d'>4. | <d' f'>8.( <es' g'>16 <d' f'>8) <bes d'>4. |
  <es' c''>4 q8 <c' a'>4. | <d' bes'>4 q8 <bes f'>4. |
  <es' g'>4 q8 <g' bes'>8. <f' a'>16 <es' g'>8 | <d' f'>8. <es' g'>16 <d' f'>8 <bes d'>4. |
  <es' g'>4 q8 <g' bes'>8. <f' a'>16 <es' g'>8 | <d' f'>8. <es' g'>16 <d' f'>8 <bes d'>4. |
  <a' c''>4 q8 <c'' es''>8. <a' c''>16 <f' a'>8 | <d' bes'>4. <f' d''> |
  <d' bes'>8. f'16 d'8 <a f'>8. <a es'>16 <a c'>8 | <d bes>4. r8 r f''\pp |
  f''16 bes'' f'' es'' d'' f'' bes' d'' f'' d'' bes' f' | f''16 bes'' f'' es'' d'' f'' bes' d'' f'' d'' bes' f' |
  c''16 f'' c''' a'' f'' c'' a' c'' f'' a'' f'' c'' | bes' d'' bes'' f'' d'' bes' f' bes' d'' f'' d'' bes' |
  g' bes' g'' es'' bes' g' bes' es'' bes'' a'' g'' es'' | f'' g'' f'' d'' bes' f' d'' f'' d'' bes' f' d' |
  <es'' c'''>4 q8 <es'' es'''>8. <es'' c'''>16 <c'' a''>8 | <d'' bes''>4. <f'' d'''> |
  <d'' bes''>8. f''16 d''8 <a' f''>8. es''16 c''8 | <f' bes'>2. \bar "|."
}

lower = {
  \global \clef bass
  bes,8 f bes bes, f bes | bes, f bes bes, f bes | f, c a f, c a | bes, f bes d f bes |
  es, bes, g es bes g | bes, f bes bes, f bes | es, bes, g es bes g | bes, f bes d f bes |
  f, c a f, c a | bes, f bes bes, f bes | f, d bes f, c es | <bes,, bes,>4. r4. |
  <bes, f d'>2. | <bes, f d'> | <f, f>4. <a, f> | <bes, f>4. <d bes> |
  <es bes>4. <g, es> | <bes, f> <d bes> | <f c'>4. <f, c a> | <bes, f> <bes, bes> |
  <f, f> <f, f> | <bes,, bes,>2. |
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
