\version "2.24.0"
#(set-global-staff-size 18)
\include "style.ily"

\header {
  title = "Alla turca"
  subtitle = "from the Sonata in A major, KV 331 (opening)"
  composer = "Wolfgang Amadeus Mozart"
  copyright = "Public domain"
}

global = { \key a \minor \time 2/4 \tempo "Allegretto" 4 = 120 }

march = \relative c'' {
  c8 r d16 c b c | e8 r f16 e dis e | b' a gis a b a gis a |
}

marchBass = {
  a8 <c' e'> q q | a <c' e'> q q | a <c' e'> a <c' e'> |
}

upper = \relative c'' {
  \global
  \partial 4 b16\p( a gis a) |
  \march c'4 a8 c |
  \repeat unfold 2 { b8 <fis a> <e g> <fis a> | } b <fis a> <e g> <dis fis> | e4 <c e>8 <d f> | <e g> q a16 g f e | <b d>4 <c e>8 <d f> | <e g> q a16 g f e | <b d>4 <a c>8 <b d> |
  <c e>8 q f16 e d c | <gis b>4 <a c>8 <b d> | <c e>8 q f16 e d c | <gis b>4 b16 a gis a |
  \march c'4 a8 b | c b a gis | a e f d | c4 b8. a16 | a4 \bar "||" \key a \major <a a'>8\f <b b'> |
  <cis cis'>4 <a a'>8 <b b'> | <cis cis'> <b b'> <a a'> <gis gis'> |
  <fis fis'> <gis gis'> <a a'> <b b'> | <gis gis'> <e e'> <a a'> <b b'> |
  <cis cis'>4 <a a'>8 <b b'> | <cis cis'> <b b'> <a a'> <gis gis'> |
  <fis fis'> <b b'> <gis gis'> <e e'> | <a a'>4 r \bar "|."
}

lower = {
  \global \clef bass
  \partial 4 r4 |
  \marchBass a8 <c' e'> q q |
  e8 <b e'> q q | e <b e'> q q | e <b e'> b, b | e4 r |
  c8 c' e e' | g4 r | c8 c' e e' | g4 r | a,8 a c c' | e4 r | a,8 a c c' | e4 r |
  \marchBass f8 <a dis'> q q | e <a e'> d <f b> | c <e a> d <f b> | <e a> q <e gis> q | <a, a>4 \key a \major r |
  a,8 <cis' e'> a, <cis' e'> | a, <cis' e'> a, <cis' e'> | d <a fis'> d <a fis'> | e <gis e'> cis <a e'> |
  a,8 <cis' e'> a, <cis' e'> | a, <cis' e'> a, <cis' e'> | d <a fis'> e <gis d'> | <a, a>4 r |
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
