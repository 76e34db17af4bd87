%% Engraves and plays every score as many semitones higher as the environment's EARMARK_SEMITONES says, spelt so that
%% the keys of the score have as few accidentals as they can.
#(define earmark-semitones (string->number (or (getenv "EARMARK_SEMITONES") "0")))

%% The interval of that many semitones that leads FIFTHS fifths up.
#(define (earmark-interval fifths)
   (let* ((step (modulo (* 4 fifths) 7))
          (sharps (floor-quotient (+ fifths 1) 7))
          (natural (list-ref '(0 2 4 5 7 9 11) step)))
     (ly:make-pitch (quotient (- earmark-semitones natural sharps) 12) step (/ sharps 2))))

%% The accidentals of every key of the music: sharps are positive, flats negative. Without a key it is in C major.
#(define (earmark-accidentals music)
   (let ((keys (extract-named-music music 'KeyChangeEvent)))
     (if (null? keys)
         '(0)
         (map (lambda (key) (* 2 (apply + (map cdr (ly:music-property key 'pitch-alist))))) keys))))

#(define (earmark-transpose music)
   (let* ((accidentals (earmark-accidentals music))
          (most (lambda (fifths) (apply max (map (lambda (key) (abs (+ key fifths))) accidentals))))
          (up (modulo (* 7 earmark-semitones) 12))
          (down (- up 12))
          (fifths (if (<= (most up) (most down)) up down)))
     (ly:music-transpose (ly:music-deep-copy music) (earmark-interval fifths))))

#(if (not (zero? earmark-semitones))
   (set! toplevel-music-functions (cons earmark-transpose toplevel-music-functions)))
