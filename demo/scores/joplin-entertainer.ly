\version "2.24.0"
#(set-global-staff-size 19)
\include "style.ily"

\header {
  title = "The Entertainer"
  subtitle = "Introduction and first strain"
  composer = "Scott Joplin"
  copyright = "Public domain"
}

global = { \key c \major \time 2/4 \tempo "Not fast" 4 = 72 }

call = \relative c' { e16 c'8 e,16 c'8 e,16 c' ~ | }

answer = \relative c'' {
  c4 ~ c16 <c c'> <d d'> <dis dis'> |
  <e e'> <c c'> <d d'> <e e'>8 <b b'>16 <d d'>8 |
}

upper = \relative c'' {
  \global
  <d d'>16\f <e e'> <c c'> <a a'>8 <b b'>16 <g g'>8 |
  <d d'>16 <e e'> <c c'> <a a'>8 <b b'>16 <g g'>8 |
  <d d'>16 <e e'> <c c'> <a a'>8 <b b'>16 <a a'> <aes aes'> |
  <g g'>8-> r <g' b f' g>-> d'16\p dis |
  \repeat volta 2 {
    \call \answer <c' c'>4. d,16 dis |
    \call c'4 ~ c8 a16 g | fis a c e8 d16 c a | d4. d,16 dis |
    \call \answer <c' c'>4 ~ q8 c16 d |
    e16 c d e8 c16 d c | e16 c d e8 c16 d c | e16 c d e8 b16 d8 | c4 r8 d,16 dis |
  }
  \call \answer <c' c'>4 <g c e g c>8 r | \bar "|."
}

stride = { c8 <g c' e'> bes, <g c' e'> | a, <f a c'> aes, <f aes c'> | g, <e g c'> g, <f g b> | }

lower = \relative c' {
  \global \clef bass
  d16 e c a8 b16 g8 | d16 e c a8 b16 g8 | d16 e c a8 b16 a aes | g8 r <g g'> r |
  \repeat volta 2 {
    \absolute {
      \stride c <e g c'> e, g, |
      c8 <g c' e'> bes, <g c' e'> | a, <f a c'> a, <f a c'> | d <fis c'> d <fis c'> | g, <f g b> a, b, |
      \stride c <e g c'> c <e g c'> |
      c8 <g c' e'> bes, <g c' e'> | a, <f a c'> aes, <f aes c'> | g, <e g c'> g, <f g b> | c g, c r |
    }
  }
  \absolute { \stride c g, <c, c> r | }
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
