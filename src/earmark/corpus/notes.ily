%% Exact bookkeeping of noteheads, read before every score through -dinclude-settings.
%%
%% Writes NOTES.tsv into the working directory, one tab-separated record a line (moments are exact fractions
%% of a whole note):
%%   header FIELD VALUE                      a field of a \header block as plain text
%%   note   ID SCORE MAIN GRACE PITCH        a notehead; PITCH is a MIDI note number, -1 without pitch
%%   place  ID RANK STAFF                    its system (rank of the first column) and staff, after line breaking
%%   tied   ID                               its note is held over by a tie, so it has no onset of its own
%% and wraps the ink of every notehead and staff in a link, so that the PDF's link annotations are their boxes:
%%   earmark:note/ID                         extent of the notehead
%%   earmark:staff/SCORE/RANK/STAFF          ends of the lines, centre of the top line to centre of the bottom line
%% SCORE counts the engraved scores of the file from 1.
%%
%% Staves of other than four or five lines (tablature, percussion) are not recorded.
%%
%% Repeats stay folded: every printed score without a \midi block of its own is given one. Staves whose instrument the
%% score does not name for MIDI are given that of the name printed beside them, or else of the header.

\include "keys.ily"

%% Functions that old sources call, that LilyPond has dropped and that convert-ly cannot translate.
#(define (override-auto-beam-setting . _) (make-music 'Music))
#(define (revert-auto-beam-setting . _) (make-music 'Music))
#(define (score-override-auto-beam-setting . _) (make-music 'Music))
#(define (set-accidental-style . _) (make-music 'Music))
#(define (set-octavation octaves) (make-music 'OttavaEvent 'ottava-number octaves))
%% It once took the music only.
#(define unfold-repeats
   (let ((unfold unfold-repeats))
     (lambda arguments (apply unfold (if (null? (cdr arguments)) (cons '() arguments) arguments)))))
%% Pictures are not copied with the sources.
#(define-markup-command (epsfile layout props axis size file) (number? number? string?) empty-stencil)
%% All books are written under one name, numbered in their order.
bookOutputName = #(define-void-function (name) (string?) #f)
bookOutputSuffix = #(define-void-function (suffix) (string?) #f)

#(define earmark-port (open-file "NOTES.tsv" "w"))
#(set-port-encoding! earmark-port "UTF-8")
#(define (earmark-record . fields)
   (display (string-join (map (lambda (field) (format #f "~a" field)) fields) "\t") earmark-port)
   (newline earmark-port))

#(define earmark-next-id
   (let ((last 0))
     (lambda () (set! last (1+ last)) last)))

#(define earmark-next-score
   (let ((last 0))
     (lambda () (set! last (1+ last)) last)))

%% The rank of a system's first column names the system within its score.
#(define (earmark-rank grob)
   (let ((system (ly:grob-system grob)))
     (if (ly:grob? system) (car (ly:grob-spanned-column-rank-interval system)) -1)))

#(define (earmark-after-line-breaking! grob action)
   (let ((before (ly:grob-property-data grob 'after-line-breaking)))
     (ly:grob-set-property! grob 'after-line-breaking
       (lambda (grob)
         (action grob)
         (if (procedure? before) (before grob) '())))))

%% Adds a link over the box (extent grob stencil) = (x-interval . y-interval), addressed (address grob).
#(define (earmark-link! grob address extent)
   (let ((before (ly:grob-property-data grob 'stencil)))
     (ly:grob-set-property! grob 'stencil
       (lambda (grob)
         (let ((stencil (if (procedure? before) (before grob) before)))
           (if (and (ly:stencil? stencil) (not (ly:stencil-empty? stencil)))
               (let* ((box (extent grob stencil))
                      (link (list 'url-link (address grob) (car box) (cdr box))))
                 (ly:stencil-add stencil (ly:make-stencil link (car box) (cdr box))))
               stencil))))))

#(define (earmark-whole-extent grob stencil)
   (cons (ly:stencil-extent stencil X) (ly:stencil-extent stencil Y)))

#(define (earmark-line-centres grob stencil)
   (let ((half-line (/ (ly:staff-symbol-line-thickness grob) 2))
         (y (ly:stencil-extent stencil Y)))
     (cons (ly:stencil-extent stencil X)
           (cons (+ (car y) half-line) (- (cdr y) half-line)))))

#(define (earmark-midi-pitch event staff)
   (let ((pitch (ly:event-property event 'pitch))
         (transposition (and staff (ly:context-property staff 'instrumentTransposition #f))))
     (if (ly:pitch? pitch)
         (+ 60
            (ly:pitch-semitones pitch)
            (if (ly:pitch? transposition) (ly:pitch-semitones transposition) 0))
         -1)))

#(define (earmark-notes-engraver score-context)
   (let ((score (earmark-next-score))
         (note-ids (make-hash-table))
         (staff-ids (make-hash-table))
         (ties '()))
     (define (staff-id symbol)
       (if (ly:grob? symbol) (hashq-ref staff-ids (ly:grob-original symbol) 0) 0))
     (make-engraver
       (acknowledgers
         ((note-head-interface engraver grob source)
          (let ((event (ly:grob-property grob 'cause)))
            (if (and (eq? (grob::name grob) 'NoteHead) (ly:stream-event? event))
                (let* ((id (earmark-next-id))
                       (moment (ly:context-current-moment score-context))
                       (staff (ly:context-find (ly:translator-context source) 'Staff)))
                  (hashq-set! note-ids grob id)
                  (earmark-record "note" id score (ly:moment-main moment) (ly:moment-grace moment)
                                  (earmark-midi-pitch event staff))
                  (earmark-after-line-breaking! grob
                    (lambda (grob)
                      (earmark-record "place" id (earmark-rank grob)
                                      (staff-id (ly:grob-object grob 'staff-symbol)))))
                  (earmark-link! grob (lambda (grob) (format #f "earmark:note/~a" id)) earmark-whole-extent)))))
         ((tie-interface engraver grob source)
          (if (eq? (grob::name grob) 'Tie) (set! ties (cons grob ties))))
         ((staff-symbol-interface engraver grob source)
          (hashq-set! staff-ids grob (earmark-next-id))
          (if (memv (ly:grob-property grob 'line-count 5) '(4 5))
              (earmark-link! grob
                (lambda (grob) (format #f "earmark:staff/~a/~a/~a" score (earmark-rank grob) (staff-id grob)))
                earmark-line-centres))))
       ((finalize engraver)
        (for-each
          (lambda (tie)
            (let* ((right (ly:spanner-bound tie RIGHT))
                   (id (and (ly:grob? right) (hashq-ref note-ids right))))
              (if id (earmark-record "tied" id))))
          ties)
        (force-output earmark-port)))))

\layout { \context { \Score \consists #earmark-notes-engraver } }

%% Parts of names of instruments and the General MIDI instrument that each means; the first that fits is taken.
#(define earmark-voices
   '(("satb" . "choir aahs") ("choir" . "choir aahs") ("chorus" . "choir aahs") ("coro" . "choir aahs")
     ("ttbb" . "choir aahs") ("voice" . "voice oohs") ("voix" . "voice oohs") ("vocal" . "voice oohs")
     ("chant" . "voice oohs") ("canto" . "voice oohs") ("sopran" . "voice oohs") ("tenor" . "voice oohs")
     ("bariton" . "voice oohs") ("s.a.t.b" . "choir aahs") ("s.s.a" . "choir aahs") ("gesang" . "voice oohs")
     ("singstimme" . "voice oohs") ("haute-contre" . "voice oohs") ("song" . "voice oohs")))
#(define earmark-keyboards
   '(("organ" . "church organ") ("orgue" . "church organ") ("orgel" . "church organ") ("harmonium" . "reed organ")
     ("harpsichord" . "harpsichord") ("cembalo" . "harpsichord") ("clavecin" . "harpsichord")
     ("continuo" . "harpsichord") ("virginal" . "harpsichord") ("piano" . "acoustic grand")
     ("klavier" . "acoustic grand") ("clavi" . "acoustic grand")))
#(define earmark-others
   '(("harpsichord" . "harpsichord") ("english horn" . "english horn") ("corno inglese" . "english horn") ("cor anglais" . "english horn")
     ("basset" . "clarinet") ("violin" . "violin") ("violoncell" . "cello") ("violone" . "contrabass")
     ("violon" . "violin") ("fiddle" . "fiddle") ("geige" . "violin") ("double bass" . "contrabass")
     ("contrabass" . "contrabass") ("contrebasse" . "contrabass") ("kontrabass" . "contrabass") ("cello" . "cello")
     ("gamba" . "cello") ("viola" . "viola") ("viole" . "viola") ("bratsche" . "viola") ("piccolo" . "piccolo")
     ("recorder" . "recorder") ("blockfl" . "recorder") ("flauto dolce" . "recorder") ("flaut" . "flute")
     ("flute" . "flute") ("flûte" . "flute") ("flöte" . "flute") ("travers" . "flute") ("oboe" . "oboe")
     ("oboi" . "oboe") ("hautbois" . "oboe") ("clarinet" . "clarinet") ("klarinette" . "clarinet")
     ("bassoon" . "bassoon") ("fagot" . "bassoon") ("basson" . "bassoon") ("sax" . "alto sax")
     ("trumpet" . "trumpet") ("tromba" . "trumpet") ("trombe" . "trumpet") ("trompe" . "trumpet")
     ("cornet" . "trumpet") ("clarin" . "trumpet") ("trombon" . "trombone") ("posaune" . "trombone")
     ("tuba" . "tuba") ("horn" . "french horn") ("corn" . "french horn") ("cor " . "french horn")
     ("timpan" . "timpani") ("pauken" . "timpani") ("timbal" . "timpani")
     ("guitar" . "acoustic guitar (nylon)") ("gitar" . "acoustic guitar (nylon)") ("lute" . "acoustic guitar (nylon)") ("laute" . "acoustic guitar (nylon)")
     ("luth" . "acoustic guitar (nylon)") ("mandolin" . "acoustic guitar (steel)") ("koto" . "koto")
     ("shamisen" . "shamisen") ("harp" . "orchestral harp") ("glockenspiel" . "glockenspiel")
     ("string" . "string ensemble 1") ("quartet" . "string ensemble 1") ("orchestra" . "string ensemble 1")
     ("brass" . "brass section") ("band" . "brass section")))
#(define earmark-low-strings '(("alto" . "viola") ("bass" . "contrabass")))
#(define earmark-low-voices '(("alto" . "voice oohs") ("bass" . "voice oohs")))

#(define (earmark-instrument name lists)
   (let ((entry (and (markup? name)
                     (let ((text (string-downcase (markup->string name))))
                       (find (lambda (entry) (string-contains text (car entry))) (apply append lists))))))
     (and entry (cdr entry))))

#(define (earmark-header-instrument)
   (let ((names (map (lambda (field)
                       (and (module? $defaultheader) (ly:modules-lookup (list $defaultheader) field #f)))
                     '(mutopiainstrument instrument))))
     (or (find markup? names) "")))

#(define (earmark-guess staff)
   (let* ((printed (ly:context-property staff 'instrumentName #f))
          (header (earmark-header-instrument))
          (sung (earmark-instrument header (list earmark-voices)))
          (low (if sung earmark-low-voices earmark-low-strings)))
     (or (earmark-instrument printed (list earmark-others earmark-voices earmark-keyboards low))
         (and (ly:context-find staff 'PianoStaff)
              (earmark-instrument header (list earmark-keyboards)))
         sung
         (earmark-instrument header (list earmark-others earmark-keyboards low)))))

#(define (earmark-program-performer staff)
   (make-performer
     ((pre-process-music performer)
      (if (not (string? (ly:context-property staff 'midiInstrument #f)))
          (let ((guess (earmark-guess staff)))
            (if (string? guess) (ly:context-set-property! staff 'midiInstrument guess)))))))

%% Key signatures of MIDI name at most seven accidentals; transposed parts have more.
\midi {
  \context { \Staff \remove Key_performer \consists #earmark-program-performer }
  \context { \TabStaff \remove Key_performer }
  \context { \DrumStaff \remove Key_performer }
}

#(define (earmark-record-header module)
   (if (module? module)
       (for-each
         (lambda (field)
           (let ((value (ly:modules-lookup (list module) field #f)))
             (if (markup? value)
                 (earmark-record "header" field
                   (string-join (string-tokenize (markup->string value)) " ")))))
         '(title mutopiatitle composer mutopiacomposer license mutopiacopyright copyright))))

#(define (earmark-scores book)
   (append (filter ly:score? (ly:book-scores book))
           (append-map earmark-scores (ly:book-book-parts book))))

#(define (earmark-output score kind)
   (find (lambda (output) (eq? kind (ly:output-def-lookup output 'output-def-kind #f)))
         (ly:score-output-defs score)))

%% A score without a \midi block takes that of the score that only sounds: the one at the same place where there
%% are as many of them as of printed scores, else the first.
#(define (earmark-add-midi! book)
   (let* ((scores (earmark-scores book))
          (only-sounds? (lambda (score) (and (earmark-output score 'midi) (not (earmark-output score 'layout)))))
          (midis (map (lambda (score) (earmark-output score 'midi)) (filter only-sounds? scores)))
          (printed (remove only-sounds? scores)))
     (for-each
       (lambda (score place)
         (if (not (earmark-output score 'midi))
             (begin
               (if (null? (ly:score-output-defs score)) (ly:score-add-output-def! score $defaultlayout))
               (ly:score-add-output-def! score
                 (cond ((null? midis) $defaultmidi)
                       ((= (length midis) (length printed)) (list-ref midis place))
                       (else (car midis)))))))
       printed (iota (length printed)))))

#(define (toplevel-book-handler book . _)
   (earmark-record-header (ly:book-header book))
   (earmark-record-header $defaultheader)
   (for-each earmark-record-header (map ly:book-header (filter ly:book? (ly:book-book-parts book))))
   (earmark-add-midi! book)
   ;; Landscape paper would be turned in the PDF.
   (ly:output-def-set-variable! $defaultpaper 'landscape #f)
   (print-book-with-defaults book))
