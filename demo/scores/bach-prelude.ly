\version "2.24.0"
#(set-global-staff-size 18)
\include "style.ily"

\header {
  title = "Prelude in C major"
  subtitle = "from The Well-Tempered Clavier, Book I, BWV 846"
  composer = "Johann Sebastian Bach"
  copyright = "Public domain"
}

global = { \key c \major \time 4/4 \tempo 4 = 72 }

% Bars 1-32 are one figure over five notes, from the bass up.
right =
#(define-music-function (low middle high) (ly:pitch? ly:pitch? ly:pitch?)
   #{ \repeat unfold 2 { r8 $low 16 $middle $high $low $middle $high } #})

left =
#(define-music-function (bass tenor) (ly:pitch? ly:pitch?)
   #{ << { \repeat unfold 2 { r16 $tenor 8. ~ $tenor 4 } } \\ { $bass 2 $bass } >> #})

upper = {
  \global
  \right g' c'' e'' | \right a' d'' f'' | \right g' d'' f'' | \right g' c'' e'' |
  \right a' e'' a'' | \right fis' a' d'' | \right g' d'' g'' | \right e' g' c'' |
  \right e' g' c'' | \right d' fis' c'' | \right d' g' b' | \right e' g' cis'' |
  \right d' a' d'' | \right d' f' b' | \right c' g' c'' | \right a c' f' |
  \right a c' f' | \right g b f' | \right g c' e' | \right bes c' e' |
  \right a c' e' | \right a c' ees' | \right b c' d' | \right g b d' |
  \right g c' e' | \right g c' f' | \right g b f' | \right a c' fis' |
  \right g c' g' | \right g c' f' | \right g b f' | \right g bes e' |
  r8 f16 a c' f' c' a c' a f a f d f d |
  r8 g'16 b' d'' f'' d'' b' d'' b' g' b' d' f' e' d' |
  <e' g' c''>1 \bar "|."
}

lower = {
  \global \clef bass
  \left c' e' | \left c' d' | \left b d' | \left c' e' |
  \left c' e' | \left c' d' | \left b d' | \left b c' |
  \left a c' | \left d a | \left g b | \left g bes |
  \left f a | \left f aes | \left e g | \left e f |
  \left d f | \left g, d | \left c e | \left c g |
  \left f, f | \left fis, c | \left aes, f | \left g, f |
  \left g, e | \left g, d | \left g, d | \left g, ees |
  \left g, e | \left g, d | \left g, d | \left c, c |
  << { r16 c8. ~ c4 ~ c2 } \\ { c,1 } >> |
  << { r16 b,8. ~ b,4 ~ b,2 } \\ { c,1 } >> |
  <c, c>1
}

\score {
  \new PianoStaff << \new Staff \upper \new Staff \lower >>
  \layout { }
  \midi { }
}
