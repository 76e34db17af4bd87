\version "2.24.0"
#(set-global-staff-size 23)
\include "style.ily"


\header {
  title = "Londonderry Air"
  subtitle = "set for piano"
  composer = "Irish folk tune"
  copyright = "Public domain"
}

global = { \key es \major \time 4/4 \tempo "Andante" 4 = 72 }

upper = {
  \global
  \partial 4. d'8(\mp es' f' |
  g'4. f'8 g' c'' bes' g' | f' es' c'4) r8 es'( g' as' |
  <es' bes'>4. c''8 bes' g' es' g' | <as d' f'>2) r8 d'( es' f' |
  g'4. f'8 g' c'' bes' g' | f' es' c'4) r8 b( c' d' |
  <as es'>4. f'8 g' f' es' f' | <g es'>2) r8 bes' c'' d'' |
  <g' es''>4. d''8 d'' c'' bes' c'' | <es' bes'> g' es'4 r8 bes' c'' d'' |
  <g' c'' es''>4. d''8 d'' c'' bes' g' | <d' f'>2 r8 <d' bes'> q q |
  <g' bes' g''>4. f''8 f'' es'' c'' es'' | <es' bes'> g' es'4 r8 d' es' f' |
  <es' g'>8 c'' bes' g' <as f'> es' c' d' | <g es'>2 r8 <bes' bes''>\f <c'' c'''> <d'' d'''> |
  \pageBreak
  <es'' g'' es'''>4. <d'' d'''>8 q <c'' c'''> <bes' bes''> <c'' c'''> |
  <bes' bes''> <g' g''> <es' es''>4 r8 <bes' bes''> <c'' c'''> <d'' d'''> |
  <es'' g'' es'''>4. <d'' d'''>8 q <c'' c'''> <bes' bes''> <g' g''> |
  <f' bes' f''>2 r8 <bes' bes''> q q |
  <g' bes' es'' g''>4. f''8 f'' es'' c'' es'' | bes' g' es'4 r8 d' es' f' |
  g' c'' bes' g' f' es' c' d' | <g bes es'>1 \bar "|."
}

lower = {
  \global \clef bass
  \partial 4. r8 r4 |
  es8 bes g' bes es bes des' bes | as, es c' es as, es c' es |
  g, es bes g c g bes g | bes, f as f bes, as g f |
  es8 bes g' bes es bes des' bes | as, es c' es g, d b d |
  c g c' g bes, f as d | es bes g bes es4 r |
  c8 g es' g as, es c' es | es bes g bes g, es bes es |
  c g es' g as, es c' es | bes, f d' f bes, as g f |
  es bes g' bes as, es c' es | g, es bes es c g es' g |
  f c' as c' bes, f as f | es bes g bes es4 r |
  <c g es'>2 <as, es c'> | <es bes g'>2 <g, es bes> |
  <c g es'>2 <as, es c'> | <bes, f d'> <d bes> |
  es8 bes g' bes as, es c' es | g, es bes es c g es' g |
  f c' as c' bes, f as f | <es, es>1 |
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
