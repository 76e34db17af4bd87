"""Samples at another rate, and sound that is played higher."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.audio.rate import raised, speed
from earmark.schema import FloatArray

RATE_HZ = 22_050


def tone(hz: float) -> FloatArray:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(2 * RATE_HZ) / RATE_HZ)).astype(np.float32)


def loudest_hz(samples: FloatArray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / RATE_HZ)[spectrum.argmax()])


@pytest.mark.parametrize(("semitones", "hz"), [(12, 880.0), (2, 493.88), (7, 659.26), (-3, 369.99), (0, 440.0)])
def test_sound_is_raised_by_playing_it_faster(semitones: int, hz: float) -> None:
    sound = tone(440)
    higher = np.concatenate(list(raised(np.array_split(sound, 7), semitones)))
    assert loudest_hz(higher) == pytest.approx(hz, abs=0.6)
    assert len(higher) == pytest.approx(len(sound) / speed(semitones), abs=64)
    assert np.abs(higher).max() == pytest.approx(0.3, abs=0.02)


def test_what_would_be_too_high_to_hear_is_not_heard_lower() -> None:
    higher = np.concatenate(list(raised([tone(9000)], 7)))
    assert np.abs(higher[1000:-1000]).max() < 0.01


def test_a_semitone_is_the_twelfth_root_of_two() -> None:
    assert [speed(by) for by in (0, 1, -12)] == pytest.approx([1, 2 ** (1 / 12), 0.5], abs=1e-4)
