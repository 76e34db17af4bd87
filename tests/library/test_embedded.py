"""The embedded store: what was put is there, whatever happens."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earmark.errors import Mismatch
from earmark.library.embedded import APPLICATION_ID, FILE_NAME, PLACE, SCHEMA, EmbeddedStore
from earmark.library.library import open_store
from earmark.library.sources import PageFile, Score
from earmark.library.store import LibraryUnusable, Piece, Store
from earmark.results import Place
from earmark.schema import FloatArray, Page

DIMENSION = 16
SOURCE = Path(__file__).parents[2] / "src"


def score(name: str, folder: str = "/music") -> Score:
    source = f"{folder}/{name}.pdf"
    return Score(name, source, (PageFile(source, 1000, 123),))


def embeddings(seed: int, count: int = 50) -> FloatArray:
    found = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    unit: FloatArray = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


def put(store: Store, name: str, seed: int, model: str = "m-1", folder: str = "/music") -> Piece:
    places = [Place(1 + i // 25, 1 + i // 5, (i / 100, 0.25, i / 100 + 0.1, 0.5)) for i in range(50)]
    pages = [Page(1, 1654, 2339, 5), Page(2, 1654, 2339, 5)]
    return store.put(score(name, folder), f"sha-{seed}", pages, places, embeddings(seed), model)


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


def test_names_are_made_unique(tmp_path: Path) -> None:
    store = open_store(tmp_path, create=True)
    names = [put(store, "a", seed, folder=f"/{seed}").name for seed in range(3)]
    assert names == ["a", "a (2)", "a (3)"]


def test_relocating_keeps_the_piece(tmp_path: Path) -> None:
    store = open_store(tmp_path, create=True)
    piece = store.relocate(put(store, "a", 1), score("b", "/elsewhere"))
    assert (piece.name, piece.source) == ("a", "/elsewhere/b.pdf")
    assert store.files(piece) == score("b", "/elsewhere").files


def test_vectors_of_another_model_are_refused_until_the_library_is_empty(tmp_path: Path) -> None:
    store = open_store(tmp_path, create=True)
    piece = put(store, "a", 1)
    with pytest.raises(Mismatch, match="was made with the model m-1, not m-2; use that model"):
        put(store, "b", 2, model="m-2")
    assert store.pieces() == [piece]
    store.remove([piece])
    put(store, "b", 2, model="m-2")
    assert store.model_id == "m-2"


def test_every_place_needs_a_vector(tmp_path: Path) -> None:
    store = open_store(tmp_path, create=True)
    with pytest.raises(ValueError, match="0 places for embeddings"):
        store.put(score("a"), "sha", [], [], embeddings(1), "m-1")


def test_wrong_places_for_a_library_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / FILE_NAME).write_bytes(b"not SQLite at all" * 100)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    with sqlite3.connect(foreign / FILE_NAME) as database:
        database.execute("CREATE TABLE t (x)")
    database.close()
    for where, message in {
        "http://host/library": "remote libraries are not supported yet",
        str(tmp_path / "none"): "holds no library",
        str(tmp_path / "file"): "is a file, not a library",
        str(tmp_path / "other"): "is not a library of Earmark's",
        str(foreign): "is not a library of Earmark's",
    }.items():
        with pytest.raises(LibraryUnusable, match=message):
            open_store(where, create=False)
    assert not (tmp_path / "none").exists()


def test_a_library_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, create=True)
    store._db.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(LibraryUnusable, match="newer Earmark; update"):
        open_store(tmp_path, create=False)


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, create=True)
    kept = put(store, "a", 1)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages + 1}")  # what a full disk looks like to SQLite
    with pytest.raises(LibraryUnusable, match="the disk is full; make room"):
        [put(store, "b", seed) for seed in range(2, 9)]
    store._db.execute("PRAGMA max_page_count = 1000000")
    assert store.pieces() == [kept]
    assert (store.nearest(embeddings(1), 1).pieces == kept.id).all()
    put(store, "b", 2)
    assert len(store.pieces()) == 2


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
sys.path.insert(0, sys.argv[2])
from test_embedded import open_store, put
store = open_store(sys.argv[3], create=True)
for i in range(int(sys.argv[5])):
    piece = put(store, f"{sys.argv[4]}-{i}", i)
    print(piece.name, flush=True)
"""


def start_writer(library: Path, prefix: str, pieces: int) -> subprocess.Popen[str]:
    arguments = [str(SOURCE), str(Path(__file__).parent), str(library), prefix, str(pieces)]
    return subprocess.Popen([sys.executable, "-c", WRITER, *arguments], stdout=subprocess.PIPE, text=True)


def test_a_kill_at_any_moment_loses_no_piece_that_was_reported(tmp_path: Path) -> None:
    rng = random.Random(0)
    reported: set[str] = set()
    for round_number in range(6):
        writer = start_writer(tmp_path, f"r{round_number}", 100_000)
        assert writer.stdout is not None
        reported.add(writer.stdout.readline().strip())
        time.sleep(rng.uniform(0, 0.15))
        writer.send_signal(signal.SIGKILL)
        with writer:
            reported |= {line.strip() for line in writer.stdout if line.endswith("\n")}
        store = EmbeddedStore(tmp_path, create=False)
        assert store._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert store._db.execute("PRAGMA foreign_key_check").fetchall() == []
        pieces = store.pieces()
        assert reported <= {piece.name for piece in pieces}
        assert all((piece.pages, piece.systems, piece.places) == (2, 10, 50) for piece in pieces)
        assert store.nearest(embeddings(0), 1).places.shape == (50, 1)
        store.close()
    assert len(reported) >= 6


def test_two_processes_add_at_once(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path, prefix, 15) for prefix in ("left", "right")]
    for writer in writers:
        with writer:
            writer.communicate()
        assert writer.returncode == 0
    names = {piece.name for piece in open_store(tmp_path, create=False).pieces()}
    assert names == {f"{prefix}-{i}" for prefix in ("left", "right") for i in range(15)}


READER = """
import os, sys
sys.path.insert(0, sys.argv[1])
sys.path.insert(0, sys.argv[2])
from test_embedded import open_store, put, embeddings
import faiss
queries = embeddings(1)
if os.getuid() == 0:
    os.setuid(65534)
store = open_store(sys.argv[3], create=False)
print(store.nearest(queries, 1).pieces.max())
try:
    put(store, "b", 2)
except Exception as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs POSIX permissions")
def test_a_library_that_may_only_be_read_can_be_searched() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path, into which only its owner may look
        library = Path(folder)
        store = open_store(library, create=True)
        piece = put(store, "a", 1)
        store.close()
        (library / FILE_NAME).chmod(0o444)
        library.chmod(0o555)
        arguments = [str(SOURCE), str(Path(__file__).parent), folder]
        reader = subprocess.run([sys.executable, "-c", READER, *arguments], capture_output=True, text=True)
        library.chmod(0o755)
    assert reader.returncode == 0, reader.stderr
    found, refusal = reader.stdout.splitlines()
    assert found == str(piece.id)
    assert "may not be written; give yourself permission" in refusal


def test_measures_are_kept_by_place(tmp_path: Path) -> None:
    store = open_store(tmp_path / "lib", create=True)
    numbers = ["1", "1", "2", "2", "X1", "2"]
    places = [Place(1, 1, (0.0, 0.0, 0.5, 0.5), number) for number in numbers]
    piece = store.put(score("a"), "sha", [Page(1, 10, 10, 1)], places, embeddings(1, 6), "m-1")
    assert [store.place(piece.id, i).measure for i in range(6)] == numbers
    assert store.place(put(store, "b", 2).id, 3).measure is None


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


def test_a_library_of_the_first_format_is_brought_up_to_date(tmp_path: Path) -> None:
    tmp_path.joinpath("lib").mkdir()
    old = sqlite3.connect(tmp_path / "lib" / "library.sqlite", isolation_level=None)
    for statement in SCHEMA.split(";"):
        old.execute(statement)
    old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    old.execute("PRAGMA user_version = 1")
    old.execute("INSERT INTO meta VALUES ('model', 'm-1')")
    old.execute("INSERT INTO pieces VALUES (5, 'a', '/music/a.pdf', 'sha', '2026-01-01T00:00:00+00:00')")
    place = np.array([(1, 2, (0.0, 0.0, 0.5, 0.5))], PLACE)
    old.execute("INSERT INTO vectors VALUES (5, ?, ?)", (embeddings(1, 1).astype("<f2").tobytes(), place.tobytes()))
    old.close()
    store = open_store(tmp_path / "lib", create=False)
    (piece,) = store.pieces()
    assert (piece.name, piece.kind, piece.title, piece.places) == ("a", "score", "", 1)
    assert store.place(5, 0) == Place(1, 2, (0.0, 0.0, 0.5, 0.5))
    assert (store.nearest(embeddings(1, 1), 1).pieces == 5).all()
    put(store, "b", 2)
    store.close()
    assert [piece.name for piece in open_store(tmp_path / "lib", create=False).pieces()] == ["a", "b"]
