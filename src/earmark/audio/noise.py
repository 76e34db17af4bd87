"""What microphones hear besides music: hiss, the mains, voices, worn records, applause.

Sound is mono float32 [n] at 22 050 Hz, of no particular level.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import firwin2, oaconvolve

from earmark.schema import AudioSpec, FloatArray

Floats = npt.NDArray[np.float64]

SAMPLE_RATE_HZ = AudioSpec().sample_rate_hz
GRID_HZ = np.concatenate([[0.0], np.geomspace(20, SAMPLE_RATE_HZ / 2, 255)])  # where frequency responses are stated
FIR_TAPS = 2047  # odd: the delay is a whole number of samples
HUM_SAMPLES = SAMPLE_RATE_HZ // 10  # whole periods of 50 and of 60 Hz


def equalise(samples: FloatArray, response_db: Floats) -> FloatArray:
    """Filter with a response in dB at ``GRID_HZ``, float64 [256], without moving anything in time."""
    gains = 10 ** (response_db / 20)
    filtered = oaconvolve(samples, firwin2(FIR_TAPS, GRID_HZ, gains, fs=SAMPLE_RATE_HZ).astype(np.float32))
    delay = FIR_TAPS // 2
    equalised: FloatArray = filtered[delay : delay + len(samples)]
    return equalised


def smooth(knots: Floats, at: Floats) -> Floats:
    """Values between knots, which lie at 0, 1, 2 …, along halves of cosines."""
    left = np.minimum(at.astype(int), len(knots) - 2)
    share = (1 - np.cos(np.pi * (at - left))) / 2
    values: Floats = knots[left] + (knots[left + 1] - knots[left]) * share
    return values


def hiss(rng: np.random.Generator, count: int) -> FloatArray:
    """Noise from white to brown (0 to 6 dB less an octave)."""
    slope_db = rng.uniform(0, 6)
    return equalise(rng.standard_normal(count, np.float32), -slope_db * np.log2(np.maximum(GRID_HZ, 20) / 20))


def hum(rng: np.random.Generator, count: int) -> FloatArray:
    """The mains: 50 or 60 Hz with harmonics."""
    phase = 2 * np.pi * rng.choice([50, 60]) * np.arange(HUM_SAMPLES) / SAMPLE_RATE_HZ
    loudness, shift = rng.uniform(0, 1, 8), rng.uniform(0, 2 * np.pi, 8)
    hum = sum(loudness[n - 1] / n * np.sin(n * phase + shift[n - 1]) for n in range(1, 9))
    return np.resize(hum, count).astype(np.float32)


def babble(rng: np.random.Generator, count: int) -> FloatArray:
    """Noise with a voice's spectrum that swells and fades as syllables do, about five times a second."""
    hz = np.maximum(GRID_HZ, 20)
    voice_db = -10 * np.log10(1 + (150 / hz) ** 4) - 6 * np.log2(np.maximum(hz / 500, 1))
    at = np.arange(count) / SAMPLE_RATE_HZ * 10
    syllables = np.exp(rng.normal(0, 1, int(at[-1]) + 2))
    return equalise(rng.standard_normal(count, np.float32), voice_db) * smooth(syllables, at).astype(np.float32)


def crackle(rng: np.random.Generator, count: int) -> FloatArray:
    """The clicks of a worn record."""
    clicks = np.zeros(count, np.float32)
    at = rng.integers(0, count, round(count / SAMPLE_RATE_HZ * rng.uniform(5, 60)))
    clicks[at] = rng.choice([-1, 1], len(at)) * np.exp(rng.normal(0, 1, len(at)))
    return equalise(clicks, -10 * np.log10(1 + (GRID_HZ / 4000) ** 4))


def applause(rng: np.random.Generator, count: int) -> FloatArray:
    """Some dozens of people who clap, near and far, each three to six times a second."""
    claps = np.zeros(count, np.float32)
    for _ in range(rng.integers(10, 60)):
        beats = np.cumsum(rng.normal(1 / rng.uniform(3, 6), 0.02, 1 + 6 * count // SAMPLE_RATE_HZ).clip(0.1))
        at = (beats * SAMPLE_RATE_HZ).astype(int)
        claps[at[at < count]] += rng.uniform(0.1, 1.0)
    decay = np.exp(-np.arange(SAMPLE_RATE_HZ // 40) / (SAMPLE_RATE_HZ / 300)).astype(np.float32)
    sound: FloatArray = oaconvolve(claps, decay * rng.standard_normal(len(decay), np.float32))[:count]
    return sound
