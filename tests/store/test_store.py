"""What every engine does: one contract for libraries in folders, in Milvus Lite and on a Milvus server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from earmark.errors import BadInput, Mismatch
from earmark.results.links import Link
from earmark.results.places import Place
from earmark.schema import FloatArray, Page
from earmark.search.rank import propose
from earmark.sources.on_disk import PageFile
from earmark.store.store import Bookmark, Edit, LibraryUnusable, Store
from earmark.store.whole import copy_pieces

from .engines import Engine, folder_engine, lite_engine
from .made_up import embeddings, put, score

NAMES = count()


@pytest.fixture(scope="module", params=["folder", "lite", "server"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("libraries")
    if request.param == "server":
        yield Engine("server", request.getfixturevalue("milvus_server").open)
    else:
        yield folder_engine(folder) if request.param == "folder" else lite_engine(folder)


@pytest.fixture
def name() -> str:
    return f"library_{next(NAMES)}"


@pytest.fixture
def store(engine: Engine, name: str) -> Iterator[Store]:
    opened = engine.open(name, True)
    yield opened
    opened.close()


def one(seed: int) -> tuple[list[Place], FloatArray]:
    return [Place(1, 1, (0.0, 0.0, 0.5, 0.5))], embeddings(seed, 1)


def put_recording(store: Store, name: str, title: str = "", composer: str = "") -> None:
    told = replace(score(name), kind="recording", title=title, composer=composer)
    store.put_recording(told, f"sha-{title}", np.arange(5) / 4, embeddings(1, 5), "m-1")


class TestEngine:
    """The contract of `Store`."""

    def test_what_was_put_is_there_when_opened_again(self, engine: Engine, name: str) -> None:
        store = engine.open(name, True)
        assert store.model_id is None
        piece = put(store, "a", 1)
        store.close()
        again = engine.open(name, False)
        assert again.pieces() == [piece]
        assert (piece.pages, piece.systems, piece.places) == (2, 10, 50)
        assert again.model_id == "m-1"
        assert again.files(piece) == score("a").files
        assert [page.number for page in again.pages(piece.id)] == [1, 2]
        assert again.piece(piece.id) == again.with_source("/music/a.pdf") == again.with_content("sha-1") == piece
        assert again.place(piece.id, 30) == Place(2, 7, (0.3, 0.25, 0.4, 0.5))
        assert again.some([99, piece.id]) == [piece]
        with pytest.raises(KeyError):
            again.piece(99)

    def test_what_is_not_there_is_not_opened_unless_it_is_to_be_made(self, engine: Engine) -> None:
        with pytest.raises(LibraryUnusable, match="holds no library; make one with: earmark add"):
            engine.open("missing", False)

    def test_search_finds_the_nearest_of_all_pieces(self, store: Store) -> None:
        pieces = [put(store, f"p{seed}", seed) for seed in range(3)]
        everything = np.concatenate([embeddings(seed) for seed in range(3)]).astype(np.float16).astype(np.float32)
        queries = embeddings(99, 7)
        found = store.nearest(queries, 20)
        order = np.argsort(-(queries @ everything.T), axis=1)[:, :20]
        similarities = np.take_along_axis(queries @ everything.T, order, axis=1)
        np.testing.assert_allclose(found.similarities, similarities, atol=1e-5)
        np.testing.assert_array_equal(found.pieces, np.array([piece.id for piece in pieces])[order // 50])
        np.testing.assert_array_equal(found.places, order % 50)
        assert store.nearest(queries, 1000).places.shape == (7, 150)

    def test_a_piece_gives_back_its_places_and_embeddings(self, store: Store) -> None:
        numbers = [str(i // 7) if i > 20 else None for i in range(600)]
        beats = [round(1 + i % 7 / 2, 2) if i > 20 else None for i in range(600)]
        told = [Place(1, 1 + i // 100, (i / 700, 0.1, i / 700 + 0.1, 0.2), numbers[i], beats[i]) for i in range(600)]
        piece = store.put(score("a"), "sha", [Page(1, 10, 10, 6)], told, embeddings(1, 600), "m-1")
        places, found = store.contents(piece.id)
        assert [places[i] for i in (0, 255, 256, 599)] == [store.place(piece.id, i) for i in (0, 255, 256, 599)]
        assert [place.measure for place in places] == [None] * 21 + numbers[21:]
        assert [place.beat for place in places] == beats
        np.testing.assert_array_equal(found, embeddings(1, 600).astype(np.float16).astype(np.float32))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(store.embeddings([piece.id, 99])[piece.id], found)
        assert list(store.embeddings([99])) == []
        with pytest.raises(KeyError):
            store.excerpts(piece.id)

    def test_an_empty_library_has_no_neighbours(self, store: Store) -> None:
        assert store.nearest(embeddings(1), 5).places.shape == (50, 0)

    def test_changes_of_others_are_seen(self, engine: Engine, store: Store, name: str) -> None:
        here, there = store, engine.open(name, False)
        first = put(here, "a", 1)
        assert (here.nearest(embeddings(1), 1).pieces == first.id).all()
        second = put(there, "b", 2)
        assert (here.nearest(embeddings(2), 1).pieces == second.id).all()
        assert here.contents(second.id)[0] == there.contents(second.id)[0]
        here.remove([second])
        assert (here.nearest(embeddings(2), 1).pieces == first.id).all()
        assert (there.nearest(embeddings(2), 1).pieces == first.id).all()
        assert there.some([second.id]) == []
        assert there.embeddings([second.id]) == {}
        there.close()

    def test_a_source_put_again_replaces_its_piece_and_keeps_the_name(self, store: Store) -> None:
        before, after = put(store, "a", 1), put(store, "a", 2)
        assert store.pieces() == [after]
        assert after.name == before.name
        assert after.id != before.id
        assert (store.nearest(embeddings(1), 1).pieces == after.id).all()

    def test_a_few_pieces_are_found_without_listing_all(self, store: Store) -> None:
        sources = ["/m/a.pdf", "/m/a.pdf#page=1-2", "/m/a.pdf#page=3-9", "/m/a.pdf.pdf", "https://example.org/'\"\\"]
        pieces = [
            store.put(replace(score("x"), source=source), source, [Page(1, 1, 1, 1)], *one(seed), "m-1")
            for seed, source in enumerate(sources)
        ]
        assert store.of_file("/m/a.pdf") == pieces[:3]
        assert store.of_file("/m") == []
        assert store.with_source(sources[-1]) == pieces[-1]
        assert (store.named("x (2)"), store.named("y")) == (pieces[1], None)

    def test_relocating_keeps_the_piece(self, store: Store) -> None:
        piece = store.relocate(put(store, "a", 1), score("b", "/elsewhere"))
        assert (piece.name, piece.source) == ("a", "/elsewhere/b.pdf")
        assert store.files(piece) == score("b", "/elsewhere").files
        assert store.with_source("/music/a.pdf") is None

    def test_embeddings_of_another_model_are_refused_until_the_library_is_empty(self, store: Store) -> None:
        piece = put(store, "a", 1)
        with pytest.raises(Mismatch, match="was made with the model m-1, not m-2; use that model"):
            put(store, "b", 2, model="m-2")
        assert store.pieces() == [piece]
        store.remove([piece])
        put(store, "b", 2, model="m-2")
        assert store.model_id == "m-2"

    def test_every_place_needs_an_embedding(self, store: Store) -> None:
        with pytest.raises(ValueError, match="0 places for embeddings"):
            store.put(score("a"), "sha", [], [], embeddings(1), "m-1")

    def test_recordings_are_apart_from_scores(self, store: Store) -> None:
        page = put(store, "a", 1)
        tape = replace(score("tape"), kind="recording", title="Live")
        recording = store.put_recording(tape, "sha", np.arange(50) / 4, embeddings(2), "m-1")
        assert (recording.kind, recording.title) == ("recording", "Live")
        assert (recording.pages, recording.systems, recording.places) == (0, 0, 50)
        assert store.time_s(recording.id, 7) == 1.75
        assert store.excerpts(recording.id)[0].tolist() == (np.arange(50) / 4).tolist()
        assert set(store.nearest(embeddings(2), 50).pieces.ravel()) == {page.id}
        assert (store.nearest(embeddings(2), 1, "recording").places.ravel() == np.arange(50)).all()
        store.remove([recording])
        assert store.nearest(embeddings(2), 1, "recording").places.size == 0

    def test_what_a_person_sets_stays(self, store: Store) -> None:
        put_recording(store, "a", "Take 3", "Anon")
        edited = store.edit(store.pieces()[0], Edit("elise", "Für Elise", None, "Of 1912.", ("to do", "piano")))
        assert (edited.name, edited.title, edited.composer) == ("elise", "Für Elise", "Anon")
        assert (edited.note, edited.tags) == ("Of 1912.", ("to do", "piano"))
        marks = (Bookmark(2, 1, "3-4-5\nhere"), Bookmark(4))
        edited = store.edit(edited, Edit(bookmarks=marks))
        assert edited.bookmarks == marks
        assert store.edited(edited) == {"title"}
        put_recording(store, "a", "Take 4", "A. Player")
        (piece,) = store.pieces()
        assert (piece.name, piece.title, piece.composer) == ("elise", "Für Elise", "A. Player")
        assert (piece.note, piece.tags, piece.bookmarks) == (edited.note, edited.tags, marks)
        plain = replace(piece, note="", tags=(), bookmarks=())
        assert store.edit(piece, Edit(None, None, None, "", (), ())) == plain
        moved = replace(score("a"), source="/moved/a.pdf", files=(PageFile("/moved/a.pdf", 1000, 123),))
        assert store.relocate(piece, moved).title == "Für Elise"

    def test_a_name_of_another_piece_is_refused(self, store: Store) -> None:
        piece = put(store, "a", 1)
        put(store, "b", 2)
        with pytest.raises(BadInput, match="has another piece 'b'"):
            store.edit(piece, Edit("b", "Title", None))
        assert store.piece(piece.id) == piece
        store.remove([piece])
        with pytest.raises(KeyError):
            store.edit(piece, Edit("c", None, None))

    def test_names_are_made_unique(self, store: Store) -> None:
        assert [put(store, "a", seed, folder=f"/{seed}").name for seed in range(3)] == ["a", "a (2)", "a (3)"]

    def test_reads_within_a_snapshot_agree(self, store: Store) -> None:
        piece = put(store, "a", 1)
        with store.snapshot():
            assert store.some([piece.id]) == [store.piece(piece.id)] == [piece]
            assert store.files(piece) == score("a").files

    def test_two_writers_at_once_leave_one_piece_a_source_and_one_name_a_piece(
        self, engine: Engine, store: Store, name: str
    ) -> None:
        def write(folder: str) -> None:
            own = engine.open(name, False)
            for seed in range(3):
                put(own, f"same{seed % 2}", seed, folder="/shared")
                put(own, "a", seed, folder=folder)
            own.close()

        store.remove([put(store, "first", 9)])  # Milvus Lite cannot make one collection twice at once
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(write, ["/one", "/two"]))
        pieces = store.pieces()
        assert sorted(piece.source for piece in pieces) == [
            *("/one/a.pdf", "/shared/same0.pdf", "/shared/same1.pdf", "/two/a.pdf")
        ]
        assert sorted(piece.name for piece in pieces) == ["a", "a (2)", "same0", "same1"]
        assert all(len(store.contents(piece.id)[0]) == 50 for piece in pieces)
        assert set(store.nearest(embeddings(2), 200).pieces.ravel()) == {piece.id for piece in pieces}

    def test_links_are_of_pieces_that_are_there(self, store: Store) -> None:
        first, second, third = (put(store, name, seed) for seed, name in enumerate("abc"))
        assert store.unlinked() == sorted(piece.id for piece in (first, second, third))
        edition = Link("edition", first.id, "a", second.id, "b", 0.75, True)
        heard = Link("recording", third.id, "c", first.id, "a", 0.5, False, ((1.0, 2.5), (4.0, 5.0)))
        store.put_links(first.id, [edition])
        store.put_links(third.id, [heard])
        assert {*store.links()} == {edition, heard}
        assert store.unlinked() == [second.id]
        store.forget_links([third.id])
        assert store.links() == [edition]
        store.remove([second])
        assert store.links() == []
        assert store.unlinked() == sorted([first.id, third.id])
        store.put_links(first.id, [edition])
        store.put_links(second.id, [edition])
        assert store.links() == []
        assert store.unlinked() == [third.id]

    def test_a_copy_answers_the_same(self, engine: Engine, store: Store, name: str, tmp_path: Path) -> None:
        folder = folder_engine(tmp_path).open("original", True)
        pieces = [put(folder, f"p{seed}", seed) for seed in range(4)]
        put_recording(folder, "tape", "Take 3")
        tape = folder.named("tape")
        assert tape is not None
        folder.edit(tape, Edit("live", "Für Elise", None, "A note.", ("one",)))
        copy_pieces(folder, store, lambda *_: None)
        assert [replace(piece, id=0, added_at="") for piece in store.pieces()] == [
            replace(piece, id=0, added_at="") for piece in folder.pieces()
        ]
        copied = store.named("live")
        assert copied is not None
        assert store.edited(copied) == {"title"}
        assert store.excerpts(copied.id)[0].tolist() == folder.excerpts(tape.id)[0].tolist()
        for seed in range(5):
            assert proposed(store, embeddings(seed)) == proposed(folder, embeddings(seed))
        for piece in pieces:
            there = store.named(piece.name)
            assert there is not None
            assert folder.contents(piece.id)[0] == store.contents(there.id)[0]
            np.testing.assert_array_equal(folder.contents(piece.id)[1], store.contents(there.id)[1])
            assert store.files(there) == folder.files(piece)
            assert store.pages(there.id) == folder.pages(piece.id)
        seen = list[bool]()
        copy_pieces(store, folder, lambda piece, is_new, done, total: seen.append(is_new))
        assert seen == [False] * 5
        folder.close()


def proposed(store: Store, queries: FloatArray) -> list[str]:
    """The names of the pieces with most votes."""
    return [piece.name for piece in store.some(propose(store.nearest(queries, 30)))]
