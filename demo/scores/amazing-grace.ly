\version "2.24.0"
#(set-global-staff-size 19)
\include "style.ily"

\header {
  title = "Amazing Grace"
  subtitle = "set for piano"
  composer = "American hymn tune"
  copyright = "Public domain"
}

global = { \key as \major \time 3/4 \tempo 4 = 84 }

upper = {
  \global
  \partial 4 es'4\mp |
  <c' as'>2 c''8 as' | <es' c''>2 <des' bes'>4 | <c' as'>2 <as f'>4 | <as es'>2 es'4 |
  <c' as'>2 c''8 as' | <es' c''>2 <f' bes'>4 | <g' es''>2. ~ | q2 c''4 |
  <as' es''>4. c''8 es'' c'' | <c' as'>2 es'4 | <des' f'>4. as'8 as' f' | <c' es'>2 es'4 |
  <c' as'>2 c''8 as' | <es' c''>2 <g bes'>4 | <c' as'>2. ~ | q2 es''4\mf |
  as''2 c'''8 as'' | <es'' c'''>2 <des'' bes''>4 | <c'' as''>2 f''4 | es''2 es''4 |
  as''2 c'''8 as'' | <es'' c'''>2 <bes' bes''>4 | <g' es'''>2. ~ | q2 c'''4 |
  <as'' es'''>4. c'''8 es''' c''' | <c'' as''>2 es''4 | <des'' f''>4. as''8 as'' f'' | <c'' es''>2 es''4 |
  <c'' as''>2 c'''8 as'' | <es'' c'''>2 <des'' bes''>4 | <c'' as''>2. | <as c' es' as'>2 \bar "|."
}

lower = {
  \global \clef bass
  \partial 4 r4 |
  as,4 <es as> q | as, <es as c'> g, | f, <c as> des | as, <es c'> r |
  as,4 <es as> q | f, <c as> <d bes> | es <bes es'> q | es des c |
  as,4 <es c'> q | f, <c as> q | des <as des'> q | as, <es c'> q |
  f,4 <c as> q | es, <bes, g> q | as, <es c'> q | as, es, r |
  as,8 es as c' es' c' | as, es as c' g bes | f, c f as des as | as, es as c' es' c' |
  as,8 es as c' es' c' | f, c as c d bes | es bes es' bes g bes | es bes g es des c |
  as,8 es as c' es' c' | f, c f as c' as | des as des' as f as | as, es as c' es' c' |
  f,8 c f as c' as | es, bes, es g bes g | as, es as c' es' c' | <as, as>2
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
