"""Takes: a piece as somebody played it once, and as somebody recorded it.

A take's performance is one whatever piano plays it: it is drawn from the names of piece and take. Tuning and recording
are drawn for each piano. Equal names give equal takes.
"""

from __future__ import annotations

from zlib import crc32

import mido
import numpy as np
import numpy.typing as npt

from earmark.corpus.acoustics import record
from earmark.corpus.humanise import humanise
from earmark.corpus.render import render, seconds, timed
from earmark.schema import FloatArray

SLOWEST, FASTEST = 0.8, 1.25  # mean tempo of a performance, of the score's own
DETUNED = 0.6  # share of the takes whose piano is not at 440 Hz
MOST_DETUNED_CENTS = 50.0


def perform(score: mido.MidiFile, piece: str, number: int) -> tuple[mido.MidiFile, npt.NDArray[np.float64]]:
    """Performance ``number`` of ``piece``: its MIDI and its timing, exact at every event of the score.

    The timing is float64 [2, n], both rows strictly rising: seconds of the score at its own tempo, and the seconds at
    which they are played. Raises ValueError when the score has no note.
    """
    seed = crc32(f"{piece}~{number}".encode())
    tempo = float(np.exp(np.random.default_rng([seed, 1]).uniform(np.log(SLOWEST), np.log(FASTEST))))
    performance = humanise(score, seed, tempo)
    events = np.array([tick for tick, _ in timed(score)], np.float64)
    ticks = np.union1d(performance.score_ticks, events)
    return performance.midi, np.stack([seconds(score, ticks), performance.seconds_at(ticks)])


def record_take(midi: mido.MidiFile, piano: str, piece: str, number: int) -> FloatArray:
    """Play a performance's ``midi`` on ``piano``, maybe out of tune, and record it: float32 [n] at 22 050 Hz."""
    name = f"{piano}~{number} {piece}"
    rng = np.random.default_rng(crc32(name.encode()))
    cents = rng.uniform(-MOST_DETUNED_CENTS, MOST_DETUNED_CENTS) if rng.random() < DETUNED else 0.0
    return record(render(midi, piano, cents=cents, draw=name), rng)
