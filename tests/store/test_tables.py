"""Libraries of earlier formats."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from earmark.results.places import Place
from earmark.store.database import FILE_NAME
from earmark.store.embedded import EmbeddedStore
from earmark.store.location import open_store
from earmark.store.store import Edit
from earmark.store.tables import FORMAT

from .made_up import assert_can_only_be_read, embeddings, put, write_old_library


@pytest.mark.parametrize("version", range(1, FORMAT))
def test_a_library_of_an_earlier_format_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    write_old_library(tmp_path / "lib", version)
    store = open_store(tmp_path / "lib", create=False)
    (piece,) = store.pieces()
    assert (piece.name, piece.kind, piece.title, piece.places) == ("a", "score", "", 1)
    assert store.place(5, 0) == Place(1, 2, (0.0, 0.0, 0.5, 0.5))
    assert (store.nearest(embeddings(1, 1), 1).pieces == 5).all()
    put(store, "b", 2)
    assert [(piece.note, piece.tags, store.thumbnail(piece.id)) for piece in store.pieces()] == [("", (), None)] * 2
    edited = store.edit(piece, Edit(None, None, None, "a note", ("one", "two")))
    assert store.pieces()[0] == edited
    store.close()
    again = EmbeddedStore(tmp_path / "lib", create=False)
    assert [(piece.name, is_whole) for piece, is_whole in again.checked()] == [("a", True), ("b", True)]


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs POSIX permissions")
def test_libraries_of_earlier_formats_that_may_only_be_read_can_be_searched() -> None:
    with tempfile.TemporaryDirectory() as folder:
        libraries = [Path(folder, str(version), "lib") for version in range(1, FORMAT)]
        for version, library in enumerate(libraries, start=1):
            library.parent.mkdir()
            write_old_library(library, version)
        before = [Path(library, FILE_NAME).read_bytes() for library in libraries]
        Path(folder).chmod(0o755)
        assert_can_only_be_read(*libraries, piece=5)
        assert [Path(library, FILE_NAME).read_bytes() for library in libraries] == before
