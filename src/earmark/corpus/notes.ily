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
%% Repeats stay folded: every printed score without a \midi block of its own is given one.

%% Functions that old sources call, that LilyPond has dropped and that convert-ly cannot translate.
#(define (override-auto-beam-setting . _) (make-music 'Music))
#(define (revert-auto-beam-setting . _) (make-music 'Music))
#(define (score-override-auto-beam-setting . _) (make-music 'Music))
#(define (set-accidental-style . _) (make-music 'Music))
#(define (set-octavation octaves) (make-music 'OttavaEvent 'ottava-number octaves))

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
          (earmark-link! grob
            (lambda (grob) (format #f "earmark:staff/~a/~a/~a" score (earmark-rank grob) (staff-id grob)))
            earmark-line-centres)))
       ((finalize engraver)
        (for-each
          (lambda (tie)
            (let* ((right (ly:spanner-bound tie RIGHT))
                   (id (and (ly:grob? right) (hashq-ref note-ids right))))
              (if id (earmark-record "tied" id))))
          ties)
        (force-output earmark-port)))))

\layout { \context { \Score \consists #earmark-notes-engraver } }

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
   (print-book-with-defaults book))
