"""What microphones hear besides music: it sounds, is the same again, and has the spectrum it should have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from earmark.audio.noise import SAMPLE_RATE_HZ, applause, babble, crackle, equalise, hiss, hum
from earmark.schema import FloatArray


def test_an_equaliser_does_what_it_says_and_moves_nothing() -> None:
    time_s = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    low, high = (np.sin(2 * np.pi * hz * time_s).astype(np.float32) for hz in (200, 5000))
    grid_hz = np.concatenate([[0.0], np.geomspace(20, SAMPLE_RATE_HZ / 2, 255)])
    heard = equalise(low + high, np.where(grid_hz > 1000, -40.0, -6.0))
    middle = slice(2000, -2000)
    np.testing.assert_allclose(heard[middle], (low * 10**-0.3 + high * 0.01)[middle], atol=0.01)


@pytest.mark.parametrize("make", [applause, babble, crackle, hiss, hum])
def test_noise_is_heard_for_as_long_as_asked_and_the_same_again(
    make: Callable[[np.random.Generator, int], FloatArray],
) -> None:
    count = 3 * SAMPLE_RATE_HZ
    first, again, other = (make(np.random.default_rng(seed), count) for seed in (1, 1, 2))
    assert first.shape == (count,)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert (np.abs(first).reshape(6, -1).max(axis=1) > 0).all()  # in every half second
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_applause_is_many_claps_of_all_frequencies() -> None:
    heard = applause(np.random.default_rng(3), 10 * SAMPLE_RATE_HZ)
    power = np.abs(np.fft.rfft(heard)) ** 2
    hz = np.fft.rfftfreq(len(heard), 1 / SAMPLE_RATE_HZ)
    low, middle, high = (power[(hz >= a) & (hz < a + 1000)].mean() for a in (1000, 4000, 8000))
    assert max(low, middle, high) < 4 * min(low, middle, high)
    loudness = np.sqrt(np.mean(heard.reshape(100, -1) ** 2, axis=1))[
        10:
    ]  # in tenths of a second, after the first claps
    assert loudness.max() < 4 * loudness.min()  # no clap stands alone
