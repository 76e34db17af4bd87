"""Tapes of an hour, made a sound at a time, and what is on them when.

Pieces as people play them (`earmark.corpus.takes`) on a piano that no model was trained on, whole or a part; talking,
applause and silence between. All of a tape is in one room, under one hiss. What is made goes to disk, so an hour takes
no more memory than its longest sound.
"""

from __future__ import annotations

import wave
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import mido
import numpy as np
import numpy.typing as npt
from scipy.signal import oaconvolve

from benchmarks.suites.tapes import LOUDNESS, talking, to_loudness
from benchmarks.support.clips import PIANO, RATE_HZ, Score, write_wav
from benchmarks.support.pieces import Piece
from earmark.audio.noise import applause, hiss
from earmark.corpus.acoustics import room
from earmark.corpus.render import render
from earmark.corpus.takes import perform
from earmark.schema import FloatArray

Between = Literal["talking", "applause", "silence"]

LONGEST_S = 240.0
ABSENT_EVERY = 4
BETWEEN_S = (5.0, 30.0)
BETWEEN: tuple[tuple[Between, ...], ...] = (("applause",), ("talking",), ("silence",), ("applause", "talking"))
QUIETEST = 0.01
"""Of a performance's loudest moment: where it begins and ends."""
LOUDER_DB = 6.0
"""The most by which a sound is louder or softer than others."""
RT60_S, DIRECT_DB, HISS_DB = (0.3, 2.0), (-3.0, 12.0), (35.0, 60.0)
HEADROOM = 0.5
HISS_S = 60.0


@dataclass(frozen=True)
class Part:
    """What is heard from ``start_s`` to ``end_s``: ``what``, or a ``piece``, whose score's seconds at moments of the
    tape are ``timing`` float64 [2, n]: of the score, and of the tape."""

    what: Literal["piece"] | Between
    start_s: float
    end_s: float
    piece: Piece | None = None
    timing: npt.NDArray[np.float64] | None = None

    def pages_around(self, time_s: float, within_s: float) -> set[int]:
        """The pages of the notes that begin ``within_s`` of a moment of the tape; those of the nearest note if none
        does."""
        assert self.piece is not None
        assert self.timing is not None
        score = Score(self.piece)
        around = [max(self.start_s, time_s - within_s), min(self.end_s, time_s + within_s)]
        first, last = np.interp(around, self.timing[1], self.timing[0])
        nearest = score.onset_s[np.abs(score.onset_s - (first + last) / 2).argmin()]
        return score.pages_between(first, last) | score.pages_between(nearest, nearest)


class Takes:
    """Performances of pieces, each rendered once and kept in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, piece: Piece, number: int) -> tuple[FloatArray, npt.NDArray[np.float64]]:
        """The sound of a performance from its first note to its last, float32 [n], and its timing [2, n]: seconds of
        the score, and of the sound."""
        midi, timing = perform(mido.MidiFile(piece.midi), piece.name, number)
        path = self._folder / f"{piece.name}~{number}.wav"
        if not path.exists():
            write_wav(path, to_peak(render(midi, PIANO)))
        with wave.open(str(path), "rb") as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        sound: FloatArray = samples.astype(np.float32) / np.float32(32767)
        heard = np.flatnonzero(np.abs(sound) > QUIETEST)
        timing[1] -= heard[0] / RATE_HZ
        return sound[heard[0] : heard[-1] + 1], timing


def to_peak(samples: FloatArray) -> FloatArray:
    """The same with 1 as its loudest moment."""
    scaled: FloatArray = samples / np.abs(samples).max()
    return scaled


def make(
    path: Path,
    known: Sequence[Piece],
    absent: Sequence[Piece],
    takes: Takes,
    minutes: float,
    number: int,
    lower: float = 0.0,
) -> list[Part]:
    """Writes tape ``number``, at least ``minutes`` long, to ``path``; what is on it.

    Every fourth piece is of ``absent``. A piece is not heard again, in another performance, before all others were.
    The machine runs so slowly that all sounds ``lower`` semitones lower.
    """
    rng = np.random.default_rng([29, number])
    parts: list[Part] = []
    sounds = _sounds(rng, known, absent, takes, minutes, parts)
    response = room(rng, rng.uniform(*RT60_S), rng.uniform(*DIRECT_DB))
    level = LOUDNESS * 10 ** (-rng.uniform(*HISS_DB) / 20)
    noise = level / LOUDNESS * to_loudness(hiss(rng, round(HISS_S * RATE_HZ)))
    rate_hz = round(RATE_HZ * 2 ** (-lower / 12))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        for samples in in_room(sounds, response):
            hissing = HEADROOM * samples + np.resize(noise, len(samples))
            file.writeframes((np.clip(hissing, -1, 1) * 32767).astype("<i2").tobytes())
    return [_slower(part, RATE_HZ / rate_hz) for part in parts]


def _slower(part: Part, times: float) -> Part:
    """The same of a tape that takes ``times`` as long."""
    timing = None if part.timing is None else part.timing * [[1.0], [times]]
    return replace(part, start_s=times * part.start_s, end_s=times * part.end_s, timing=timing)


def _sounds(
    rng: np.random.Generator,
    known: Sequence[Piece],
    absent: Sequence[Piece],
    takes: Takes,
    minutes: float,
    parts: list[Part],
) -> Iterator[tuple[FloatArray, bool]]:
    """The sounds one after the other, and whether each comes from the stage; each is noted in ``parts``."""
    ahead = {True: _again_and_again(rng, absent), False: _again_and_again(rng, known)}
    now_s, played = 0.0, 0
    while now_s < 60 * minutes:
        played += 1
        piece, take = next(ahead[played % ABSENT_EVERY == 0])
        sound, timing = takes.take(piece, take)
        length = min(len(sound), round(LONGEST_S * RATE_HZ))
        start = int(rng.integers(len(sound) - length + 1))
        sound = sound[start : start + length]
        timing[1] += now_s - start / RATE_HZ
        end_s = now_s + len(sound) / RATE_HZ
        parts.append(Part("piece", now_s, end_s, piece, timing))
        yield louder(rng, sound), True
        now_s = end_s
        for what in BETWEEN[rng.integers(len(BETWEEN))]:
            end_s = now_s + rng.uniform(*BETWEEN_S)
            count = round(end_s * RATE_HZ) - round(now_s * RATE_HZ)
            parts.append(Part(what, now_s, end_s))
            if what == "silence":
                yield np.zeros(count, np.float32), False
            else:
                made = talking(rng, count / RATE_HZ) if what == "talking" else applause(rng, count)
                yield louder(rng, made), what == "talking"
            now_s = end_s


def louder(rng: np.random.Generator, samples: FloatArray) -> FloatArray:
    """Somewhat louder or softer than others."""
    changed: FloatArray = to_loudness(samples) * np.float32(10 ** (rng.uniform(-LOUDER_DB, LOUDER_DB) / 20))
    return changed


def _again_and_again(rng: np.random.Generator, pieces: Sequence[Piece]) -> Iterator[tuple[Piece, int]]:
    """All pieces in some order, then in another order in their second performance, and so on."""
    take = 0
    while True:
        take += 1
        for i in rng.permutation(len(pieces)):
            yield pieces[i], take


def in_room(sounds: Iterable[tuple[FloatArray, bool]], response: FloatArray) -> Iterator[FloatArray]:
    """The sounds in a room of this impulse ``response``, which lets each ring on in those that follow.

    What does not come from the stage comes from all sides, which no single response is that of; it stays as it is.
    """
    ringing = np.zeros(0, np.float32)
    for sound, is_on_stage in sounds:
        wet = oaconvolve(sound, response).astype(np.float32) if is_on_stage else sound.copy()
        wet = np.pad(wet, (0, max(0, len(ringing) - len(wet))))
        wet[: len(ringing)] += ringing
        yield wet[: len(sound)]
        ringing = wet[len(sound) :]
    yield ringing
