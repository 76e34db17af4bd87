% House style of the demo's scores: A4, page numbers at the foot, nothing else beyond LilyPond's own.
\paper {
  #(set-paper-size "a4")
  top-margin = 12\mm
  indent = 10\mm
  ragged-bottom = ##t
  oddHeaderMarkup = ##f
  evenHeaderMarkup = ##f
  oddFooterMarkup = \markup \fill-line {
    \line {
      \if \on-first-page \fromproperty #'header:copyright
      \unless \on-first-page \fromproperty #'page:page-number-string
    }
  }
  evenFooterMarkup = \oddFooterMarkup
}
