"""Noteheads and MIDI → one performance in which every notehead has its onset.

A notehead's moment (whole notes, exact) gives its MIDI tick; the note-on of its pitch at that tick is its sound, and
the tempo map gives the seconds. No time warping is involved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import numpy.typing as npt

from earmark.corpus.engrave_lilypond import NoteHead
from earmark.corpus.render import CHANNELS, PERCUSSION, is_played, seconds, timed

TICKS_PER_WHOLE = 1536  # LilyPond's 384 a quarter
_GRACE_SPEED = Fraction(9, 40)  # of a grace note's written length, in LilyPond's MIDI
_TOLERANCE_TICKS = 2
_VELOCITY = 64
_TRANSPOSITIONS = (-12, 12, *(by for size in range(1, 25) if size != 12 for by in (-size, size)))
_TRANSPOSED, _WELL_MATCHED = 0.5, 0.9  # share of a staff's noteheads: fewer match unmoved, at least as many moved
_DEFAULT_TEMPO_US = 1_000_000  # of a quarter, where the source states none: LilyPond's 60 beats a minute

Notes = dict[tuple[int, int], int]  # (tick, pitch) → length in ticks


@dataclass(frozen=True)
class NoteheadOnsets:
    """One row per notehead; ``tick`` is -1 and the times are NaN where there is none.

    ``pitch`` int32 [n] is what sounds, -1 without pitch: that of the notehead, but for staves that the MIDI transposes.
    ``tick`` int32 [n] in ``performance``; ``onset_s`` and ``duration_s`` float64 [n] at its own tempo. Noteheads
    without an onset are those held over by a tie and those that do not sound. ``performance`` plays the scores of the
    file one after the other, every note at velocity 64 as in MSMD v1.1.
    """

    pitch: npt.NDArray[np.int32]
    tick: npt.NDArray[np.int32]
    onset_s: npt.NDArray[np.float64]
    duration_s: npt.NDArray[np.float64]
    sounding: int
    matched: int
    performance: mido.MidiFile
    end_tick: int


def find_onsets(noteheads: Sequence[NoteHead], midis: Sequence[Path]) -> NoteheadOnsets:
    """Give every notehead its onset in the performance made of ``midis``, the files of the scores in their order."""
    files = [mido.MidiFile(path, clip=True) for path in midis]  # LilyPond writes velocities above 127
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
    ).reshape(len(scores), len(files))
    for score, some in enumerate(heads):
        if matches[score].max(initial=0) < _TRANSPOSED * _count_sounding(some):
            for midi, sound in enumerate(notes):
                moved = _as_they_sound(some, sound, origin[score])
                matches[score, midi] = _count_matches(moved, sound, origin[score])
    midi_of_score = pair_in_order(matches)
    noteheads = list(noteheads)
    for score, midi in midi_of_score:
        moved = _as_they_sound(heads[score], notes[midi], origin[score])
        for row, notehead in zip(by_score[scores[score]], moved, strict=True):
            noteheads[row] = notehead

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
    sounding = _count_sounding(noteheads)
    pitch = np.array([notehead.pitch for notehead in noteheads], np.int32)
    return NoteheadOnsets(pitch, tick, onset_s, end_s - onset_s, sounding, int(has_onset.sum()), performance, end)


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


def _count_sounding(noteheads: Iterable[NoteHead]) -> int:
    return sum(notehead.pitch >= 0 and not notehead.held for notehead in noteheads)


def _as_they_sound(noteheads: Sequence[NoteHead], notes: Notes, origin: int) -> list[NoteHead]:
    """``noteheads`` with the pitches that sound, where only the MIDI transposes a staff, a guitar's say."""
    by_staff: dict[int, list[NoteHead]] = defaultdict(list)
    for notehead in noteheads:
        by_staff[notehead.staff].append(notehead)
    semitones = {staff: _transposition(heads, notes, origin) for staff, heads in by_staff.items()}
    return [_moved(notehead, semitones[notehead.staff]) for notehead in noteheads]


def _transposition(noteheads: Sequence[NoteHead], notes: Notes, origin: int) -> int:
    """The semitones that a staff sounds above its noteheads: 0 unless these do not match and others do."""
    sounding = _count_sounding(noteheads)
    if _count_matches(noteheads, notes, origin) >= _TRANSPOSED * sounding:
        return 0
    for by in _TRANSPOSITIONS:
        if _count_matches([_moved(head, by) for head in noteheads], notes, origin) >= _WELL_MATCHED * sounding:
            return by
    return 0


def _moved(notehead: NoteHead, semitones: int) -> NoteHead:
    return replace(notehead, pitch=notehead.pitch + semitones) if semitones and notehead.pitch >= 0 else notehead


def _play_in_turn(files: Iterable[mido.MidiFile]) -> tuple[mido.MidiFile, list[int], int]:
    """Join the files to one track of programs, tempo, notes and pedals; return it, where each begins and the end.

    Every channel has one program throughout: notes of another one are put on another channel.
    """
    track, starts, start, last = mido.MidiTrack(), [], 0, 0
    channels = _Channels()
    for file in files:
        starts.append(start)
        track.append(mido.MetaMessage("set_tempo", tempo=_DEFAULT_TEMPO_US, time=start - last))
        last = end = start
        channels.begin_file()
        for tick, number, message in _timed_tracks(file):
            end = start + tick
            if message.type == "program_change":
                channels.set_program(number, message.channel, message.program)
            elif message.type == "set_tempo":
                track.append(message.copy(time=end - last))
                last = end
            elif is_played(message):
                velocity = {"velocity": _VELOCITY} if message.type == "note_on" and message.velocity else {}
                track.append(message.copy(time=end - last, channel=channels.of(number, message), **velocity))
                last = end
        start = end
    track.append(mido.MetaMessage("end_of_track", time=start - last))
    programs = [
        mido.Message("program_change", channel=channel, program=program)
        for channel, program in sorted(channels.programs.items())
    ]
    whole = mido.MidiTrack([*programs, *track])
    return mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_WHOLE // 4, tracks=[whole]), starts, start


def _timed_tracks(file: mido.MidiFile) -> list[tuple[int, int, mido.Message]]:
    """Every message with its tick and the number of its track, in the order of `timed`."""
    messages = []
    for number, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            tick += message.time
            messages.append((tick, number, message))
    return sorted(messages, key=lambda message: message[0])


class _Channels:
    """Which channel plays what: LilyPond gives the sixteenth staff the first one's channel again.

    ``programs`` (channel → program) is what has been given out. When there are more programs than channels, the rest
    play what their channel plays.
    """

    def __init__(self) -> None:
        self.programs: dict[int, int] = {}
        self.begin_file()

    def begin_file(self) -> None:
        """Forget the programs that the tracks of the last file had."""
        self._now: dict[tuple[int, int], int] = {}
        self._held: dict[tuple[int, int, int], int] = {}

    def set_program(self, track: int, channel: int, program: int) -> None:
        """The notes of ``track`` on ``channel`` are of ``program`` from now on."""
        self._now[track, channel] = program

    def of(self, track: int, message: mido.Message) -> int:
        """The channel that plays ``message``; a note ends where it began."""
        key = track, message.channel, getattr(message, "note", -1)
        if message.type == "note_on" and message.velocity:
            self._held[key] = self._find(message.channel, self._now.get(key[:2], 0))
        if key in self._held:
            return self._held[key]
        return self._find(message.channel, self._now.get(key[:2], 0))

    def _find(self, channel: int, program: int) -> int:
        if self.programs.setdefault(channel, program) == program:
            return channel
        for other, played in self.programs.items():
            if played == program:
                return other
        free = [other for other in range(CHANNELS) if other not in self.programs and other != PERCUSSION]
        if not free:
            return channel
        # From the top: LilyPond gives them out from the bottom.
        self.programs[free[-1]] = program
        return free[-1]
