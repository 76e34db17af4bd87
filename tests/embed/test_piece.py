"""Pages to embeddings with their places, with the fake encoders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from earmark.embed.piece import EmbeddedPiece, embed_piece
from earmark.embed.windows import PLACE_HOP_PX
from earmark.errors import BadInput
from earmark.sheet.flat_pages import read_flat_pages

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders


def embedded(files: list[Path], encoders: FakeEncoders) -> EmbeddedPiece:
    return embed_piece(read_flat_pages(files), files[0], encoders)


def test_a_piece_is_one_strip_over_all_its_pages(encoders: FakeEncoders, music: Music, tmp_path: Path) -> None:
    melody = music.melody(3, 5 * 24)
    found = embedded([music.write_pdf(tmp_path / "a.pdf", melody)], encoders)
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
    found = embedded([folder / "1.png", folder / "2.png"], encoders)
    assert {place.page for place in found.places} == {1, 2}


def test_pages_without_music_are_refused(encoders: FakeEncoders, blank_page: Path) -> None:
    with pytest.raises(BadInput, match="no system of staves was found"):
        embedded([blank_page], encoders)
