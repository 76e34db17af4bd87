"""Mono samples at another rate: as a model hears them, or higher than they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import av

from earmark.schema import AudioSpec, FloatArray

SPEC = AudioSpec()


def to_rate(blocks: Iterable[FloatArray], rate: int) -> Iterator[FloatArray]:
    """Blocks float32 [n] at ``rate`` Hz → at 22 050 Hz."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SPEC.sample_rate_hz)
    for block in chain(blocks, [None]):
        frame = None
        if block is not None:
            frame = av.AudioFrame.from_ndarray(block[None], format="flt", layout="mono")
            frame.sample_rate = rate
        for part in resampler.resample(frame):
            if part.samples:
                samples: Any = part.to_ndarray()
                yield samples[0]


def raised(blocks: Iterable[FloatArray], semitones: int) -> Iterator[FloatArray]:
    """Blocks float32 [n] at 22 050 Hz, played `speed` times as fast: they sound ``semitones`` higher."""
    return to_rate(blocks, _rate_hz(semitones)) if semitones else iter(blocks)


def speed(semitones: int) -> float:
    """How many times as fast sound is played to be ``semitones`` higher; below 1 for what is to be lower."""
    return _rate_hz(semitones) / SPEC.sample_rate_hz


def _rate_hz(semitones: int) -> int:
    return round(SPEC.sample_rate_hz * 2 ** (semitones / 12))
