"""Libraries of earlier formats."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from earmark.library.database import FILE_NAME
from earmark.library.embedded import EmbeddedStore
from earmark.library.library import open_store
from earmark.library.tables import FORMAT
from earmark.results import Place

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
    store.close()
    again = EmbeddedStore(tmp_path / "lib", create=False)
    assert [(piece.name, is_whole) for piece, is_whole in again.checked()] == [("a", True), ("b", True)]


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs POSIX permissions")
@pytest.mark.parametrize("version", range(1, FORMAT))
def test_a_library_of_an_earlier_format_that_may_only_be_read_can_be_searched(version: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_old_library(Path(folder, "lib"), version)
        before = Path(folder, "lib", FILE_NAME).read_bytes()
        assert_can_only_be_read(Path(folder, "lib"), 5)
        assert Path(folder, "lib", FILE_NAME).read_bytes() == before
