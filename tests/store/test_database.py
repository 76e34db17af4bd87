"""The library's file: what was put is there, whatever happens, whoever else reads and writes."""

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
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from earmark.store import database
from earmark.store.database import FILE_NAME
from earmark.store.embedded import EmbeddedStore
from earmark.store.location import open_store
from earmark.store.store import LibraryUnusable
from earmark.store.tables import PLACE

from .faulty_disk import CAN_BE_WATCHED
from .made_up import SOURCE, assert_can_only_be_read, embeddings, put, score, start_writer


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
        str(tmp_path / "none"): "holds no library",
        str(tmp_path / "file"): "is a file, not a library",
        str(tmp_path / "other"): "is not a library of Earmark's",
        str(foreign): "is not a library of Earmark's",
    }.items():
        with pytest.raises(LibraryUnusable, match=message):
            open_store(where, create=False)
    assert not (tmp_path / "none").exists()
    assert (foreign / FILE_NAME).read_bytes() == before


@pytest.mark.skipif(not CAN_BE_WATCHED, reason="open files are told by /proc, which is not here")
@pytest.mark.parametrize("spoil", ["DROP TABLE pieces", "PRAGMA user_version = 99", "PRAGMA application_id = 1", None])
def test_a_file_that_cannot_be_used_is_closed_at_once(tmp_path: Path, spoil: str | None) -> None:
    EmbeddedStore(tmp_path, create=True).close()
    if spoil is None:
        (tmp_path / FILE_NAME).write_bytes(b"not SQLite at all" * 100)
    else:
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
            db.execute(spoil)
    with pytest.raises(LibraryUnusable) as raised:
        EmbeddedStore(tmp_path, create=False)
    held = [os.readlink(file) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    assert not [path for path in held if path.startswith(str(tmp_path))]
    assert raised.value.path.startswith(str(tmp_path))  # the error is still there: its end would close the file, too


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


def test_a_kill_at_any_moment_loses_no_piece_that_was_reported(tmp_path: Path) -> None:
    rng = random.Random(0)
    reported: set[str] = set()
    for round_number in range(3):  # every moment: test_faults
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
    assert len(reported) >= 3


def test_two_processes_add_at_once(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path, prefix, 15) for prefix in ("left", "right")]
    for writer in writers:
        with writer:
            writer.communicate()
        assert writer.returncode == 0
    names = {piece.name for piece in open_store(tmp_path, create=False).pieces()}
    assert names == {f"{prefix}-{i}" for prefix in ("left", "right") for i in range(15)}


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs POSIX permissions")
def test_a_library_that_may_only_be_read_can_be_searched() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path, into which only its owner may look
        store = open_store(Path(folder, "lib"), create=True)
        piece = put(store, "a", 1)
        store.close()
        assert_can_only_be_read(Path(folder, "lib"), piece=piece.id)


WATCHER = """
import os, sys
from pathlib import Path
from earmark.store.embedded import EmbeddedStore
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
        assert_can_only_be_read(library)


def test_a_library_that_a_kill_ended_before_it_was_made_is_empty(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    store = open_store(tmp_path, create=False)
    assert store.pieces() == []
    put(store, "a", 1)


def test_a_reader_does_not_keep_a_writer_waiting_nor_a_writer_a_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.0)  # whoever had to wait would fail
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
