\version "2.24.0"
\include "style.ily"

\header {
  title = "Canon"
  subtitle = "set for piano"
  composer = "Johann Pachelbel"
  copyright = "Public domain"
}

global = { \key d \major \time 4/4 \tempo "Andante" 4 = 76 }

upper = \relative c'' {
  \global
  fis2\p e | d cis | b a | b cis |
  <d fis>2 <cis e> | <b d> <a cis> | <g b> <fis a> | <g b> <e cis'> |
  d4 fis a g | fis d fis e | d b d a' | g b a g |
  fis4 d e cis' | d fis a a, | b g a fis | d d'8 cis d4 cis |
  d8 cis d d, cis a' e fis | d d' cis b cis fis a b | g fis e g fis e d cis | b a g fis e g fis e |
  a'8 fis16 g a8 fis16 g a a, b cis d e fis g | fis8 d16 e fis8 fis,16 g a b a g a fis g a |
  g8 b16 a g8 fis16 e fis e d e fis g a b | g8 b16 a b8 cis16 d a b cis d e fis g a |
  fis4 fis8 g fis4 e | d d8 e d4 cis | b4 b8 cis a4 d | d8 b cis d e4 cis |
  <fis, a d>1 \bar "|."
}

lower = {
  \global \clef bass
  d2 a, | b, fis, | g, d, | g, a, |
  d4 a a, e | b, fis fis, cis | g, d d, a, | g, d a, e |
  d4 <fis a> a, <e a> | b, <d fis> fis, <cis fis> | g, <d g> d, <a, d> | g, <d g> a, <e a> |
  d8 a fis a a, e a e | b, fis b fis fis, cis fis cis | g, d g d d, a, d a, | g, d g d a, e a e |
  d2 a, | b, fis, | g, d, | g, a, |
  d4 <fis a> a, <e a> | b, <d fis> fis, <cis fis> | g, <d g> d, <a, d> | g, <d g> a, <e a> |
  d8 a d' a a, e a e | b, fis b fis fis, cis fis cis | g, d g d d, a, d a, | g, d g d a, e a e |
  <d, d>1
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
