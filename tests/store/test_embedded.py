"""The embedded store: what was put is found, exactly."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earmark.results.places import Place
from earmark.schema import FloatArray, Page
from earmark.store.database import FILE_NAME
from earmark.store.embedded import EmbeddedStore
from earmark.store.location import open_store
from earmark.store.store import Edit, LibraryDamaged, LibraryUnusable, Store
from earmark.store.whole import put_whole, take_out

from .made_up import embeddings, put, score


def test_a_thumbnail_is_kept_and_a_damaged_one_is_none(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "lib", create=True)
    music, places = embeddings(1, 1), [Place(1, 1, (0.0, 0.0, 1.0, 1.0))]
    pages = [Page(1, 10, 10, 1, 1, "left"), Page(2, 10, 10, 0, 1, "right")]
    piece = store.put(score("a"), "sha", pages, places, music, "m-1", b"a picture")
    assert store.pages(piece.id) == pages
    assert store.thumbnail(piece.id) == b"a picture"
    assert store.thumbnail(put(store, "b", 2).id) is None
    whole = take_out(store, piece)
    assert store.thumbnail(put_whole(store, whole).id) == b"a picture"
    store.close()
    with closing(sqlite3.connect(tmp_path / "lib" / FILE_NAME)) as db, db:
        db.execute("UPDATE thumbnails SET png = x'00'")
    with closing(EmbeddedStore(tmp_path / "lib", create=False)) as again:
        assert [again.thumbnail(one.id) for one in again.pieces()] == [None, None]


def test_what_was_put_is_there_when_opened_again(tmp_path: Path) -> None:
    store = open_store(tmp_path / "lib", create=True)
    assert store.model_id is None
    piece = put(store, "a", 1)
    store.close()
    again = open_store(tmp_path / "lib", create=False)
    assert again.pieces() == [piece]
    assert (piece.pages, piece.systems, piece.places) == (2, 10, 50)
    assert again.model_id == "m-1"
    assert again.files(piece) == score("a").files
    assert again.piece(piece.id) == again.with_source("/music/a.pdf") == again.with_content("sha-1") == piece
    assert again.place(piece.id, 30) == Place(2, 7, (0.3, 0.25, 0.4, 0.5))
    with pytest.raises(KeyError):
        again.piece(99)


def test_search_is_exact_over_all_pieces(tmp_path: Path) -> None:
    store = open_store(tmp_path / "lib", create=True)
    pieces = [put(store, f"p{seed}", seed) for seed in range(5)]
    everything = np.concatenate([embeddings(seed) for seed in range(5)]).astype(np.float16).astype(np.float32)
    queries = embeddings(99, 7)
    found = store.nearest(queries, 20)
    similarities = queries @ everything.T
    order = np.argsort(-similarities, axis=1)[:, :20]
    np.testing.assert_allclose(found.similarities, np.take_along_axis(similarities, order, axis=1), atol=1e-5)
    np.testing.assert_array_equal(found.pieces, np.array([piece.id for piece in pieces])[order // 50])
    np.testing.assert_array_equal(found.places, order % 50)
    assert store.nearest(queries, 1000).places.shape == (7, 250)


def test_a_piece_gives_back_its_places_and_vectors(tmp_path: Path) -> None:
    store = open_store(tmp_path / "lib", create=True)
    piece, _ = put(store, "a", 1), put(store, "b", 2)
    places, found = store.contents(piece.id)
    assert places == [store.place(piece.id, ordinal) for ordinal in range(piece.places)]
    np.testing.assert_array_equal(found, embeddings(1).astype(np.float16).astype(np.float32))
    assert found.dtype == np.float32


def test_an_empty_library_has_no_neighbours(tmp_path: Path) -> None:
    assert open_store(tmp_path, create=True).nearest(embeddings(1), 5).places.shape == (50, 0)


def test_search_sees_changes_of_its_own_and_of_other_processes(tmp_path: Path) -> None:
    here, there = open_store(tmp_path, create=True), open_store(tmp_path, create=False)
    first = put(here, "a", 1)
    assert (here.nearest(embeddings(1), 1).pieces == first.id).all()
    second = put(there, "b", 2)
    assert (here.nearest(embeddings(2), 1).pieces == second.id).all()
    here.remove([second])
    assert (here.nearest(embeddings(2), 1).pieces == first.id).all()
    assert (there.nearest(embeddings(2), 1).pieces == first.id).all()


def test_a_source_put_again_replaces_its_piece_and_keeps_the_name(tmp_path: Path) -> None:
    store = open_store(tmp_path, create=True)
    before, after = put(store, "a", 1), put(store, "a", 2)
    assert store.pieces() == [after]
    assert after.name == before.name
    assert after.id != before.id


def test_a_few_pieces_are_found_without_listing_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path, create=True)
    sources = ["/m/a.pdf", "/m/a.pdf#page=1-2", "/m/a.pdf#page=3-9", "/m/a.pdf.pdf", "/m/a.pdf#pages", "/m/a"]
    pieces = [
        store.put(replace(score("x"), source=source), source, [Page(1, 1, 1, 1)], *one(seed), "m-1")
        for seed, source in enumerate(sources)
    ]
    monkeypatch.setattr(EmbeddedStore, "pieces", None)
    assert store.of_file("/m/a.pdf") == pieces[:3]
    assert store.of_file("/m") == []
    assert (store.named("x (2)"), store.named("y")) == (pieces[1], None)


def one(seed: int) -> tuple[list[Place], FloatArray]:
    return [Place(1, 1, (0.0, 0.0, 0.5, 0.5))], embeddings(seed, 1)


def test_what_a_person_sets_is_under_checksums(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, create=True)
    edited = store.edit(put(store, "a", 1), Edit("elise", "Für Elise", None))
    assert [is_whole for _, is_whole in store.checked()] == [True]
    again = put(store, "a", 2)
    assert (again.name, again.title) == (edited.name, edited.title)
    assert [is_whole for _, is_whole in store.checked()] == [True]


def test_every_place_needs_a_vector(tmp_path: Path) -> None:
    store = open_store(tmp_path, create=True)
    with pytest.raises(ValueError, match="0 places for embeddings"):
        store.put(score("a"), "sha", [], [], embeddings(1), "m-1")


def test_measures_and_beats_are_kept_by_place(tmp_path: Path) -> None:
    store = open_store(tmp_path / "lib", create=True)
    numbers = ["1", "1", "2", "2", "X1", "2"]
    beats = [1.0, 2.33, 1.0, None, 3.0, 1.0]
    places = [Place(1, 1, (0.0, 0.0, 0.5, 0.5), number, beat) for number, beat in zip(numbers, beats, strict=True)]
    piece = store.put(score("a"), "sha", [Page(1, 10, 10, 1)], places, embeddings(1, 6), "m-1")
    assert [store.place(piece.id, i) for i in range(6)] == store.contents(piece.id)[0] == places
    other = store.place(put(store, "b", 2).id, 3)
    assert (other.measure, other.beat) == (None, None)


def test_recordings_are_apart_from_scores(tmp_path: Path) -> None:
    store = open_store(tmp_path / "lib", create=True)
    page = put(store, "a", 1)
    tape = replace(score("tape"), kind="recording", title="Live")
    recording = store.put_recording(tape, "sha", np.arange(50) / 4, embeddings(2), "m-1")
    assert (recording.kind, recording.title) == ("recording", "Live")
    assert (recording.pages, recording.systems, recording.places) == (0, 0, 50)
    assert store.time_s(recording.id, 7) == 1.75
    assert set(store.nearest(embeddings(2), 50).pieces.ravel()) == {page.id}
    assert (store.nearest(embeddings(2), 1, "recording").places.ravel() == np.arange(50)).all()
    store.remove([recording])
    assert store.nearest(embeddings(2), 1, "recording").places.size == 0


def change_blob(folder: Path, column: str, piece: int) -> None:
    """Flips one bit in the middle of what is stored of a piece, behind the library's back."""
    db = sqlite3.connect(folder / FILE_NAME)
    (blob,) = db.execute(f"SELECT {column} FROM vectors WHERE piece = ?", (piece,)).fetchone()
    changed = bytearray(blob)
    changed[len(blob) // 2] ^= 4
    db.execute(f"UPDATE vectors SET {column} = ? WHERE piece = ?", (bytes(changed), piece))
    db.commit()
    db.close()


def test_a_damaged_piece_is_reported_when_it_is_read_and_can_be_removed(tmp_path: Path) -> None:
    store = open_store(tmp_path, create=True)
    first, second = put(store, "a", 1), put(store, "b", 2)
    change_blob(tmp_path, "vectors", first.id)
    message = "its piece 'a' is damaged; see what else is, and what helps: earmark verify"
    with pytest.raises(LibraryDamaged, match=message):
        store.nearest(embeddings(1), 1)
    with pytest.raises(LibraryDamaged, match=message):
        store.contents(first.id)
    assert store.contents(second.id)[0][0].page == 1
    change_blob(tmp_path, "places", second.id)
    with pytest.raises(LibraryDamaged, match="its piece 'b' is damaged"):
        store.place(second.id, 3)
    assert store.pieces() == [first, second]
    store.remove([first])
    assert (store.nearest(embeddings(2), 1).pieces == second.id).all()


FLIPS = 100


def answers(store: Store, seed: int) -> list[object]:
    """All that a library says, before and after it is added to and taken from."""
    said: list[object] = []
    for step in ("as it was", "added", "removed"):
        if step == "added":
            piece = put(store, "new", 9)
            said.append(replace(piece, added_at=""))
        if step == "removed":
            store.remove([piece for piece in store.pieces() if piece.name in ("new", f"p{seed % 3}")])
        pieces = store.pieces()
        said.append([replace(piece, added_at="") for piece in pieces])
        said.append([store.files(piece) for piece in pieces] + [store.pages(piece.id) for piece in pieces])
        said.append([store.with_source(piece.source) == store.with_content(piece.sha256) == piece for piece in pieces])
        for kind in ("score", "recording"):
            found = store.nearest(embeddings(1, 3), 5, kind)
            said.append((found.similarities.tolist(), found.pieces.tolist(), found.places.tolist()))
        for piece in pieces:
            if piece.kind == "score":
                said.append(
                    (store.place(piece.id, 7), store.contents(piece.id)[0], store.contents(piece.id)[1].tolist())
                )
            else:
                said.append((store.time_s(piece.id, 7), [part.tolist() for part in store.excerpts(piece.id)]))
        said.append(store.model_id)
    return said


def test_a_damaged_library_answers_as_before_or_says_that_it_is_damaged(tmp_path: Path) -> None:
    store = open_store(tmp_path / "lib", create=True)
    for seed in range(3):
        put(store, f"p{seed}", seed)
    store.put_recording(replace(score("tape"), kind="recording"), "sha", np.arange(50) / 4, embeddings(5), "m-1")
    numbers = [Place(1, 1, (0.0, 0.0, 0.5, 0.5), str(i // 2), 1 + i % 2) for i in range(10)]
    store.put(score("measures"), "sha-m", [Page(1, 10, 10, 1)], numbers, embeddings(6, 10), "m-1")
    store.remove([put(store, "gone", 8)])  # so that there are free pages
    store.close()
    whole = (tmp_path / "lib" / FILE_NAME).read_bytes()
    expected = [answers_of(tmp_path / "whole", whole, seed) for seed in range(3)]
    rng, refused = random.Random(0), list[str]()
    for number in range(FLIPS):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 1, 1, 20])):
            damaged[rng.randrange(len(whole) if number % 2 else 4096)] ^= rng.randrange(1, 256)
        try:
            assert answers_of(tmp_path / "damaged", bytes(damaged), number) == expected[number % 3], number
        except LibraryUnusable as error:
            refused.append(str(error))
    assert 0 < len(refused) < FLIPS
    assert not any("\n" in message for message in refused)


def answers_of(folder: Path, database: bytes, seed: int) -> list[object]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(database)
    store = open_store(folder, create=False)
    try:
        return answers(store, seed)
    finally:
        store.close()
