\version "2.24.0"
#(set-global-staff-size 18)
\include "style.ily"

\header {
  title = "Korobeiniki"
  subtitle = "set for piano"
  composer = "Russian folk song"
  copyright = "Public domain"
}

global = { \key f \minor \time 4/4 \tempo "Allegro" 4 = 126 }

tune = \relative c'' {
  c4\mf g8 as bes4 as8 g | f4 f8 as c4 bes8 as | g4. as8 bes4 c | as f f2 |
  r8 bes4 des8 f4 es8 des | c4. as8 c4 bes8 as | g4 g8 as bes4 c | as f f r |
}

octaves = \relative c'' {
  <c c'>4\f <g g'>8 <as as'> <bes bes'>4 <as as'>8 <g g'> |
  <f f'>4 q8 <as as'> <c c'>4 <bes bes'>8 <as as'> |
  <g g'>4. <as as'>8 <bes bes'>4 <c c'> | <as as'> <f f'> q2 |
  r8 <bes bes'>4 <des des'>8 <f f'>4 <es es'>8 <des des'> |
  <c c'>4. <as as'>8 <c c'>4 <bes bes'>8 <as as'> |
  <g g'>4 q8 <as as'> <bes bes'>4 <c c'> | <as as'> <f f'> q r |
}

upper = {
  \global
  \tune
  <es' c''>2\p <c' as'> | <des' bes'> <bes g'> | <c' as'> <as f'> | <g c' e'> <bes e' g'> |
  <es' c''>2 <c' as'> | <des' bes'> <bes g'> | <c' as'>4 <es' c''> <as' f''>2 | <g' bes' e''>2. r4 |
  \octaves \bar "|."
}

lower = {
  \global \clef bass
  c8 c' c c' e c' e c' | f c' f c' as, as as, as | e c' e c' c c' c c' | f c' c as f, c f4 |
  bes,8 f bes f des bes des bes | as, es as es c as c as | c c' c c' e c' e c' | f c' c as f, c f,4 |
  as,8 es c' es as, es c' es | es bes g bes es bes g bes | f c' as c' f c' as c' | c g e g c e g c' |
  as,8 es c' es as, es c' es | es bes g bes es bes g bes | f c' as c' des as f as | c g e g c4 r |
  c4 <g c' e'> c <g c' e'> | f <as c'> as, <f as c'> | c <g bes c'> e <g bes c'> | f <as c'> c <as c'> |
  bes, <f bes des'> des <f bes des'> | as, <es as c'> c <es as c'> | c <g bes c'> e <g bes c'> | f <as c'> <f, f> r |
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
