"""Recordings to embeddings, with the fake encoders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from earmark.audio.rate import speed
from earmark.embed.recording import embed_recording, read_blocks

if TYPE_CHECKING:
    from tests.conftest import Music, WriteWav
    from tests.fake_encoders import FakeEncoders


def test_a_recording_gives_an_excerpt_every_quarter_of_a_second(
    encoders: FakeEncoders, music: Music, tmp_path: Path
) -> None:
    path = music.write_recording(tmp_path / "a.wav", music.melody(1, 40))
    found = embed_recording(read_blocks(path), encoders)
    assert found.duration_s == pytest.approx(20.0, abs=0.01)
    np.testing.assert_allclose(found.times_s, 0.125 + 0.25 * np.arange(80))
    assert found.embeddings.shape == (80, encoders.dimension)
    np.testing.assert_allclose(np.linalg.norm(found.embeddings, axis=1), 1, atol=1e-5)


def test_a_stretch_hears_only_itself(encoders: FakeEncoders, music: Music, tmp_path: Path) -> None:
    melody = music.melody(2, 40)
    whole = music.write_recording(tmp_path / "whole.wav", melody)
    part = music.write_recording(tmp_path / "part.wav", melody[10:30])
    stretch = embed_recording(read_blocks(whole, 5.0, 15.0), encoders)
    alone = embed_recording(read_blocks(part), encoders)
    assert stretch.duration_s == pytest.approx(10.0)
    np.testing.assert_allclose(stretch.embeddings, alone.embeddings, atol=1e-3)


def test_silent_windows_are_left_out(encoders: FakeEncoders, music: Music, tmp_path: Path, write_wav: WriteWav) -> None:
    silence = write_wav(tmp_path / "s.wav", np.zeros(22_050 * 5))
    assert len(embed_recording(read_blocks(silence), encoders).times_s) == 0
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050)
    path = write_wav(tmp_path / "t.wav", np.concatenate([np.zeros(22_050 * 20), tone]))
    times_s = embed_recording(read_blocks(path), encoders).times_s
    assert times_s.min() == pytest.approx(20 - 4.2, abs=0.3)  # half a window before the first sound


def test_a_raised_recording_is_heard_higher_at_the_times_of_the_file(
    encoders: FakeEncoders, music: Music, tmp_path: Path
) -> None:
    melody, faster = music.melody(3, 40), speed(5)
    written = embed_recording(read_blocks(music.write_recording(tmp_path / "a.wav", melody)), encoders)
    lower = music.write_recording(tmp_path / "b.wav", melody, 1 / faster, semitones=-5)
    found = embed_recording(read_blocks(lower, semitones=5), encoders)
    assert found.duration_s == pytest.approx(20 * faster, abs=0.01)
    np.testing.assert_allclose(found.times_s, written.times_s * faster)
    assert (found.embeddings * written.embeddings).sum(axis=1).mean() > 0.95
