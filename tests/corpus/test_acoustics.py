"""Recordings: other than the sound, and never later or earlier."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.audio.noise import SAMPLE_RATE_HZ
from earmark.corpus.acoustics import CODECS, add_noise, clip, compress, encode, record, room
from earmark.schema import FloatArray

SEEDS = st.integers(0, 2**31)


def clicks(seconds: float = 4.0) -> FloatArray:
    """Claps of all frequencies, the first after a quarter of a second, at uneven distances."""
    samples = np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)
    rng = np.random.default_rng(1)
    decay = np.exp(-np.arange(SAMPLE_RATE_HZ // 50) / (0.005 * SAMPLE_RATE_HZ))
    for at_s in np.cumsum(np.linspace(0.25, 0.55, 9)):
        start = round(at_s * SAMPLE_RATE_HZ)
        samples[start : start + len(decay)] += rng.standard_normal(len(decay)) * decay
    return samples


def lag_samples(recorded: FloatArray, samples: FloatArray) -> int:
    """How much later ``recorded`` is than ``samples``, by cross-correlation."""
    size = 2 * len(samples)
    likeness = np.fft.irfft(np.fft.rfft(recorded, size) * np.conj(np.fft.rfft(samples, size)), size)
    return int((likeness.argmax() + size // 2) % size - size // 2)


@pytest.mark.parametrize("seed", range(30))
def test_a_recording_has_its_length_its_level_and_its_moments(seed: int) -> None:
    samples = clicks()
    recorded = record(samples, np.random.default_rng(seed))
    assert recorded.shape == samples.shape
    assert recorded.dtype == np.float32
    assert 0.0199 <= np.abs(recorded).max() <= 1.0001
    assert abs(lag_samples(recorded, samples)) <= 0.002 * SAMPLE_RATE_HZ
    np.testing.assert_array_equal(recorded, record(samples, np.random.default_rng(seed)))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("bits_per_second", [24_000, 64_000])
def test_a_codec_has_no_delay(codec: str, bits_per_second: int) -> None:
    samples = clicks()
    recorded = encode(samples, codec, bits_per_second)
    assert recorded.shape == samples.shape
    assert lag_samples(recorded, samples) == 0
    likeness = np.corrcoef(recorded, samples)[0, 1]
    assert 0.6 < likeness < 0.99999, "something is lost, but not most"


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(0.2, 2.5), st.floats(-6, 15))
def test_a_room_begins_with_the_direct_sound_and_dies_away(seed: int, rt60_s: float, ratio_db: float) -> None:
    response = room(np.random.default_rng(seed), rt60_s, ratio_db).astype(np.float64)
    assert response[0] == 1
    assert np.abs(response[1:]).max() <= 1
    left_db = 10 * np.log10(np.cumsum(response[::-1] ** 2)[::-1][1:] / (response[1:] ** 2).sum())
    assert left_db[round(0.06 * SAMPLE_RATE_HZ) :].max() < 0
    assert left_db[min(round(rt60_s * 1.5 * SAMPLE_RATE_HZ), len(left_db) - 1)] < -40
    energy_db = 10 * np.log10((response[1:] ** 2).sum())
    assert energy_db == pytest.approx(-ratio_db, abs=3)


def test_a_room_leaves_a_click_in_its_place() -> None:
    click = np.zeros(SAMPLE_RATE_HZ, np.float32)
    click[5000] = 1
    response = room(np.random.default_rng(7), 1.0, 0.0)
    recorded = np.convolve(click[4990:5100], response)
    assert np.abs(recorded).argmax() == 10


@pytest.mark.parametrize("seed", range(8))
def test_noise_is_as_loud_as_asked_for(seed: int) -> None:
    samples = clicks()
    noise = add_noise(np.random.default_rng(seed), samples, 20.0) - samples
    ratio_db = 10 * np.log10(np.mean(samples**2) / np.mean(noise**2))
    assert ratio_db == pytest.approx(20, abs=0.1)


def test_a_compressor_evens_out_and_clipping_cuts_off() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ).astype(np.float32)
    loud, soft = slice(SAMPLE_RATE_HZ // 2), slice(3 * SAMPLE_RATE_HZ // 2, -SAMPLE_RATE_HZ // 4)
    samples = tone * np.where(np.arange(len(tone)) < SAMPLE_RATE_HZ, 1, 0.1).astype(np.float32)
    recorded = compress(samples, 0.5)
    assert recorded[loud].std() / recorded[soft].std() == pytest.approx(10**0.5, rel=0.02)
    assert np.mean(np.abs(clip(tone, 4.0, hard=True)) == 1) > 0.5
    assert np.abs(clip(tone, 4.0, hard=False)).max() < 1


@pytest.mark.parametrize("count", [1, 5000])
def test_silence_can_be_recorded(count: int) -> None:
    for seed in range(10):
        recorded = record(np.zeros(count, np.float32), np.random.default_rng(seed))
        assert recorded.shape == (count,)
        assert np.isfinite(recorded).all()
