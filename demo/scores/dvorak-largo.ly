\version "2.24.0"
#(set-global-staff-size 23)
\include "style.ily"


\header {
  title = "Largo"
  subtitle = "after Symphony No. 9, Op. 95, set for piano"
  composer = "Antonín Dvořák"
  copyright = "Public domain"
}

global = { \key des \major \time 4/4 \tempo "Largo" 4 = 58 }

upper = {
  \global
  <as des' f' as'>2\pp <bes des' ges' bes'> | <as des' f' as'> <as c' es' as'> |
  <f' des'>8.(\p as'16 as'4) f'8.( es'16 des'4) | es'8.( f'16 as'8. f'16 <c' es'>2) |
  <f' des'>8. as'16 as'4 f'8. es'16 des'4 | es'8. f'16 es'8. des'16 <as des'>2 |
  <des' ges' bes'>8. des''16 des''4 c''8. as'16 bes'4 | bes'8 des'' c'' as' <des' ges' bes'>2 |
  <des' ges' bes'>8. des''16 des''4 c''8. as'16 bes'4 | bes'8 des'' c'' as' <des' ges' bes'>2 |
  <as' des'' f''>8.\mf as''16 as''4 f''8. es''16 des''4 | es''8. f''16 as''8. f''16 <as' c'' es''>2 |
  <as' des'' f''>8. as''16 as''4 <f'' des'''>8. es'''16 f'''4 | es'''8. des'''16 es'''8. bes''16 <f'' as'' des'''>2 |
  \pageBreak \key cis \minor
  cis''4.(\p dis''8 e''4 dis''8 cis'' | gis'4 cis'' b'2) | cis''4. dis''8 e''4 dis''8 cis'' | gis'4 b' cis''2 |
  \key des \major
  <f' des'>8. as'16 as'4 f'8. es'16 des'4 | es'8. f'16 es'8. des'16 <as des'>2 |
  <bes des' ges' bes'>2 <as des' f' as'> | <as des' f'>1 \bar "|."
}

lower = {
  \global \clef bass
  <des, des>2 <ges, ges> | <des, des> <as,, as,> |
  des8 as f' as des as f' as | as, es c' es as, es c' es |
  des as f' as bes, f des' f | as, es ges c' des as f as |
  ges, des bes des es bes ges bes | ges, des bes des ges, des bes des |
  ges, des bes des es bes ges bes | ges, des bes des ges as bes c' |
  des as f' as des as f' as | as, es c' es as, es c' es |
  des as f' as bes, f des' f | as, es ges c' des as f as |
  \key cis \minor
  cis4 <gis cis' e'> q q | e <gis b e'> q q | a, <e a cis'> q q | gis, <dis gis b> cis <gis cis' e'> |
  \key des \major
  des8 as f' as bes, f des' f | as, es ges c' des as f as |
  <ges, des bes>2 <des as f'> | <des, des>1 |
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
