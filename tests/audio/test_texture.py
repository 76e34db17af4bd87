"""Music, talking and applause are told apart by the sound."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.support.disturb import babble
from earmark.audio.decode import read_samples
from earmark.audio.spectrogram import spectrogram
from earmark.audio.texture import sounds, textures
from tests.test_demo import DEMO

RATE_HZ = 22_050
SIZE = 8 * RATE_HZ


def heard(samples: np.ndarray) -> set[str | None]:
    """What is heard at every moment but the first and last seconds."""
    frames = spectrogram((0.1 * samples / np.sqrt(np.mean(samples**2))).astype(np.float32))
    return set(sounds(textures(frames, np.arange(40.0, len(frames) - 40, 5))))


def chords() -> np.ndarray:
    """Two chords a second that die away, of twelve overtones."""
    time_s = np.arange(RATE_HZ // 2) / RATE_HZ
    rng = np.random.default_rng(0)
    notes = [220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11], 3) / 12) for _ in range(2 * SIZE // RATE_HZ)]
    each = [
        sum(np.sin(2 * np.pi * hz * k * time_s) / k for hz in chord for k in range(1, 13)) * np.exp(-3 * time_s)
        for chord in notes
    ]
    return np.concatenate(each)


def test_chords_claps_and_syllables_are_told_apart() -> None:
    rng = np.random.default_rng(1)
    claps = np.convolve(rng.random(SIZE) < 60 / RATE_HZ, np.exp(-np.arange(400) / 100), "same")
    assert heard(chords()) == {"music"}
    assert heard(claps * rng.normal(0, 1, SIZE)) == {"applause"}
    assert heard(babble(SIZE, rng, talkers=1)) == {"talking"}


def test_noise_far_below_the_rest_of_a_tape_is_silence() -> None:
    rng = np.random.default_rng(1)
    tape = np.concatenate([chords(), rng.normal(0, 0.003, SIZE)])
    assert heard(tape) >= {"music", None}
    assert "applause" not in heard(tape)
    assert heard(tape[SIZE:]) == {"applause"}  # nothing else on it is louder


def test_nothing_is_said_of_moments_without_sound() -> None:
    frames = np.zeros((100, 92), np.float32)
    assert textures(frames, np.array([-200.0, 50.0, 500.0])).tolist() == [[0.0, 0.0, 0.0]] * 3


@pytest.mark.parametrize("name", ["bach-prelude", "joplin-entertainer"])
def test_recordings_of_the_demo_are_music(name: str) -> None:
    samples = np.concatenate(list(read_samples(DEMO / "recordings" / f"{name}.ogg")))
    assert heard(samples) == {"music"}
