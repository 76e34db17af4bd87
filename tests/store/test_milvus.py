"""Libraries in Milvus: their addresses, and what no other writer, machine or silent server may do to them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from earmark.errors import BadInput
from earmark.library.library import Library
from earmark.results.places import Place
from earmark.schema import Page
from earmark.store import milvus_client
from earmark.store.location import open_store
from earmark.store.milvus import MilvusStore
from earmark.store.milvus_client import Address
from earmark.store.milvus_rows import Contents, Row
from earmark.store.store import LibraryAway, LibraryUnusable
from tests.conftest import Music
from tests.fake_encoders import FakeEncoders

from .engines import Server, lite_engine
from .made_up import embeddings, put, score, start_writer


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("milvus://db.example.org/music", None),
        ("milvus+tls://[::1]:1953/music_2", None),
        ("https://db.example.org/music", "is no address of a library"),
        ("milvus://db.example.org:99999999/music", "is no address of a library"),
        ("milvus://db.example.org", "names no library; give milvus://HOST:19530/NAME"),
        ("milvus://db.example.org/two words", "names no library"),
        ("milvus://root:secret@db.example.org/music", "has a password in it; give it in EARMARK_MILVUS_TOKEN"),
    ],
)
def test_an_address_is_read_or_refused_in_a_line(where: str, message: str | None) -> None:
    if message is None:
        assert Address.of(where).uri in ("http://db.example.org:19530", "https://[::1]:1953")
        return
    with pytest.raises(BadInput, match=message) as refused:
        Address.of(where)
    assert "secret" not in str(refused.value)


def test_without_the_package_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(LibraryUnusable, match=r"is in Milvus; install what it takes: pip install 'earmark\[milvus\]'"):
        open_store("milvus://127.0.0.1/music", create=False)


def test_a_server_that_is_not_there_is_one_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pymilvus")
    monkeypatch.setattr(milvus_client, "TIMEOUT_S", 1.0)
    with pytest.raises(LibraryAway, match=r"does not answer .*; try again"):
        open_store("milvus://127.0.0.1:9/music", create=False)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], MilvusStore]]:
    engine, stores = lite_engine(tmp_path), list[MilvusStore]()

    def again() -> MilvusStore:
        store = engine.open("music", True)
        assert isinstance(store, MilvusStore)
        stores.append(store)
        return store

    yield again
    for store in stores:
        store.close()


def test_of_two_pieces_put_at_once_the_older_keeps_name_and_model_though_it_looks_last(
    opened: Callable[[], MilvusStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    older, younger = opened(), opened()
    write_contents = older._rows.write_contents

    def overtaken_by(seed: int, **given: str) -> None:
        """The younger piece is put while the older one is on its way."""

        def written(row: Row, contents: Contents) -> None:
            put(younger, "a", seed, **given)
            write_contents(row, contents)

        monkeypatch.setattr(older._rows, "write_contents", written)

    overtaken_by(1, folder="/two", model="m-2")
    put(older, "a", 2, folder="/one")
    assert [piece.source for piece in opened().pieces()] == ["/one/a.pdf"]
    assert opened().model_id == "m-1"
    older.remove(older.pieces())
    overtaken_by(3, folder="/two")
    assert put(older, "a", 4, folder="/one").name == "a"
    pieces = opened().pieces()
    assert [(piece.source, piece.name) for piece in pieces] == [("/one/a.pdf", "a"), ("/two/a.pdf", "a (2)")]
    assert all(len(older.contents(piece.id)[0]) == 50 for piece in pieces)


def test_paths_of_another_machine_are_not_taken_for_paths_of_this_one(
    opened: Callable[[], MilvusStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    put(store, "a", 1)
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    mine = put(store, "a", 2)
    theirs = next(piece for piece in store.pieces() if piece != mine)
    assert (mine.source, theirs.source) == ("/music/a.pdf", "file://elsewhere/music/a.pdf")
    assert store.with_source("/music/a.pdf") == mine
    assert [file.path for file in store.files(theirs)] == ["file://elsewhere/music/a.pdf"]


def test_a_question_takes_four_round_trips(
    opened: Callable[[], MilvusStore], tmp_path: Path, music: Music, encoders: FakeEncoders
) -> None:
    store = opened()
    library = Library("milvus://host/music", store, encoders, Library.open(tmp_path / "other", encoders).sandbox)
    melodies = [music.melody(seed) for seed in range(3)]
    (tmp_path / "scores").mkdir()
    for number, melody in enumerate(melodies):
        music.write_pdf(tmp_path / "scores" / f"{number}.pdf", melody)
    music.write_recording(tmp_path / "clip.wav", melodies[1])
    music.write_recording(tmp_path / "scores" / "tape.wav", melodies[2])
    outcomes = library.add(tmp_path / "scores")
    assert [outcome.status for outcome in outcomes] == ["added"] * 4
    assert library.find(tmp_path / "clip.wav").hits[0].piece == "1"
    store._contents.clear()
    asked = list[str]()
    client = store._rows._client

    def counting(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            asked.append(name)
            return call(*given, **named)

        return counted

    for name in ("query", "search"):
        setattr(client, name, counting(name, getattr(client, name)))
    found = library.find(tmp_path / "clip.wav")
    assert (found.hits[0].piece, len(found.hits), len(found.recordings)) == ("1", 3, 1)
    assert asked == ["search", "search", "query", "query"]
    by_page = library.find(tmp_path / "scores" / "2.pdf")
    assert (by_page.recordings[0].piece, "2" in [hit.piece for hit in by_page.hits]) == ("tape", False)


def test_two_processes_that_write_at_once_leave_all_that_each_said_it_had_put(milvus_server: Server) -> None:
    writers = [start_writer(milvus_server.address("shared"), prefix, 4) for prefix in ("one", "two")]
    said = [line for writer in writers for line in writer.communicate(timeout=200)[0].split()]
    assert [writer.returncode for writer in writers] == [0, 0]
    store = milvus_server.open("shared", False)
    pieces = store.pieces()
    assert (
        [piece.name for piece in pieces] == sorted(said) == [f"{one}-{i}" for one in ("one", "two") for i in range(4)]
    )
    assert all(len(store.contents(piece.id)[0]) == 50 for piece in pieces)
    assert {*store.nearest(embeddings(3), 2).pieces.ravel()} == {piece.id for piece in pieces if piece.name[-1] == "3"}
    store.close()


def test_a_hundred_thousand_places(milvus_server: Server) -> None:
    store = milvus_server.open("large", True)
    everything = embeddings(0, 100_000).astype(np.float16).astype(np.float32)
    parts = np.split(everything, 20)
    place = [Place(1, 1, (0.0, 0.0, 0.5, 0.5))]
    pieces = [
        store.put(score(f"p{number}"), f"sha-{number}", [Page(1, 1, 1, 1)], place * len(part), part, "m-1")
        for number, part in enumerate(parts)
    ]
    queries = embeddings(1, 20)
    found = store.nearest(queries, 500)
    exact = np.argsort(-(queries @ everything.T), axis=1)[:, :500]
    numbers = {piece.id: number for number, piece in enumerate(pieces)}
    rows = np.vectorize(numbers.__getitem__)(found.pieces) * len(parts[0]) + found.places
    shares = [len(np.intersect1d(one, other)) / 500 for one, other in zip(rows, exact, strict=True)]
    assert np.mean(shares) > 0.9
    for number in (0, 19):
        assert (store.nearest(parts[number][:50], 1).pieces == pieces[number].id).all()
        np.testing.assert_array_equal(store.embeddings([pieces[number].id])[pieces[number].id], parts[number])
    store.remove(pieces[1:])
    assert {*store.nearest(queries, 500).pieces.ravel()} == {pieces[0].id}
    store.close()
