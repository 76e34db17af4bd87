\version "2.24.0"
\include "style.ily"

\header {
  title = "Wiegenlied"
  subtitle = "Op. 49 No. 4, set for piano"
  composer = "Johannes Brahms"
  copyright = "Public domain"
}

global = { \key f \major \time 3/4 \tempo "Zart bewegt" 4 = 80 }

verse = \relative c'' {
  c4.( a8 a4 | c) r a8( c | f4 e4. d8 | d4 c) g8( a |
  bes4 g) g8( a | bes4) r g8( bes | e d c4 e | f) r f,8 f |
  f'2( d8 bes | c2 a8 f | bes4 c d | c2) f,8 f |
  f'2( d8 bes | c2 a8 f | bes4 a g |
}

upper = {
  \global
  R2. | r2 a'8\p a' |
  \verse f'2) a''8 a'' |
  \transpose c c' \verse f''2.) | <a' c'' f''>2. \bar "|."
}

cradle = { f,8 c <a c'>4 c | }

lower = {
  \global \clef bass
  \repeat unfold 6 \cradle
  c8 g <bes e'>4 g | c8 g <bes e'>4 g | c8 g <bes e'>4 g | \cradle
  bes,8 f <bes d'>4 f | f,8 c <a c'>4 c | g,8 d <g bes>4 c | f,8 c <a c'>4 c |
  bes,8 f <bes d'>4 f | f,8 c <a c'>4 c | c8 g <bes e'>4 g | \cradle
  f4 <a c'> <a c'> | f <a c'> <a c'> | f <g bes> <g bes> | f <a c'> f |
  c4 <g bes> <g bes> | e <g bes> <g bes> | c <g bes c'> <g bes c'> | f <a c'> r |
  bes, <f bes d'> q | f <a c'> q | g <bes d'> e | f <a c'> es |
  d <f bes> q | c <f a> d | c <g bes> <e bes> | f, <c f a> q | <f, c f>2. |
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
