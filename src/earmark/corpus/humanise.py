"""A score's MIDI → a MIDI file as a person might play it, and the exact moment of every tick in it.

A score's MIDI has every note at its place and of one loudness. What pianists do with time and touch, as measured
and modelled in performance research, drawn at random:

* the tempo breathes: a smooth wander over beats and bars, an arch over each phrase with a slowing at its end (Todd
  1992, J. Acoust. Soc. Am. 91), a final ritard (Friberg and Sundberg 1999, J. Acoust. Soc. Am. 105);
* chords are not struck at once: the melody leads by some 20 ms, every finger scatters (Goebl 2001, J. Acoust. Soc.
  Am. 110);
* the melody is louder, phrases swell and fade, metrical accents weigh a little more; notes are not held to the end;
* the damper pedal is changed where the harmony changes, in most performances (a score's own pedal marks come first).

Bars are those of the MIDI's time signatures, or four quarters long where it has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import mido
import numpy as np
import numpy.typing as npt

from earmark.corpus.render import is_played, seconds, timed

Floats = npt.NDArray[np.float64]
Ticks = npt.NDArray[np.int64]

TICKS_PER_SECOND = 1000  # of the performance's MIDI file
LEAD_IN_S = 0.1  # before tick 0, so that nothing reaches below zero
MOST_ASYNCHRONY_S = 0.03  # between a note and its moment in the map, either way
DAMPER = 64  # the controller of the right pedal
PEDALLED = 0.7  # share of the performances with pedal
_STEPS_PER_QUARTER = 8  # of the tempo curve
_PEDAL_LAG_S = 0.06  # from the beat to the foot: the pedal is caught after the chord is struck
_SHORTEST_S = 0.03
_REPEATED_S = 0.02  # a key comes up this long before it is struck again

Event = tuple[float, int, mido.Message]  # seconds, rank among simultaneous ones, message


@dataclass(frozen=True)
class Performance:
    """``midi`` plays at ``performed_s[i]`` seconds what the score has at the tick ``score_ticks[i]``.

    Both arrays are float64 [n], strictly rising, from the score's first tick to its last; between them time is
    linear. A note begins within ``MOST_ASYNCHRONY_S`` of its tick's moment.
    """

    midi: mido.MidiFile
    score_ticks: Floats
    performed_s: Floats

    def seconds_at(self, ticks: npt.ArrayLike) -> Floats:
        """When the score's ``ticks`` [n] are played: seconds, float64 [n]."""
        return np.interp(np.asarray(ticks, np.float64), self.score_ticks, self.performed_s)


@dataclass(frozen=True)
class _Notes:
    """A row per note, by onset: ``on`` and ``off`` ticks, ``pitch``, ``channel`` int64; ``melody`` bool."""

    on: Ticks
    off: Ticks
    pitch: Ticks
    channel: Ticks
    melody: npt.NDArray[np.bool_]


def humanise(score: mido.MidiFile, seed: int, tempo: float = 1.0) -> Performance:
    """Play ``score`` at about ``tempo`` times its own speed; the same seed gives the same performance.

    Notes of the percussion's channel are left out. Raises ValueError when no note is left.
    """
    rng = np.random.default_rng(seed)
    notes = _read_notes(score)
    end = max(int(notes.off.max()), *(tick for tick, _ in timed(score)))
    step = score.ticks_per_beat / _STEPS_PER_QUARTER
    score_ticks = np.arange(np.ceil(end / step) + 1) * step
    bars = _bars(score, score_ticks)
    slowness = np.exp(-_log_tempo(bars, rng)) / tempo
    steps_s = np.diff(seconds(score, score_ticks)) * (slowness[1:] + slowness[:-1]) / 2
    performed_s = LEAD_IN_S + np.concatenate([[0.0], np.cumsum(steps_s)])

    def when(ticks: npt.ArrayLike) -> Floats:
        return np.interp(np.asarray(ticks, np.float64), score_ticks, performed_s)

    note_bars = np.interp(notes.on, score_ticks, bars)
    events = _struck(notes, when(notes.on), when(notes.off), _velocities(notes, note_bars, rng), rng)
    pedal = [(tick, message) for tick, message in timed(score) if is_played(message) and _is_pedal(message)]
    if pedal:
        moments = when([tick for tick, _ in pedal])
        events += [(float(at), 0, message) for at, (_, message) in zip(moments, pedal, strict=True)]
    elif rng.random() < PEDALLED:
        events += _pedalled(when(_harmony_changes(notes, score.ticks_per_beat)), performed_s[-1])
    events += [(0.0, 0, message) for _, message in timed(score) if message.type == "program_change"]
    events.append((float(performed_s[-1]), 3, mido.MetaMessage("end_of_track")))
    return Performance(_midi(events), score_ticks, performed_s)


def _is_pedal(message: mido.Message) -> bool:
    return bool(message.type == "control_change")


def _read_notes(score: mido.MidiFile) -> _Notes:
    rows, sounding = [], dict[tuple[int, int], int]()
    for tick, message in timed(score):
        if not is_played(message) or _is_pedal(message):
            continue
        key = message.channel, message.note
        if key in sounding:
            rows.append((sounding.pop(key), tick, message.note, message.channel))
        if message.type == "note_on" and message.velocity:
            sounding[key] = tick
    if not rows:
        raise ValueError("a performance needs notes")
    rows.sort(key=lambda row: (row[0], row[2]))
    on, off, pitch, channel = np.array(rows, np.int64).T
    return _Notes(on, off, pitch, channel, _skyline(on, off, pitch))


def _skyline(on: Ticks, off: Ticks, pitch: Ticks) -> npt.NDArray[np.bool_]:
    """Which notes are the melody: nothing higher begins with them or has more than half of its length to go."""
    melody = np.zeros(len(on), bool)
    held: list[tuple[int, int]] = []  # (tick until which a melody note covers lower ones, its pitch)
    for start in np.unique(on):
        now = np.flatnonzero(on == start)
        top = now[pitch[now].argmax()]
        held = [(until, above) for until, above in held if until > start]
        if not any(above > pitch[top] for _, above in held):
            melody[top] = True
            held.append(((on[top] + off[top]) // 2, pitch[top]))
    return melody


def _bars(score: mido.MidiFile, ticks: Floats) -> Floats:
    """The bar at each tick, counted from 0, with its fraction."""
    length, starts = 4.0 * score.ticks_per_beat, {0: 4.0 * score.ticks_per_beat}
    for tick, message in timed(score):
        if message.type == "time_signature":
            length = 4.0 * score.ticks_per_beat * message.numerator / message.denominator
            starts[tick] = length
    at = np.array(sorted(starts), np.float64)
    lengths = np.array([starts[int(tick)] for tick in at])
    first = np.concatenate([[0.0], np.cumsum(np.ceil(np.diff(at) / lengths[:-1]))])
    segment = np.searchsorted(at, ticks, side="right") - 1
    bars: Floats = first[segment] + (ticks - at[segment]) / lengths[segment]
    return bars


def _log_tempo(bars: Floats, rng: np.random.Generator) -> Floats:
    """The natural log of the local tempo over the mean one, float64 [ticks]."""
    periods = np.array([1.3, 2.1, 3.7, 6.0, 11.0, 23.0]) * rng.uniform(0.85, 1.15, 6)
    depths = rng.normal(0, 0.07, 6)
    wander = np.sin(2 * np.pi * (bars[:, None] / periods + rng.random(6))) @ depths
    phase = bars / rng.choice([4, 8]) % 1
    arch = rng.uniform(0.04, 0.12) * (1 - (2 * phase - 0.8) ** 2)
    slowing = rng.uniform(0.05, 0.25) * np.clip((phase - 0.85) / 0.15, 0, None) ** 2
    left = np.clip((bars[-1] - bars) / min(2.0, bars[-1] / 2), 0, 1)
    final_speed = rng.uniform(0.5, 0.75)  # of the last note, after Friberg and Sundberg's w
    ritard = np.log(final_speed**3 + (1 - final_speed**3) * left) / 3
    phrased = wander + arch - slowing
    log_tempo: Floats = phrased - phrased.mean() + ritard
    return log_tempo


def _velocities(notes: _Notes, bars: Floats, rng: np.random.Generator) -> Ticks:
    """MIDI velocities, 20 to 112, int64 [notes]."""
    phrase = (bars // 4).astype(int)
    drift = np.clip(np.cumsum(rng.normal(0, 6, phrase.max() + 1)), -15, 15)[phrase]
    swell = rng.uniform(4, 10) * np.sin(np.pi * (bars / 4 % 1))
    beat = bars % 1
    accent = 5 * _near(beat, 1.0) + 2.5 * _near(beat, 0.5)
    loudness = rng.uniform(48, 66) + drift + swell + accent + 14 * notes.melody + rng.normal(0, 3, len(bars))
    velocities: Ticks = np.clip(loudness, 20, 112).astype(np.int64)
    return velocities


def _near(phase: Floats, part: float) -> npt.NDArray[np.bool_]:
    """Whether bar phases (0..1) are a multiple of ``part``."""
    distance: Floats = np.abs(phase / part - np.rint(phase / part)) * part
    near: npt.NDArray[np.bool_] = distance < 1e-3
    return near


def _struck(notes: _Notes, on_s: Floats, off_s: Floats, velocities: Ticks, rng: np.random.Generator) -> list[Event]:
    """Note-ons and note-offs: chords spread, keys released early, never after they are struck again."""
    count = len(on_s)
    lead = notes.melody * rng.normal(0.016, 0.006, count)
    scatter = np.clip(rng.normal(0.004, 0.008, count) - lead, -MOST_ASYNCHRONY_S, MOST_ASYNCHRONY_S)
    played_s = on_s + scatter
    released_s = np.maximum(played_s + (off_s - on_s) * rng.uniform(0.8, 1.0, count), played_s + _SHORTEST_S)
    again: dict[tuple[int, int], float] = {}
    events: list[Event] = []
    for i in range(count - 1, -1, -1):
        pitch, channel = int(notes.pitch[i]), int(notes.channel[i])
        start = float(played_s[i])
        end = min(float(released_s[i]), max(start, again.get((channel, pitch), np.inf) - _REPEATED_S))
        again[channel, pitch] = start
        off = mido.Message("note_off", channel=channel, note=pitch)
        on = mido.Message("note_on", channel=channel, note=pitch, velocity=int(velocities[i]))
        events += [(start, 1, on), (end, 2 if end <= start else 0, off)]
    return events


def _harmony_changes(notes: _Notes, beat: int) -> Ticks:
    """Beats (ticks) at which the lowest sounding pitch class or most of the pitch classes change."""
    changes, before, bass_before = [0], set[int](), -1
    for start in range(0, int(notes.off.max()), beat):
        now = (notes.on < start + beat) & (notes.off > start)
        classes = set((notes.pitch[now] % 12).tolist())
        if not classes:
            continue
        bass = int(notes.pitch[now].min()) % 12
        if bass != bass_before or len(classes & before) * 2 < len(classes):
            changes.append(start)
        before, bass_before = classes, bass
    return np.unique(np.array(changes, np.int64))


def _pedalled(changes_s: Floats, end_s: float) -> list[Event]:
    """The damper goes up as the harmony changes and down again a moment later."""
    events: list[Event] = []
    for start, following in zip(changes_s, [*changes_s[1:], end_s], strict=True):
        down = min(start + _PEDAL_LAG_S, following)
        events.append((float(start), 0, mido.Message("control_change", control=DAMPER, value=0)))
        events.append((float(down), 0, mido.Message("control_change", control=DAMPER, value=127)))
    events.append((end_s, 0, mido.Message("control_change", control=DAMPER, value=0)))
    return events


def _midi(events: list[Event]) -> mido.MidiFile:
    track, now = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000)]), 0
    for time_s, _, message in sorted(events, key=lambda event: event[:2]):
        tick = max(now, round(time_s * TICKS_PER_SECOND))
        track.append(message.copy(time=tick - now))
        now = tick
    return mido.MidiFile(ticks_per_beat=TICKS_PER_SECOND, tracks=[track])
