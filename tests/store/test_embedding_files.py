"""Files of embeddings: they grow, are shared, follow the database, and are made anew when they do not fit it."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earmark.files import locked
from earmark.results.places import Place
from earmark.schema import Page
from earmark.search import index
from earmark.search.lists import can_be_mapped
from earmark.store import embedded_search
from earmark.store.embedded_search import EmbeddedSearch
from earmark.store.embedding_files import INDEX, ROW, EmbeddingFiles
from earmark.store.location import open_store
from earmark.store.store import Store

from .made_up import embeddings, put, score

PIECES = 6


def files_of(library: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((library / INDEX).iterdir())}


def found(store: Store, seed: int) -> list[int]:
    """The piece that is nearest to each of the embeddings of piece ``seed``, surely."""
    nearest = store.nearest(embeddings(seed), 1)
    assert (nearest.similarities > 0.99).all()
    return sorted(set(nearest.pieces.ravel().tolist()))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Its files hold all of its pieces, 1 to `PIECES`, of the seeds 0 to `PIECES` - 1."""
    store = open_store(tmp_path / "library", create=True)
    for seed in range(PIECES):
        put(store, f"p{seed}", seed)
    assert found(store, 0) == [1]
    store.close()
    return tmp_path / "library"


def test_only_what_is_new_is_read_after_a_change(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = open_store(library, create=False), open_store(library, create=False)
    assert found(here, 1) == [2]
    before = files_of(library)
    put(there, "new", 77)
    read = list[int]()
    real = EmbeddedSearch._whole_embeddings

    def noted(self: EmbeddedSearch, pieces: list[int], width: int) -> object:
        read.extend(pieces)
        return real(self, pieces, width)

    monkeypatch.setattr(EmbeddedSearch, "_whole_embeddings", noted)
    assert found(here, 77) == [PIECES + 1]
    assert read == [PIECES + 1]
    after = files_of(library)
    assert all(after[name].startswith(content) for name, content in before.items())  # they have grown
    assert found(there, 77) == [PIECES + 1]
    assert read == [PIECES + 1]  # by one process only


def test_what_is_gone_is_not_found_and_when_most_is_the_files_are_made_anew(library: Path) -> None:
    store = open_store(library, create=False)
    everything = embeddings(99, 50)
    for left in range(PIECES - 1, 0, -1):
        store.remove([store.piece(left + 1)])
        nearest = store.nearest(everything, 1000)
        assert nearest.pieces.shape == (50, 50 * left)
        assert nearest.pieces.max() == left
    put(store, "again", 50)
    assert found(store, 50) == [PIECES + 1]
    assert sorted(files_of(library)) == ["score-2.embeddings", "score-2.rows", "score.lock"]
    assert len(files_of(library)["score-2.embeddings"]) < 3 * embeddings(0).size * 2


def test_while_another_process_writes_them_nobody_waits(library: Path) -> None:
    store = open_store(library, create=False)
    before = files_of(library)
    with locked(library / INDEX / "score.lock"):
        new = put(store, "new", 77)
        assert found(store, 77) == [new.id]
    assert files_of(library) == before
    put(store, "another", 78)
    assert found(store, 77) == [new.id]
    assert len(files_of(library)["score-1.rows"]) == ROW.itemsize * (PIECES + 2)


def test_files_of_another_state_of_the_library_do_not_answer(library: Path, tmp_path: Path) -> None:
    shutil.copytree(library, tmp_path / "backup")
    store = open_store(library, create=False)
    assert put(store, "other", 77).id == PIECES + 1
    assert found(store, 77) == [PIECES + 1]
    store.close()
    (tmp_path / "backup" / "library.sqlite").replace(library / "library.sqlite")  # restored, without its files
    store = open_store(library, create=False)
    assert put(store, "new", 78).id == PIECES + 1  # the same identifier, other music
    assert found(store, 78) == [PIECES + 1]
    assert store.nearest(embeddings(77), 1).similarities.max() < 0.99


def test_a_model_of_another_size_begins_anew(library: Path) -> None:
    store = open_store(library, create=False)
    store.remove(store.pieces())
    wide = np.repeat(embeddings(3), 3, axis=1) / np.float32(np.sqrt(3))
    odd = np.concatenate([wide, np.zeros((50, 1), np.float32)], axis=1)  # no multiple of the other's size
    tape = replace(score("tape"), kind="recording")
    for music in (wide, odd):
        assert store.nearest(music, 5).pieces.shape == (50, 0)
        store.put(score("wide"), "sha", [Page(1, 1, 1, 1)], [Place(1, 1, (0.0, 0.0, 1.0, 1.0))] * 50, music, "m-2")
        store.put_recording(tape, "sha", np.arange(50.0), music, "m-2")
        assert (store.nearest(music, 1).places.ravel() == np.arange(50)).all()
        store.remove(store.pieces())


@pytest.mark.parametrize("name", ["score-1.rows", "score-1.embeddings"])
def test_a_kill_or_damage_costs_at_most_a_rebuild(library: Path, name: str) -> None:
    """Cut anywhere, or with bytes changed in a row: each piece is found, and none where it is not."""
    whole, rng = files_of(library), random.Random(0)
    for number in range(40):
        content = bytearray(whole[name])
        cut = rng.randrange(len(content))
        if number % 2 and name.endswith("rows"):
            content[cut] ^= rng.randrange(1, 256)
        else:
            del content[cut:]
        for one, before in whole.items():
            (library / INDEX / one).write_bytes(content if one == name else before)
        store = open_store(library, create=False)
        for seed in range(PIECES):
            assert found(store, seed) == [seed + 1], (number, cut)
        store.close()


def test_damage_in_the_files_is_told(library: Path) -> None:
    files = EmbeddingFiles(library, "score")
    files.read()
    assert files.damaged() == []
    np.testing.assert_array_equal(files.keys >> 32, np.arange(1, PIECES + 1))
    path = library / INDEX / "score-1.embeddings"
    content = bytearray(path.read_bytes())
    content[77] ^= 1
    path.write_bytes(content)
    assert [one.name for one in files.damaged()] == ["score-1.rows", "score-1.embeddings"]


@pytest.fixture
def with_lists(library: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library, and lists of all its pieces."""
    if not can_be_mapped():
        pytest.skip("FAISS maps no lists into memory here")
    monkeypatch.setattr(embedded_search, "MOST_UNLISTED", 60)
    store = open_store(library, create=False)
    store.settle()
    store.close()
    assert (library / INDEX / "score-1.lists").exists()
    return library


def test_lists_find_what_is_there_and_files_what_is_new(with_lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (with_lists / INDEX / "score-1.lists").read_bytes()
    store = open_store(with_lists, create=False)
    monkeypatch.setattr(index, "_over", None)  # nothing is looked at but lists
    for seed in range(PIECES):
        assert found(store, seed) == [seed + 1]
    monkeypatch.undo()
    put(store, "new", 77)
    assert found(store, 77) == [PIECES + 1]
    store.remove([store.piece(2)])
    everything = store.nearest(embeddings(1), 1000)
    assert everything.pieces.shape == (50, 50 * PIECES)  # few are found in the lists nearest to it, so all are read
    assert 2 not in everything.pieces
    assert (np.diff(everything.similarities, axis=1) <= 0).all()
    assert (with_lists / INDEX / "score-1.lists").read_bytes() == before


def test_lists_are_asked_for_as_many_as_they_find(with_lists: Path) -> None:
    store = open_store(with_lists, create=False)
    whole = store.nearest(embeddings(1), 1000)
    half = store.nearest(embeddings(1), 20)
    assert half.pieces.shape == (50, 10)
    np.testing.assert_allclose(half.similarities[:, 0], whole.similarities[:, 0])
    put(store, "new", 77)
    assert store.nearest(embeddings(77), 20).pieces.shape == (50, 10)


def test_lists_are_made_anew_when_much_is_new(with_lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_search, "MOST_UNLISTED", 60)
    path = with_lists / INDEX / "score-1.lists"
    store, before = open_store(with_lists, create=False), path.stat().st_size
    put(store, "one", 77)
    store.settle()
    assert path.stat().st_size == before  # fifty are looked at
    put(store, "two", 78)
    store.settle()
    assert path.stat().st_size > before
    assert found(store, 77) == [PIECES + 1]


def test_damaged_lists_are_not_used(with_lists: Path) -> None:
    path = with_lists / INDEX / "score-1.lists"
    whole = path.read_bytes()
    for content in (whole[:100], b"", whole[:4] + bytes(100)):
        path.write_bytes(content)
        store = open_store(with_lists, create=False)
        assert found(store, 3) == [4]
        store.close()
