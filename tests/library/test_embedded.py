"""The embedded store: what was put is there, whatever happens."""

from __future__ import annotations

import os
import random
import shutil
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
from earmark.library import embedded
from earmark.library.embedded import APPLICATION_ID, FILE_NAME, FORMAT, PLACE, SCHEMA, UPGRADES, EmbeddedStore
from earmark.library.library import open_store
from earmark.library.sources import PageFile, Score
from earmark.library.store import LibraryDamaged, LibraryUnusable, Piece, Store
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
    before = (foreign / FILE_NAME).read_bytes()
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
    assert (foreign / FILE_NAME).read_bytes() == before


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


def assert_can_only_be_read(library: Path, piece: int | None) -> None:
    """Somebody else can search a library that nobody may write, and is told so when adding to it."""
    library.parent.chmod(0o755)
    for path in library.iterdir():
        path.chmod(0o444)
    library.chmod(0o555)
    arguments = [str(SOURCE), str(Path(__file__).parent), str(library)]
    reader = subprocess.run([sys.executable, "-c", READER, *arguments], capture_output=True, text=True)
    library.chmod(0o755)
    assert reader.returncode == 0, reader.stderr
    found, refusal = reader.stdout.splitlines()
    assert piece is None or found == str(piece)
    assert "may not be written; give yourself permission" in refusal


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs POSIX permissions")
def test_a_library_that_may_only_be_read_can_be_searched() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path, into which only its owner may look
        store = open_store(Path(folder, "lib"), create=True)
        piece = put(store, "a", 1)
        store.close()
        assert_can_only_be_read(Path(folder, "lib"), piece.id)


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


def write_old_library(folder: Path, version: int) -> None:
    """A library of one piece, as an earlier format has it."""
    folder.mkdir()
    old = sqlite3.connect(folder / FILE_NAME, isolation_level=None)
    for statement in (SCHEMA + "".join(UPGRADES[number] for number in range(2, version + 1))).split(";"):
        old.execute(statement)
    old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    old.execute(f"PRAGMA user_version = {version}")
    old.execute("INSERT INTO meta VALUES ('model', 'm-1')")
    columns = "(id, name, source, sha256, added_at)"
    old.execute(f"INSERT INTO pieces {columns} VALUES (5, 'a', '/music/a.pdf', 'sha', '2026-01-01T00:00:00+00:00')")
    place = np.array([(1, 2, (0.0, 0.0, 0.5, 0.5))], PLACE)
    old.execute("INSERT INTO vectors VALUES (5, ?, ?)", (embeddings(1, 1).astype("<f2").tobytes(), place.tobytes()))
    old.close()


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


WATCHER = """
import os, sys
from pathlib import Path
from earmark.library.embedded import EmbeddedStore
os.setuid(65534)
store = EmbeddedStore(Path(sys.argv[1]), create=False)
print([piece.name for piece in store.pieces()], flush=True)
sys.stdin.readline()
print([piece.name for piece in store.pieces()], flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "setuid") or os.getuid() != 0, reason="needs to be somebody else")
@pytest.mark.parametrize("is_closed", [True, False])
def test_who_may_only_read_sees_what_others_write(is_closed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        library = Path(folder, "lib")
        store = open_store(library, create=True)
        put(store, "a", 1)
        store.close()
        arguments = [sys.executable, "-c", WATCHER, str(library)]
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        watcher = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        assert watcher.stdout is not None
        assert watcher.stdout.readline() == "['a']\n"
        writer = open_store(library, create=False)
        put(writer, "b", 2)
        if is_closed:
            writer.close()
        assert watcher.communicate("go on\n")[0] == "['a', 'b']\n"
        writer.close()


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs POSIX permissions")
def test_what_a_killed_process_left_in_the_log_is_read_where_nothing_may_be_written() -> None:
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "lib")
        writer = start_writer(library, "a", 100_000)
        assert writer.stdout is not None
        for _ in range(3):
            writer.stdout.readline()
        writer.kill()
        with writer:
            writer.communicate()
        assert Path(library, f"{FILE_NAME}-wal").stat().st_size > 0
        Path(library, f"{FILE_NAME}-shm").unlink()  # as in a copy of the folder
        shutil.copytree(library, Path(folder, "copy"))
        pieces = open_store(Path(folder, "copy"), create=False).pieces()
        assert len(pieces) >= 3
        assert_can_only_be_read(library, None)


def test_a_library_that_a_kill_ended_before_it_was_made_is_empty(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    store = open_store(tmp_path, create=False)
    assert store.pieces() == []
    put(store, "a", 1)


def test_a_reader_does_not_keep_a_writer_waiting_nor_a_writer_a_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "BUSY_TIMEOUT_S", 0.0)  # whoever had to wait would fail
    reader, writer = open_store(tmp_path, create=True), open_store(tmp_path, create=False)
    first = put(writer, "a", 1)
    with reader.snapshot():
        assert reader.pieces() == [first]
        second = put(writer, "b", 2)
        assert reader.pieces() == [first]
        assert (reader.nearest(embeddings(2), 1).pieces == first.id).all()
    assert reader.pieces() == [first, second]
    assert isinstance(writer, EmbeddedStore)
    with writer._putting(score("c"), "sha", np.zeros(50, PLACE), embeddings(3), "m-1"):  # a put under way
        assert (reader.nearest(embeddings(2), 1).pieces == second.id).all()
        assert reader.place(second.id, 30).page == 2
    put(writer, "d", 4)


def test_finds_and_puts_of_several_processes_do_not_fail(tmp_path: Path) -> None:
    writer = start_writer(tmp_path, "a", 40)
    assert writer.stdout is not None
    writer.stdout.readline()
    reader, asked = open_store(tmp_path, create=False), 0
    while writer.poll() is None:
        with reader.snapshot():
            known = {piece.id for piece in reader.pieces()}
            assert set(reader.nearest(embeddings(asked % 40), 1).pieces.ravel()) <= known
        asked += 1
    with writer:
        writer.communicate()
    assert (writer.returncode, asked > 0, len(reader.pieces())) == (0, True, 40)


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


FLIPS = 200


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
    numbers = [Place(1, 1, (0.0, 0.0, 0.5, 0.5), str(i // 2)) for i in range(10)]
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
