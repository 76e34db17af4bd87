"""A score's MIDI → a MIDI file as a person might play it; not `earmark.corpus.humanise`, by which models are trained.

What pianists do with time and touch, as measured and modelled in performance research, drawn at random:

* the tempo breathes: slower towards the ends of phrases and at the close, wandering a little from bar to bar
  (phrase arch of Todd 1992, J. Acoust. Soc. Am. 91; the KTH rules, Friberg, Bresin and Sundberg 2006);
* chords are not struck at once: the melody leads by some 20 ms and every finger has a scatter of its own
  (Goebl 2001, J. Acoust. Soc. Am. 110);
* the melody is louder than what accompanies it, phrases swell and fade, downbeats weigh a little more;
* notes are held not quite as long as written, and the damper pedal is down for the first half of each bar.

Repeats are not taken: the performance goes through the printed bars once, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import mido
import numpy as np
import numpy.typing as npt

from earmark.corpus.render import seconds

Times = npt.NDArray[np.float64]
Ticks = npt.NDArray[np.int64]

PHRASE_BARS = 4
TICKS_PER_SECOND = 1000  # of the performance's MIDI file
DAMPER = 64  # the controller of the right pedal
LEAD_IN_S = 0.25  # before the first note, so that no scatter reaches below zero


@dataclass(frozen=True)
class Note:
    """A sounding note of the score; ``melody`` marks the highest of the upper staff at its onset."""

    onset_tick: int
    end_tick: int
    pitch: int
    melody: bool


@dataclass(frozen=True)
class Performance:
    """``midi`` plays at ``performed_s[i]`` seconds what the score has at the tick ``score_ticks[i]``.

    Both arrays are float64 [n], strictly rising, from the score's first tick to its last; between them time
    is linear. ``bar_ticks`` int [bars + 1] is where the printed bars begin, a pick-up not counted, and where
    the last one ends.
    """

    midi: mido.MidiFile
    score_ticks: Times
    performed_s: Times
    bar_ticks: Ticks

    def seconds_at(self, ticks: npt.ArrayLike) -> Times:
        """Return when the score's ``ticks`` [n] are played, float64 [n]."""
        return np.interp(np.asarray(ticks, np.float64), self.score_ticks, self.performed_s)


def perform(score: mido.MidiFile, pickup_ticks: int, tempo: float, rng: np.random.Generator) -> Performance:
    """Play ``score`` (one track per staff, the upper first) at about ``tempo`` times its own speed.

    ``pickup_ticks`` is the length of an incomplete first bar. The same state of ``rng`` gives the same
    performance.
    """
    notes = _notes(score)
    bar_ticks = _bar_ticks(score, pickup_ticks, max(note.end_tick for note in notes))
    score_ticks = np.arange(0, bar_ticks[-1] + 1, score.ticks_per_beat // 4, dtype=np.float64)
    slowness = np.exp(-_log_tempo(score_ticks, bar_ticks, rng)) / tempo
    score_s = seconds(score, score_ticks)
    steps_s = np.diff(score_s) * (slowness[1:] + slowness[:-1]) / 2
    performed_s = LEAD_IN_S + np.concatenate([[0.0], np.cumsum(steps_s)])

    onset_s = np.interp([note.onset_tick for note in notes], score_ticks, performed_s)
    end_s = np.interp([note.end_tick for note in notes], score_ticks, performed_s)
    melody = np.array([note.melody for note in notes])
    played_s = onset_s - melody * rng.normal(0.020, 0.008, len(notes)) + rng.normal(0, 0.009, len(notes))
    held_s = (end_s - onset_s) * rng.uniform(0.85, 0.98, len(notes))
    velocities = _velocities(notes, bar_ticks, rng)

    events: list[tuple[float, int, mido.Message]] = []
    for note, start_s, length_s, velocity in zip(notes, played_s, held_s, velocities, strict=True):
        on = mido.Message("note_on", note=note.pitch, velocity=velocity)
        off = mido.Message("note_off", note=note.pitch)
        events += [(start_s, 1, on), (start_s + max(length_s, 0.03), 0, off)]
    for down_s, up_s in _pedal(np.interp(bar_ticks, score_ticks, performed_s)):
        events.append((down_s, 0, mido.Message("control_change", control=DAMPER, value=127)))
        events.append((up_s, 0, mido.Message("control_change", control=DAMPER, value=0)))
    return Performance(_midi(events), score_ticks, performed_s, bar_ticks)


def _notes(score: mido.MidiFile) -> list[Note]:
    """Return the notes of ``score`` by onset; the first track with notes is the upper staff."""
    staves: list[list[tuple[int, int, int]]] = []
    for track in score.tracks:
        tick, sounding, staff = 0, dict[int, int](), list[tuple[int, int, int]]()
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                sounding[message.note] = tick
            elif message.type in ("note_on", "note_off") and message.note in sounding:
                staff.append((sounding.pop(message.note), tick, message.note))
        if staff:
            staves.append(staff)
    top = {onset: max(pitch for start, _, pitch in staves[0] if start == onset) for onset, _, _ in staves[0]}
    return sorted(
        (
            Note(onset, end, pitch, melody=number == 0 and pitch == top[onset])
            for number, staff in enumerate(staves)
            for onset, end, pitch in staff
        ),
        key=lambda note: (note.onset_tick, note.pitch),
    )


def _bar_ticks(score: mido.MidiFile, pickup_ticks: int, end_tick: int) -> Ticks:
    """Return where the bars begin and the last one ends; the demo's pieces keep one time signature."""
    messages = (message for track in score.tracks for message in track)
    signature = next(message for message in messages if message.type == "time_signature")
    bar: int = score.ticks_per_beat * 4 * signature.numerator // signature.denominator
    bars = -(-(end_tick - pickup_ticks) // bar)
    return np.arange(bars + 1, dtype=np.int64) * bar + pickup_ticks


def _log_tempo(ticks: Times, bar_ticks: Ticks, rng: np.random.Generator) -> Times:
    """Return the natural log of the local tempo over the mean one, float64 [ticks]."""
    bar = np.interp(ticks, bar_ticks, np.arange(len(bar_ticks)))
    wander = np.interp(bar, np.arange(len(bar_ticks)), rng.normal(0, 0.035, len(bar_ticks)))
    phase = bar / PHRASE_BARS % 1
    arch = rng.uniform(0.03, 0.07) * (1 - (2 * phase - 0.8) ** 2)
    close = -0.25 * np.clip(bar - (len(bar_ticks) - 3), 0, None) ** 2 / 4
    log_tempo = wander + arch + close
    return np.asarray(log_tempo - log_tempo.mean())


def _velocities(notes: list[Note], bar_ticks: Ticks, rng: np.random.Generator) -> list[int]:
    """Return a MIDI velocity, 25 to 112, for every note."""
    onset = np.array([note.onset_tick for note in notes])
    bar = np.interp(onset, bar_ticks, np.arange(len(bar_ticks)))
    phrase = (bar // PHRASE_BARS).astype(int)
    dynamics = np.clip(np.cumsum(rng.normal(0, 5, phrase.max() + 1)), -12, 12)[phrase]
    swell = 7 * np.sin(np.pi * (bar / PHRASE_BARS % 1))
    downbeat = 4 * np.isin(onset, bar_ticks)
    melody = 16 * np.array([note.melody for note in notes])
    touch = rng.normal(0, 3, len(notes))
    loudness = 54 + dynamics + swell + downbeat + melody + touch
    return [int(velocity) for velocity in np.clip(loudness, 25, 112)]


def _pedal(bar_s: Times) -> list[tuple[float, float]]:
    """Return when the damper pedal goes down, just after each downbeat, and up, half a bar later [s]."""
    return [(start + 0.06, (start + end) / 2) for start, end in pairwise(bar_s)]


def _midi(events: list[tuple[float, int, mido.Message]]) -> mido.MidiFile:
    """Return a MIDI file of ``events`` (time in s, rank among simultaneous ones, message)."""
    track, now = mido.MidiTrack(), 0
    track.append(mido.MetaMessage("set_tempo", tempo=1_000_000))
    for time_s, _, message in sorted(events, key=lambda event: event[:2]):
        tick = max(now, round(time_s * TICKS_PER_SECOND))
        track.append(message.copy(time=tick - now))
        now = tick
    return mido.MidiFile(ticks_per_beat=TICKS_PER_SECOND, tracks=[track])
