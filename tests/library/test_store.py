"""Names, titles and composers that a person sets: they stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earmark.errors import BadInput
from earmark.library.embedded import EmbeddedStore
from earmark.library.sources import PageFile

from .made_up import embeddings, put, score


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    opened = EmbeddedStore(tmp_path / "lib", create=True)
    yield opened
    opened.close()


def put_recording(store: EmbeddedStore, name: str, title: str, composer: str = "") -> None:
    told = replace(score(name), kind="recording", title=title, composer=composer)
    store.put_recording(told, f"sha-{title}", np.arange(5) / 4, embeddings(1, 5), "m-1")


def test_what_is_given_is_set_and_the_rest_stays(store: EmbeddedStore) -> None:
    put_recording(store, "a", "Take 3", "Anon")
    edited = store.edit(store.pieces()[0], None, "Für Elise", None)
    assert (edited.name, edited.title, edited.composer) == ("a", "Für Elise", "Anon")
    edited = store.edit(edited, "elise", None, "")
    assert (edited.name, edited.title, edited.composer) == ("elise", "Für Elise", "")
    assert store.pieces() == [edited]
    assert [is_whole for _, is_whole in store.checked()] == [True]


def test_edits_stay_when_the_file_has_changed(store: EmbeddedStore) -> None:
    put_recording(store, "a", "Take 3", "Anon")
    store.edit(store.pieces()[0], "elise", "Für Elise", None)
    put_recording(store, "a", "Take 4", "A. Player")
    put_recording(store, "a", "Take 5", "B. Player")
    (piece,) = store.pieces()
    assert (piece.name, piece.title, piece.composer) == ("elise", "Für Elise", "B. Player")
    assert [is_whole for _, is_whole in store.checked()] == [True]


def test_edits_stay_when_the_file_has_moved(store: EmbeddedStore) -> None:
    piece = put(store, "a", 1)
    store.edit(piece, None, "Für Elise", "Beethoven")
    moved = replace(score("a"), source="/moved/a.pdf", files=(PageFile("/moved/a.pdf", 1000, 123),))
    assert store.relocate(piece, moved).title == "Für Elise"


def test_a_name_of_another_piece_is_refused(store: EmbeddedStore) -> None:
    piece = put(store, "a", 1)
    put(store, "b", 2)
    with pytest.raises(BadInput, match="has another piece 'b'"):
        store.edit(piece, "b", "Title", None)
    assert store.piece(piece.id) == piece
    assert store.edit(piece, "a", None, None) == piece
    store.remove([piece])
    with pytest.raises(KeyError):
        store.edit(piece, "c", None, None)
