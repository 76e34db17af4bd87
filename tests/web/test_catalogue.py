"""Files that are uploaded to be added stay exactly as long as the library has a use for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earmark.library.library import Library
from earmark.web.catalogue import Catalogue
from earmark.web.limits import Limits

if TYPE_CHECKING:
    from tests.conftest import FakeEncoders, Music

Upload = Callable[[str], Path]


@pytest.fixture
def library(encoders: FakeEncoders, tmp_path: Path) -> Iterator[Library]:
    """The library as a worker has it open."""
    with Library.open(tmp_path / "library", encoders) as library:
        yield library


@pytest.fixture
def catalogue(library: Library, encoders: FakeEncoders, tmp_path: Path) -> Iterator[Catalogue]:
    """The library as the server has it open."""
    catalogue = Catalogue(Library.open(tmp_path / "library", encoders), tmp_path / "library", Limits())
    yield catalogue
    catalogue.close()


@pytest.fixture
def upload(catalogue: Catalogue, music: Music, tmp_path: Path) -> Upload:
    """Sends the same score under a name: where it is kept."""

    score = music.write_pdf(tmp_path / "score.pdf", music.melody(1, 48)).read_bytes()

    def upload(name: str) -> Path:
        sent = tmp_path / "sent"
        sent.write_bytes(score)
        return catalogue.keep(name, sent)

    return upload


def test_a_file_whose_worker_was_lost_after_adding_it_stays(
    library: Library, catalogue: Catalogue, upload: Upload
) -> None:
    path = upload("mine.pdf")
    library.add(path)  # and then the worker dies, so that the job fails
    catalogue.release(path)
    assert path.exists()
    assert catalogue.files(library.pieces()[0]) == [str(path)]


def test_a_file_that_was_not_added_goes(catalogue: Catalogue, upload: Upload) -> None:
    path = upload("mine.pdf")
    catalogue.release(path)
    assert os.listdir(path.parent) == []


def test_equal_uploads_share_a_file_until_both_have_ended(
    library: Library, catalogue: Catalogue, upload: Upload
) -> None:
    path = upload("mine.pdf")
    assert upload("mine.pdf") == path
    catalogue.release(path)  # the first failed
    assert path.exists()
    library.add(path)
    catalogue.release(path)
    assert path.exists()


def test_a_copy_under_another_name_is_not_kept(library: Library, catalogue: Catalogue, upload: Upload) -> None:
    path = upload("mine.pdf")
    library.add(path)
    catalogue.release(path)
    copy = upload("copy.pdf")
    assert library.add(copy)[0].status == "unchanged"
    catalogue.release(copy)
    assert os.listdir(path.parent) == ["mine.pdf"]


def test_a_file_stays_while_its_piece_can_be_brought_back(
    library: Library, catalogue: Catalogue, upload: Upload
) -> None:
    path = upload("mine.pdf")
    piece = library.add(path)[0].piece
    assert piece is not None
    catalogue.remove(piece.id)
    catalogue.release(path)
    assert path.exists()
    again = upload("mine.pdf")  # of a file that was there before, whatever becomes of the addition
    catalogue.release(again)
    assert path.exists()
