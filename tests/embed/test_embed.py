"""Recordings and pages to embeddings, with the fake encoders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.embed import windows
from earmark.embed.piece import embed_piece
from earmark.embed.recording import embed_recording
from earmark.embed.windows import PLACE_HOP_PX
from earmark.errors import BadInput
from earmark.model.encoders import GRID

if TYPE_CHECKING:
    from tests.conftest import FakeEncoders, Music, WriteWav


def test_a_recording_gives_an_excerpt_every_quarter_of_a_second(
    encoders: FakeEncoders, music: Music, tmp_path: Path
) -> None:
    path = music.write_recording(tmp_path / "a.wav", music.melody(1, 40))
    found = embed_recording(path, encoders)
    assert found.duration_s == pytest.approx(20.0, abs=0.01)
    np.testing.assert_allclose(found.times_s, 0.125 + 0.25 * np.arange(80))
    assert found.embeddings.shape == (80, encoders.dimension)
    np.testing.assert_allclose(np.linalg.norm(found.embeddings, axis=1), 1, atol=1e-5)


def test_a_stretch_hears_only_itself(encoders: FakeEncoders, music: Music, tmp_path: Path) -> None:
    melody = music.melody(2, 40)
    whole = music.write_recording(tmp_path / "whole.wav", melody)
    part = music.write_recording(tmp_path / "part.wav", melody[10:30])
    stretch = embed_recording(whole, encoders, 5.0, 15.0)
    alone = embed_recording(part, encoders)
    assert stretch.duration_s == pytest.approx(10.0)
    np.testing.assert_allclose(stretch.embeddings, alone.embeddings, atol=1e-3)


def test_silent_windows_are_left_out(encoders: FakeEncoders, music: Music, tmp_path: Path, write_wav: WriteWav) -> None:
    assert len(embed_recording(write_wav(tmp_path / "s.wav", np.zeros(22_050 * 5)), encoders).times_s) == 0
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050)
    path = write_wav(tmp_path / "t.wav", np.concatenate([np.zeros(22_050 * 20), tone]))
    times_s = embed_recording(path, encoders).times_s
    assert times_s.min() == pytest.approx(20 - 4.2, abs=0.3)  # half a window before the first sound


@given(length=st.integers(1, 700), block=st.integers(1, 300), window=st.integers(4, 60), hop=st.integers(1, 30))
def test_stretches_hold_whole_windows_and_every_centre_once(length: int, block: int, window: int, hop: int) -> None:
    columns = np.arange(length, dtype=np.float32)[:, None]
    read = []
    for stretch, first, centres in windows.windowed(
        (columns[i : i + block] for i in range(0, length, block)), window, hop
    ):
        assert first % GRID == 0
        for centre in centres:
            start, end = max(0, centre - window // 2), min(length, centre + window // 2)
            assert first <= start
            assert end <= first + len(stretch)
        np.testing.assert_array_equal(stretch[:, 0], first + np.arange(len(stretch)))
        read += list(centres)
    np.testing.assert_allclose(read, hop * (0.5 + np.arange(len(read))))
    assert len(read) == max(0, int(np.ceil(length / hop - 0.5)))


def test_a_piece_is_one_strip_over_all_its_pages(encoders: FakeEncoders, music: Music, tmp_path: Path) -> None:
    melody = music.melody(3, 5 * 24)
    found = embed_piece([music.write_pdf(tmp_path / "a.pdf", melody)], encoders)
    assert [page.systems for page in found.pages] == [3, 2]
    assert [page.number for page in found.pages] == [1, 2]
    assert abs(len(found.places) - 5 * 480 / PLACE_HOP_PX) <= 2
    assert found.embeddings.shape == (len(found.places), encoders.dimension)
    keys = [(place.page, place.system, place.box[0]) for place in found.places]
    assert keys == sorted(keys)
    assert {(page, system) for page, system, _ in keys} == {(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)}
    boxes = np.array([place.box for place in found.places])
    assert ((boxes >= 0) & (boxes <= 1)).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_pages_of_several_files_count_on(encoders: FakeEncoders, music: Music, tmp_path: Path) -> None:
    folder = music.write_images(tmp_path / "p", music.melody(4, 100), ["1.png", "2.png"])
    found = embed_piece([folder / "1.png", folder / "2.png"], encoders)
    assert {place.page for place in found.places} == {1, 2}


def test_pages_without_music_are_refused(encoders: FakeEncoders, blank_page: Path) -> None:
    with pytest.raises(BadInput, match="no system of staves was found"):
        embed_piece([blank_page], encoders)
