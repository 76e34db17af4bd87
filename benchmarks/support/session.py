"""Practice sessions that are made: a piece as people practise it, with every moment known.

A session is stretches of a score, each played at a tempo of its own with human timing (`earmark.corpus.humanise`) and
wrong notes. Between them the player stops and goes on, goes back a little, begins the stretch again, skips ahead, or
begins the piece again. Nothing of the score's own timing is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import mido
import numpy as np
import numpy.typing as npt

from benchmarks.support.clips import PIANO, RATE_HZ
from benchmarks.support.forms import BAR_TICKS, unfold
from benchmarks.support.pieces import Piece
from earmark.corpus.humanise import Performance, humanise
from earmark.corpus.render import is_played, render, timed
from earmark.schema import FloatArray

Step = Literal["begins", "stops and goes on", "goes back", "plays it again", "skips", "starts over"]
STEPS: tuple[Step, ...] = ("stops and goes on", "goes back", "plays it again", "skips", "starts over")
STRETCH_S = (8.0, 18.0)
PAUSE_S = (0.3, 4.0)
TEMPO = (0.6, 1.1)
WRONG_NOTES = 0.04
LENGTH_S = 90.0
HISS = 1e-4

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Score:
    """The onsets of a piece in order: ``tick`` int64, ``system`` int64 (index in reading order), ``x`` float64 in
    fractions of the page's width; ``systems`` are the page and the number on it of each system."""

    tick: Ints
    system: Ints
    x: Floats
    systems: list[tuple[int, int]]

    def system_at(self, tick: float) -> int:
        """The system of the last onset at or before a moment."""
        return int(self.system[max(0, int(np.searchsorted(self.tick, tick, side="right")) - 1)])

    def tick_at(self, page: int, number: int, x: float) -> float:
        """The moment of a place."""
        here = self.system == self.systems.index((page, number))
        if not here.any():
            return float("inf")
        order = np.argsort(self.x[here], kind="stable")
        return float(np.interp(x, self.x[here][order], self.tick[here][order]))


@dataclass(frozen=True)
class Stretch:
    """What is played from ``start_s`` to ``end_s`` of a session: the score from ``first`` ticks on, after ``step``."""

    step: Step
    first: int
    start_s: float
    end_s: float
    performance: Performance

    def tick_at(self, time_s: float) -> float:
        """The score's moment that is played."""
        performance = self.performance
        return self.first + float(np.interp(time_s - self.start_s, performance.performed_s, performance.score_ticks))

    @property
    def ticks_per_s(self) -> float:
        """How fast it is played, on average."""
        return (self.tick_at(self.end_s) - self.first) / (self.end_s - self.start_s)


def read_score(piece: Piece) -> Score:
    """A piece's onsets, one for each moment and system."""
    about = piece.about()
    width = {page["number"]: page["width_px"] for page in about["pages"]}
    widths = np.array([width[system["page"]] for system in about["systems"]])
    systems: list[tuple[int, int]] = []
    for system in about["systems"]:
        systems.append((system["page"], 1 + sum(page == system["page"] for page, _ in systems)))
    with np.load(piece.folder / "noteheads.npz") as heads:
        sounding = np.isfinite(heads["onset_s"])
        tick, system, x_px = (heads[key][sounding] for key in ("tick", "system", "x_px"))
    pairs, index = np.unique(np.stack([tick, system]).astype(np.int64), axis=1, return_inverse=True)
    x = np.bincount(index, weights=x_px / widths[system]) / np.bincount(index)
    return Score(pairs[0], pairs[1], x, systems)


def practise(piece: Piece, score: Score, seed: int) -> tuple[FloatArray, list[Stretch]]:
    """A session of about `LENGTH_S`: mono float32 samples at `RATE_HZ`, and its stretches."""
    rng = np.random.default_rng(seed)
    midi = mido.MidiFile(piece.midi)
    end = max(tick for tick, _ in timed(midi))
    sound: list[FloatArray] = []
    stretches: list[Stretch] = []
    now_s, steps = 0.0, _steps(rng)
    first, last = 0, 0
    while now_s < LENGTH_S:
        step = next(steps) if stretches else "begins"
        first = _begin(step, first, last, score, end, rng)
        performance = humanise(unfold(midi, [(first, end)]), int(rng.integers(2**31)), rng.uniform(*TEMPO))
        length_s = min(float(rng.uniform(*STRETCH_S)), float(performance.performed_s[-1]))
        samples = render(_with_wrong_notes(performance.midi, rng), PIANO)[: round(length_s * RATE_HZ)]
        length_s = len(samples) / RATE_HZ
        stretch = Stretch(step, first, now_s, now_s + length_s, performance)
        last = int(stretch.tick_at(stretch.end_s))
        pause = np.zeros(round(float(rng.uniform(*PAUSE_S)) * RATE_HZ), np.float32)
        sound += [_faded(samples), pause]
        stretches.append(stretch)
        now_s += length_s + len(pause) / RATE_HZ
    whole = np.concatenate(sound)
    return (whole + rng.normal(0, HISS, len(whole))).astype(np.float32), stretches


def _steps(rng: np.random.Generator) -> Iterator[Step]:
    """What the player does next: everything as often."""
    while True:
        for i in rng.permutation(len(STEPS)):
            yield STEPS[i]


def _begin(step: Step, first: int, last: int, score: Score, end: int, rng: np.random.Generator) -> int:
    """Where a stretch begins, in ticks, after one from ``first`` to ``last``: at an onset near a barline."""
    begins = np.array([score.tick[score.system == number].min() for number in np.unique(score.system)])
    aim: float = {
        "begins": 0.0,
        "stops and goes on": last,
        "goes back": last - rng.uniform(1, 6) * BAR_TICKS,
        "plays it again": first,
        "skips": float(rng.choice(begins)),
        "starts over": 0.0,
    }[step]
    latest = end - 8 * BAR_TICKS
    onsets = score.tick[score.tick <= max(0, latest)]
    return int(onsets[np.abs(onsets - round(aim / BAR_TICKS) * BAR_TICKS).argmin()]) if len(onsets) else 0


def _with_wrong_notes(midi: mido.MidiFile, rng: np.random.Generator) -> mido.MidiFile:
    """`WRONG_NOTES` of the notes are one or two semitones off."""
    wrong: dict[tuple[int, int], int] = {}
    for track in midi.tracks:
        for message in track:
            if message.is_meta or not is_played(message) or message.type not in ("note_on", "note_off"):
                continue
            key = message.channel, message.note
            if message.type == "note_on" and message.velocity:
                off = int(rng.choice([-2, -1, 1, 2])) if rng.random() < WRONG_NOTES else 0
                wrong[key] = min(108, max(21, message.note + off))
            message.note = wrong.get(key, message.note)
    return midi


def _faded(samples: FloatArray) -> FloatArray:
    """The keys come up at the end, not the microphone."""
    fade = np.ones(len(samples), np.float32)
    last = min(len(samples), RATE_HZ // 5)
    fade[len(samples) - last :] = np.linspace(1, 0, last, dtype=np.float32)
    return samples * fade
