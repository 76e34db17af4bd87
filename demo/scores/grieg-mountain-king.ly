\version "2.24.0"
#(set-global-staff-size 18)
\include "style.ily"

\header {
  title = "In the Hall of the Mountain King"
  subtitle = "from Peer Gynt, set for piano"
  composer = "Edvard Grieg"
  copyright = "Public domain"
}

global = { \key b \minor \time 4/4 \tempo "Alla marcia" 4 = 120 }

low = {
  b8 cis' d' e' fis' d' fis'4 | eis'8 cis' eis'4 e'8 c' e'4 |
  b8 cis' d' e' fis' d' fis' b' | a' fis' d' fis' a'2 |
}

high = {
  fis'8 gis' ais' b' cis'' ais' cis''4 | d''8 ais' d''4 cis''8 ais' cis''4 |
  fis'8 gis' ais' b' cis'' ais' cis''4 | d''8 ais' d''4 cis''2 |
}

offbeats = {
  r4 <b d' fis'> r <b d' fis'> | r <cis' eis' gis'> r <c' e' g'> |
  r <b d' fis'> r <b d' fis'> | r <d' fis' a'> r <d' fis' a'> |
}

offbeatsHigh = {
  r4 <ais cis' fis'> r <ais cis' fis'> | r <ais d' fis'> r <ais cis' fis'> |
  r <ais cis' fis'> r <ais cis' fis'> | r <ais d' fis'> r <ais cis' fis'> |
}

upper = {
  \global
  <>\pp^\markup \italic "sempre staccato" \offbeats \offbeats
  <>\p \high \high
  <>\mf \transpose c c' \low
  <>\f << \transpose c c' \low \\ { <d' fis'>2 q | <cis' eis'> <c' e'> | <d' fis'> q | <d' fis'> <a d'> | } >>
  \transpose c c' \high
  <b' d'' fis'' b''>4\ff r <fis' ais' cis'' fis''> r | <b' d'' fis'' b''> r <fis' ais' cis'' fis''> r |
  <b' d'' fis'' b''> <fis' ais' cis'' fis''> <b' d'' fis'' b''> <fis' ais' cis'' fis''> |
  <b d' fis' b'> r r2 \bar "|."
}

lower = {
  \global \clef bass
  \transpose c c, { \low \low }
  \offbeatsHigh
  fis,4 <ais cis' fis'> cis <ais cis' fis'> | d <ais d' fis'> fis, <ais cis' fis'> |
  fis, <ais cis' fis'> cis <ais cis' fis'> | d <ais d' fis'> fis, <ais cis' fis'> |
  b,4 <fis b d'> fis <fis b d'> | cis <gis cis' eis'> c <g c' e'> |
  b, <fis b d'> fis <fis b d'> | d <fis a d'> a, <fis a d'> |
  b,8 fis b fis d fis b fis | cis gis cis' gis c g c' g |
  b, fis b fis d fis b fis | d a d' a fis a d' a |
  fis, cis fis cis ais, cis fis cis | d fis ais fis ais, cis fis cis |
  fis, cis fis cis ais, cis fis cis | d fis ais fis fis,4 r |
  <b, b> r <fis, fis> r | <b, b> r <fis, fis> r | <b, b> <fis, fis> <b, b> <fis, fis> | <b,, b,> r r2 |
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
