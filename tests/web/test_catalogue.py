"""Files that are uploaded to be added stay exactly as long as the library has a use for them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earmark.library.library import Library
from earmark.sources.object_store import FILES
from earmark.web.added_files import ABANDONED_S
from earmark.web.catalogue import Catalogue
from earmark.web.errors import Refusal
from earmark.web.limits import Limits

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

Upload = Callable[[str], Path]
OpenCatalogue = Callable[[Limits], Catalogue]


@pytest.fixture
def library(encoders: FakeEncoders, tmp_path: Path) -> Iterator[Library]:
    """The library as a worker has it open."""
    with Library.open(tmp_path / "library", encoders) as library:
        yield library


@pytest.fixture
def open_catalogue(library: Library, encoders: FakeEncoders, tmp_path: Path) -> Iterator[OpenCatalogue]:
    """The library as a server with these limits has it open."""
    opened = []

    def open_catalogue(limits: Limits) -> Catalogue:
        catalogue = Catalogue(Library.open(tmp_path / "library", encoders), tmp_path / "library", limits)
        opened.append(catalogue)
        return catalogue

    yield open_catalogue
    for catalogue in opened:
        catalogue.close()


@pytest.fixture
def catalogue(open_catalogue: OpenCatalogue) -> Catalogue:
    """The same with the usual limits."""
    return open_catalogue(Limits())


@pytest.fixture
def upload(catalogue: Catalogue, music: Music, tmp_path: Path) -> Upload:
    """Sends the same score under a name: where it is kept."""

    score = music.write_pdf(tmp_path / "score.pdf", music.melody(1, 48)).read_bytes()

    def upload(name: str) -> Path:
        sent = tmp_path / "sent"
        sent.write_bytes(score)
        return catalogue.added.keep(name, sent)

    return upload


def test_a_file_whose_worker_was_lost_after_adding_it_stays(
    library: Library, catalogue: Catalogue, upload: Upload
) -> None:
    path = upload("mine.pdf")
    library.add(path)  # and then the worker dies, so that the job fails
    catalogue.added.release(path)
    assert path.exists()
    assert catalogue.files(library.pieces()[0]) == [str(path)]


def test_a_file_that_was_not_added_goes(catalogue: Catalogue, upload: Upload) -> None:
    path = upload("mine.pdf")
    catalogue.added.release(path)
    assert os.listdir(path.parent) == []


def test_equal_uploads_share_a_file_until_both_have_ended(
    library: Library, catalogue: Catalogue, upload: Upload
) -> None:
    path = upload("mine.pdf")
    assert upload("mine.pdf") == path
    catalogue.added.release(path)  # the first failed
    assert path.exists()
    library.add(path)
    catalogue.added.release(path)
    assert path.exists()


def test_a_copy_under_another_name_is_not_kept(library: Library, catalogue: Catalogue, upload: Upload) -> None:
    path = upload("mine.pdf")
    library.add(path)
    catalogue.added.release(path)
    copy = upload("copy.pdf")
    assert library.add(copy)[0].status == "unchanged"
    catalogue.added.release(copy)
    assert os.listdir(path.parent) == ["mine.pdf"]


def test_a_file_stays_while_its_piece_can_be_brought_back(
    library: Library, catalogue: Catalogue, upload: Upload
) -> None:
    path = upload("mine.pdf")
    piece = library.add(path)[0].piece
    assert piece is not None
    catalogue.added.release(path)
    removal = catalogue.remove(piece.id)
    again = upload("mine.pdf")  # of a file that was there before, whatever becomes of the addition
    catalogue.added.release(again)
    catalogue.tidy()
    assert path.exists()
    catalogue.undo(removal["removal"])
    catalogue.tidy()
    assert os.listdir(path.parent) == ["mine.pdf"]


def test_a_file_goes_when_its_piece_cannot_be_brought_back_any_more(
    library: Library, open_catalogue: OpenCatalogue, music: Music, tmp_path: Path
) -> None:
    catalogue = open_catalogue(replace(Limits(), undo_s=0.0))
    path = catalogue.added.keep("mine.pdf", music.write_pdf(tmp_path / "sent", music.melody(1, 48)))
    own = music.write_pdf(tmp_path / "elsewhere.pdf", music.melody(2, 48))
    assert {outcome.status for outcome in library.add([path, own])} == {"added"}
    catalogue.added.release(path)
    for piece in library.pieces():
        catalogue.remove(piece.id)
    catalogue.tidy()
    assert os.listdir(path.parent) == []
    assert own.exists()


def test_what_a_killed_server_left_is_settled_and_nothing_else(
    library: Library, catalogue: Catalogue, open_catalogue: OpenCatalogue, music: Music, tmp_path: Path
) -> None:
    uploads = tmp_path / "library" / "uploads"
    for number, name in enumerate(("added.pdf", "died.pdf", "late.pdf")):
        catalogue.added.keep(name, music.write_pdf(tmp_path / name, music.melody(number, 48)))
    library.add(uploads / "added.pdf")
    own = music.write_pdf(uploads / "own.pdf", music.melody(4, 48))  # which somebody put there
    long_ago = time.time() - ABANDONED_S - 1
    for name in (".added.pdf.pending", ".died.pdf.pending", "own.pdf"):
        os.utime(uploads / name, (long_ago, long_ago))
    open_catalogue(Limits()).tidy()
    assert sorted(os.listdir(uploads)) == [".late.pdf.pending", "added.pdf", "late.pdf", own.name]


def test_what_is_held_is_not_settled_by_another_server(
    catalogue: Catalogue, open_catalogue: OpenCatalogue, upload: Upload
) -> None:
    path = upload("mine.pdf")
    os.utime(path.with_name(".mine.pdf.pending"), (0, 0))
    catalogue.tidy()
    open_catalogue(Limits()).tidy()
    assert path.exists()


@pytest.mark.parametrize("limits", [{"library_bytes": 100_000}, {"spare_bytes": 10**18}], ids=["quota", "disk"])
def test_there_is_a_limit_and_nothing_is_left_of_what_exceeds_it(
    open_catalogue: OpenCatalogue, music: Music, tmp_path: Path, limits: dict[str, int]
) -> None:
    catalogue = open_catalogue(replace(Limits(), **limits))
    sent = music.write_pdf(tmp_path / "score.pdf", music.melody(1, 48))
    with pytest.raises(Refusal) as refused:
        catalogue.added.keep("mine.pdf", sent)
    assert (refused.value.kind, refused.value.status) == ("full", 507)
    assert os.listdir(tmp_path / "library" / "uploads") == []
    assert not sent.exists()


@pytest.mark.parametrize("name", ["\U00010400" * 80, "é" * 200, "CON", "nul.old", "../" * 50 + "x"])
def test_any_name_can_be_stored(library: Library, upload: Upload, name: str) -> None:
    path = upload(f"{name}.pdf")
    assert len(os.fsencode(path.with_name(f".{path.name}.pending").name)) < 143
    assert path.stem.casefold() not in ("con", "nul.old")
    assert library.add(path)[0].status == "added"


def test_a_file_that_is_not_what_was_added_is_not_served(
    library: Library, catalogue: Catalogue, music: Music, tmp_path: Path
) -> None:
    """Whoever makes a library can write the path of any file into it."""
    path = music.write_pdf(tmp_path / "mine.pdf", music.melody(1, 48))
    piece = library.add(path)[0].piece
    assert piece is not None
    content = path.read_bytes()
    os.utime(path, (0, 0))
    assert catalogue.files(piece) == [str(path)]  # touched, or copied
    for other in (content[:-1], content[:-1] + b"x"):
        path.write_bytes(other)
        with pytest.raises(Refusal, match="is not what was added") as refused:
            catalogue.files(piece)
        assert refused.value.kind == "unusable_file"
    path.write_bytes(content)
    assert catalogue.files(piece) == [str(path)]
    path.unlink()
    path.mkdir()
    with pytest.raises(Refusal, match="is not what was added"):
        catalogue.files(piece)


def test_a_file_that_is_not_what_was_added_is_fetched_from_where_others_put_it(
    library: Library, catalogue: Catalogue, music: Music, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fsspec")
    monkeypatch.setenv(FILES, str(tmp_path / "kept"))
    path = music.write_pdf(tmp_path / "mine.pdf", music.melody(1, 48))
    piece = library.add(path)[0].piece
    assert piece is not None
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    (fetched,) = catalogue.files(piece)
    assert Path(fetched).read_bytes() == content
    (kept,) = (tmp_path / "kept").rglob("*.pdf")
    kept.unlink()
    Path(fetched).unlink()
    with pytest.raises(Refusal, match="the file of mine is not there") as refused:
        catalogue.files(piece)
    assert str(tmp_path) not in str(refused.value)
