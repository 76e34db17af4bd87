"""What no kill may do to a library in Milvus: of the process that writes, before any of its calls, or of the server."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count, repeat
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from earmark.schema import FloatArray
from earmark.search.index import Neighbours
from earmark.search.rank import propose
from earmark.store import milvus, milvus_client
from earmark.store.milvus import MilvusStore
from earmark.store.milvus_rows import State
from earmark.store.store import LibraryAway

from .engines import Server, lite_engine
from .made_up import embeddings, put

ROOT = Path(__file__).parents[2]
MOST_CALLS = 100
READY_S = 60.0
A1, A2, B = ("/music/a.pdf", "sha-1"), ("/music/a.pdf", "sha-2"), ("/music/b.pdf", "sha-3")
Pieces = list[tuple[str, str]]
"""Their sources and checksums, by name."""


class Killed(BaseException):
    """The process has ended there."""


def killed_at(store: MilvusStore, call: int) -> None:
    """Ends the process at the store's next write but ``call``, before the server has done it."""
    left = call

    def counting(write: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left == -1:
                raise Killed
            return write(*arguments, **named)

        return counted

    client = store._rows._client
    for name in ("upsert", "insert", "delete"):
        setattr(client, name, counting(getattr(client, name)))


def opened(server: Server, name: str, create: bool = False) -> MilvusStore:
    store = server.open(name, create)
    assert isinstance(store, MilvusStore)
    return store


def nearest(store: MilvusStore, queries: FloatArray, k: int) -> Neighbours:
    """What is nearest, tried again as people are told to: a server that was just started may not be ready."""
    end = time.monotonic() + READY_S
    while True:
        try:
            return store.nearest(queries, k)
        except LibraryAway:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def what_is_there(store: MilvusStore) -> Pieces:
    """The pieces, all of which are whole, and found; nothing else is."""
    pieces = store.pieces()
    for piece in pieces:
        assert len(store.contents(piece.id)[0]) == 50
        assert piece.id in nearest(store, store.contents(piece.id)[1], 1).pieces
    assert {*store.some(propose(nearest(store, embeddings(9), 150)))} == {*pieces}
    return [(piece.source, piece.sha256) for piece in pieces]


def assert_nothing_is_left(store: MilvusStore, pieces: int) -> None:
    """How many rows each collection has, with all states, is what so many pieces take."""
    client, rows = store._rows._client, store._rows
    for name, each in ((rows._pieces, 1), (rows._contents, 1), (rows._index("m-1"), 50)):
        if client.has_collection(name):
            assert client.query(name, "", ["count(*)"])[0]["count(*)"] == pieces * each


def test_a_server_killed_while_a_piece_is_replaced_has_it_whole_or_not_there(milvus_server: Server) -> None:
    """The process that writes ends at the same moment; one that only asks goes on when the server is back.

    It is the first test here: a server that is started again loads all libraries, and there are few yet.
    """
    reader = milvus_server.open("killed", True)
    found = []
    for call in (1, 3, 5):  # before what it holds is written, before it is there, before what was there is deleted
        store = opened(milvus_server, "killed")
        store.remove(store.pieces())
        put(store, "a", 1)
        killed_at(store, call)
        with pytest.raises(Killed):
            put(store, "a", 2)
        milvus_server.kill()
        with pytest.raises(LibraryAway), patch.object(milvus_client, "TIMEOUT_S", 2.0):
            reader.pieces()
        milvus_server.start()
        again = opened(milvus_server, "killed")
        found.append(what_is_there(again))
        with patch.object(milvus, "ABANDONED_NS", -1):
            again.settle()
        assert what_is_there(again) == found[-1]
        assert_nothing_is_left(again, 1)
        assert [(piece.source, piece.sha256) for piece in reader.pieces()] == found[-1]
        again.close()
    reader.close()
    assert found == [[A1], [A1], [A2]]


@contextmanager
def dying_writer() -> Iterator[Callable[[str, str, int], bool]]:
    """Makes a change to the library at an address; whether it was killed before the given call."""
    command = [sys.executable, "-m", "tests.store.dying_writer"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:

        def is_killed(change: str, address: str, call: int) -> bool:
            assert call < MOST_CALLS
            assert writer.stdin
            assert writer.stdout
            writer.stdin.write(f"{change} {address} {call}\n")
            writer.stdin.flush()
            end = writer.stdout.readline().strip()
            assert end in ("killed", "done")
            return end == "killed"

        yield is_killed
        assert writer.stdin
        writer.stdin.close()


def ends(server: Server, change: str) -> list[Pieces]:
    """What a library of one piece holds when the process that changes it is killed before its first call, its second,
    and so on, and at last does not come to be killed. Each time it is made good, and nothing is left behind."""
    found = list[Pieces]()
    with dying_writer() as is_killed:
        for call in count(1):
            if found[-1:] != [[A1]]:
                store = opened(server, change, create=True)
                store.remove(store.pieces())
                put(store, "a", 1)
                store.close()
            is_over = not is_killed(change, server.address(change), call)
            again = opened(server, change)
            found.append(what_is_there(again))
            again.settle()
            assert_nothing_is_left(again, len(found[-1]))
            again.close()
            if is_over:
                return found
    raise AssertionError


def test_a_process_killed_before_any_of_its_calls_leaves_each_piece_whole_or_not_there(
    milvus_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus, "ABANDONED_NS", -1)
    afterwards: dict[str, Pieces] = {"add": [A1, B], "replace": [A2], "remove": [], "move": [A1]}
    with ThreadPoolExecutor(len(afterwards)) as threads:  # each waits for the server most of the time
        all_ends = threads.map(lambda change: ends(milvus_server, change), afterwards)
        for (change, after), found in zip(afterwards.items(), all_ends, strict=True):
            turned = found.index(after)
            assert found == [[A1]] * turned + [after] * (len(found) - turned), change
            assert len(found) > 10  # calls
            if change in ("replace", "remove"):  # what was there is cleared away after that
                assert turned < len(found) - 2


def begun(server: Server, call: int) -> Pieces | None:
    """What a new library holds when the process that begins it is killed before a call that changes the server; None
    if it makes fewer. Each time others go on with it, and nothing else is left there."""
    with dying_writer() as is_killed:
        was_killed = is_killed("begin", server.address(f"begun_{call}"), call)
    store = opened(server, f"begun_{call}", create=True)
    found = what_is_there(store)
    put(store, "a", 2)
    assert what_is_there(store) == [A2]
    assert_nothing_is_left(store, 1)
    store.close()
    return found if was_killed else None


def test_a_process_killed_while_it_begins_a_library_leaves_one_to_go_on_with(
    milvus_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus, "ABANDONED_NS", -1)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(begun, repeat(milvus_server), range(1, 17)))
    calls = found.index(None)
    assert calls > 11  # three collections are made, indexed and loaded; then a piece is written
    assert found == [[]] * calls + [None] * (len(found) - calls)


def test_what_is_on_its_way_is_no_answer(tmp_path: Path) -> None:
    engine = lite_engine(tmp_path)
    store = engine.open("music", True)
    assert isinstance(store, MilvusStore)
    piece = put(store, "a", 1)
    killed_at(store, 3)  # all is written but the row that says so
    with pytest.raises(Killed):
        put(store, "b", 2)
    again = engine.open("music", True)
    assert isinstance(again, MilvusStore)
    (coming,) = again._rows.where(f"state == {State.COMING}")
    assert coming.piece.id in again.nearest(embeddings(2), 5).pieces
    assert again.some([coming.piece.id, piece.id]) == [piece]
    assert list(again.embeddings([coming.piece.id, piece.id])) == [piece.id]
    again.settle()  # it may still be coming
    assert again._rows.where(f"state == {State.COMING}") == [coming]
    for one in (store, again):
        one.close()


def test_a_server_that_has_not_loaded_what_it_searches_is_away(tmp_path: Path) -> None:
    engine = lite_engine(tmp_path)
    store = engine.open("music", True)
    assert isinstance(store, MilvusStore)
    piece = put(store, "a", 1)
    with patch.object(store._rows, "nearest", lambda *given: [[] for _ in embeddings(1)]):
        with pytest.raises(LibraryAway, match="has not loaded what it searches yet"):
            store.nearest(embeddings(1), 5)
        store.remove([piece])
        assert store.nearest(embeddings(1), 5).pieces.size == 0
    put(store, "a", 1)
    assert store.nearest(embeddings(1), 5, "recording").pieces.size == 0  # there is none, and all is loaded
    assert store.nearest(embeddings(1), 5).pieces.size
    store.close()
