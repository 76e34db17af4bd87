"""Spectrograms: golden values from definitions, the same however the samples come."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.audio.decode import read_samples
from earmark.audio.spectrogram import filterbank, spectrogram, spectrogram_blocks

RATE = 22_050


def test_the_filterbank_is_madmoms() -> None:
    bank = filterbank()
    assert bank.shape == (1024, 92)
    np.testing.assert_allclose(bank.sum(axis=0), 1, rtol=1e-6)
    peaks = bank.argmax(axis=0)
    assert (np.diff(peaks) > 0).all()
    # 440 Hz is a band's centre and nearest to bin round(440 / 10.7666) = 41. Its neighbours among the centres
    # are 440 * 2^(-1/16) = 421.3 Hz (bin 39) and 440 * 2^(1/16) = 459.5 Hz (bin 43): weights 1/2, 1, 1/2.
    band = bank[:, list(peaks).index(41)]
    assert np.flatnonzero(band).tolist() == [40, 41, 42]
    np.testing.assert_allclose(band[40:43], [0.25, 0.5, 0.25], rtol=1e-6)


def test_a_pure_tone_has_the_value_of_its_window() -> None:
    # A sine of amplitude a on an FFT bin has magnitude a * sum(window) / 2 there and, as the Hann window's
    # kernel is (1/2, 1, 1/2), half of that beside it. For bin 41 and the weights above that is
    # a * 1023.5 / 2 * (0.25 * 0.5 + 0.5 * 1 + 0.25 * 0.5) = a * 383.8.
    amplitude = 0.01
    tone_hz = 41 * RATE / 2048
    tone = (amplitude * np.sin(2 * np.pi * tone_hz * np.arange(3 * RATE) / RATE)).astype(np.float32)
    frames = spectrogram(tone)
    assert frames.shape == (60, 92)
    assert frames.dtype == np.float32
    band = filterbank().argmax(axis=0).tolist().index(41)
    np.testing.assert_allclose(frames[2:-2, band], math.log10(1 + amplitude * 383.8), rtol=2e-3)
    assert (frames[30].argmax()) == band


def test_an_impulse_is_flat_and_as_high_as_the_window_there() -> None:
    # All bins of an impulse have its height times the window at its place: sin^2(pi n / 2047).
    samples = np.zeros(2 * RATE, np.float32)
    samples[RATE] = 1.0
    frames = spectrogram(samples)
    for frame in range(len(frames)):
        n = RATE - (math.floor(frame * 1102.5) - 1024)
        height = math.sin(math.pi * n / 2047) ** 2 if 0 <= n < 2048 else 0.0
        np.testing.assert_allclose(frames[frame], math.log10(1 + height), atol=1e-6)
    assert frames[:, 0].argmax() == 20  # the frame that is centred on one second


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1, 1), (1102, 1), (1103, 2), (2205, 2), (2206, 3)])
def test_there_is_a_frame_for_every_hop_begun(samples: int, frames: int) -> None:
    assert spectrogram(np.zeros(samples, np.float32)).shape == (frames, 92)
    assert not spectrogram(np.zeros(samples, np.float32)).any()


@settings(max_examples=25)
@given(
    length=st.integers(0, 450_000),
    cuts=st.lists(st.integers(0, 450_000), max_size=6),
    block_frames=st.integers(1, 500),
)
def test_blocks_joined_are_the_whole_spectrogram(length: int, cuts: list[int], block_frames: int) -> None:
    samples = np.random.default_rng(length).standard_normal(length).astype(np.float32)
    whole = spectrogram(samples)
    chunks = np.split(samples, sorted(min(cut, length) for cut in cuts))
    blocks = list(spectrogram_blocks(chunks, block_frames))
    assert all(len(block) == block_frames for block in blocks[:-1])
    np.testing.assert_array_equal(np.concatenate([np.zeros((0, 92), np.float32), *blocks]), whole)
    np.testing.assert_array_equal(spectrogram(chunks), whole)


def test_a_real_recording_has_a_plausible_spectrogram() -> None:
    path = Path(__file__).parents[3] / "shared" / "recordings" / "kv331-variation-1.flac"
    if not path.exists():
        pytest.skip("../shared/recordings is not here")
    frames = spectrogram(read_samples(path, 10.0, 14.0))
    assert frames.shape == (80, 92)
    assert 0.5 < frames.max() < 2.5
