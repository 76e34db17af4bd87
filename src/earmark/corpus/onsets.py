"""Noteheads and MIDI → one performance in which every notehead has its onset.

A notehead's moment (whole notes, exact) gives its MIDI tick; the note-on of its pitch at that tick is its sound, and
the tempo map gives the seconds. No time warping is involved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import numpy.typing as npt

from earmark.corpus.engrave_lilypond import NoteHead
from earmark.corpus.render import is_played, seconds, timed

TICKS_PER_WHOLE = 1536  # LilyPond's 384 a quarter
_GRACE_SPEED = Fraction(9, 40)  # of a grace note's written length, in LilyPond's MIDI
_TOLERANCE_TICKS = 2
_VELOCITY = 64
_DEFAULT_TEMPO_US = 1_000_000  # of a quarter, where the source states none: LilyPond's 60 beats a minute

Notes = dict[tuple[int, int], int]  # (tick, pitch) → length in ticks


@dataclass(frozen=True)
class NoteheadOnsets:
    """One row per notehead; ``tick`` is -1 and the times are NaN where there is none.

    ``tick`` int32 [n] in ``performance``; ``onset_s`` and ``duration_s`` float64 [n] at its own tempo. Noteheads
    without an onset are those held over by a tie and those that do not sound. ``performance`` plays the scores of the
    file one after the other, every note at velocity 64 as in MSMD v1.1.
    """

    tick: npt.NDArray[np.int32]
    onset_s: npt.NDArray[np.float64]
    duration_s: npt.NDArray[np.float64]
    sounding: int
    matched: int
    performance: mido.MidiFile
    end_tick: int


def find_onsets(noteheads: Sequence[NoteHead], midis: Sequence[Path]) -> NoteheadOnsets:
    """Give every notehead its onset in the performance made of ``midis``, the files of the scores in their order."""
    files = [mido.MidiFile(path) for path in midis]
    notes = [_read_notes(file) for file in files]
    by_score: dict[int, list[int]] = defaultdict(list)
    for row, notehead in enumerate(noteheads):
        by_score[notehead.score].append(row)
    scores = sorted(by_score)
    heads = [[noteheads[row] for row in by_score[score]] for score in scores]
    # MIDI begins with the first sound, before the beat of a score that opens with a grace note.
    origin = [min(0, *map(_tick, some)) for some in heads]
    matches = np.array(
        [[_count_matches(some, sound, start) for sound in notes] for some, start in zip(heads, origin, strict=True)],
        dtype=np.int64,
    )
    midi_of_score = pair_in_order(matches.reshape(len(scores), len(files)))

    performance, starts, end = _play_in_turn([files[midi] for _, midi in midi_of_score])
    tick = np.full(len(noteheads), -1, np.int32)
    length = np.zeros(len(noteheads), np.int64)
    for (score, midi), start in zip(midi_of_score, starts, strict=True):
        for row in by_score[scores[score]]:
            found = None if noteheads[row].held else _find(noteheads[row], notes[midi], origin[score])
            if found is not None:
                tick[row], length[row] = start + found, notes[midi][found, noteheads[row].pitch]
    has_onset = tick >= 0
    onset_s = np.where(has_onset, seconds(performance, tick), np.nan)
    end_s = np.where(has_onset, seconds(performance, tick + length), np.nan)
    sounding = sum(notehead.pitch >= 0 and not notehead.held for notehead in noteheads)
    return NoteheadOnsets(tick, onset_s, end_s - onset_s, sounding, int(has_onset.sum()), performance, end)


def pair_in_order(matches: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Pair scores with MIDI files, both in order, for the most matches; a file may have scores that are not engraved.

    ``matches`` [scores, files] counts the noteheads that sound in the file. Pairs come in order; a score or a file
    without any match stays alone.
    """
    best = np.zeros((matches.shape[0] + 1, matches.shape[1] + 1), np.int64)
    for score, midi in np.ndindex(*matches.shape):
        paired = best[score, midi] + matches[score, midi]
        best[score + 1, midi + 1] = max(paired, best[score, midi + 1], best[score + 1, midi])
    pairs = []
    score, midi = matches.shape
    while score and midi:
        if best[score, midi] == best[score, midi - 1]:
            midi -= 1
        elif best[score, midi] == best[score - 1, midi]:
            score -= 1
        else:
            score, midi = score - 1, midi - 1
            pairs.append((score, midi))
    return pairs[::-1]


def _read_notes(file: mido.MidiFile) -> Notes:
    notes: Notes = {}
    open_notes: dict[tuple[int, int], int] = {}
    for tick, message in timed(file):
        if message.type not in ("note_on", "note_off"):
            continue
        key = message.channel, message.note
        start = open_notes.pop(key, None)
        if start is not None:
            notes[start, message.note] = max(tick - start, notes.get((start, message.note), 0))
        if message.type == "note_on" and message.velocity:
            open_notes[key] = tick
    return notes


def _tick(notehead: NoteHead) -> int:
    return int((notehead.main + _GRACE_SPEED * notehead.grace) * TICKS_PER_WHOLE)


def _find(notehead: NoteHead, notes: Notes, origin: int) -> int | None:
    """The tick of the note-on of ``notehead`` in a file that begins at tick ``origin`` of the score."""
    tick = _tick(notehead) - origin
    for distance in range(_TOLERANCE_TICKS + 1):
        for near in (tick + distance, tick - distance):
            if (near, notehead.pitch) in notes:
                return near
    return None


def _count_matches(noteheads: Iterable[NoteHead], notes: Notes, origin: int) -> int:
    return sum(not notehead.held and _find(notehead, notes, origin) is not None for notehead in noteheads)


def _play_in_turn(files: Iterable[mido.MidiFile]) -> tuple[mido.MidiFile, list[int], int]:
    """Join the files to one track of tempo, notes and pedals; return it the tick where each begins and the end."""
    track, starts, start, last = mido.MidiTrack(), [], 0, 0
    for file in files:
        starts.append(start)
        track.append(mido.MetaMessage("set_tempo", tempo=_DEFAULT_TEMPO_US, time=start - last))
        last = end = start
        for tick, message in timed(file):
            end = start + tick
            if message.type == "set_tempo" or is_played(message):
                velocity = {"velocity": _VELOCITY} if message.type == "note_on" and message.velocity else {}
                track.append(message.copy(time=end - last, **velocity))
                last = end
        start = end
    track.append(mido.MetaMessage("end_of_track", time=start - last))
    return mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_WHOLE // 4, tracks=[track]), starts, start
