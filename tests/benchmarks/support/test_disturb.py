from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.support.clips import RATE_HZ, write_wav
from benchmarks.support.disturb import SIGNAL_TO_NOISE_DB, WAYS, babble, cafe
from earmark.audio.decode import read_samples


def test_a_disturbed_recording_is_as_long_as_said_and_keeps_its_pitch(tmp_path: Path) -> None:
    time_s = np.arange(3 * RATE_HZ) / RATE_HZ
    tone = 0.2 * np.sin(2 * np.pi * 440 * time_s) + 0.2 * np.sin(2 * np.pi * 100 * time_s)
    recording = write_wav(tmp_path / "tone.wav", tone.astype(np.float32))
    (tmp_path / "out").mkdir()
    for name, way in WAYS.items():
        samples = np.concatenate(list(read_samples(way.disturb(recording, tmp_path / "out"))))
        assert len(samples) / RATE_HZ == pytest.approx(3 / way.speed, rel=0.03), name
        spectrum = np.abs(np.fft.rfft(samples[RATE_HZ : 2 * RATE_HZ]))  # a bin is 1 Hz
        assert spectrum[300:].argmax() + 300 == pytest.approx(440, abs=3), name
        low = spectrum[90:110].max() / spectrum[430:450].max()
        assert low < 0.1 if name == "telephone" else low > 0.5, (name, low)


def test_the_babble_of_a_cafe_is_as_loud_as_said_and_the_same_again(tmp_path: Path) -> None:
    music = np.float32(0.1) * np.sin(np.arange(2 * RATE_HZ)).astype(np.float32)
    recording = write_wav(tmp_path / "music.wav", music)
    cafe(recording, tmp_path / "cafe.wav")
    noise = np.concatenate(list(read_samples(tmp_path / "cafe.wav"))) - music
    assert 10 * np.log10(np.mean(music**2) / np.mean(noise**2)) == pytest.approx(SIGNAL_TO_NOISE_DB, abs=0.1)
    first, again = (babble(RATE_HZ, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
