"""Pieces of made-up embeddings, put into a store; also by other processes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np

from earmark.results.places import Place
from earmark.schema import FloatArray, Page
from earmark.sources.on_disk import PageFile, Score
from earmark.store.database import FILE_NAME
from earmark.store.store import Piece, Store
from earmark.store.tables import APPLICATION_ID, PLACE, SCHEMA, UPGRADES, crc32

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


WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
sys.path.insert(0, sys.argv[2])
from earmark.store.location import open_store
from made_up import put
store = open_store(sys.argv[3], create=True)
for i in range(int(sys.argv[5])):
    piece = put(store, f"{sys.argv[4]}-{i}", i)
    print(piece.name, flush=True)
"""


def start_writer(library: str | Path, prefix: str, pieces: int) -> subprocess.Popen[str]:
    arguments = [str(SOURCE), str(Path(__file__).parent), str(library), prefix, str(pieces)]
    return subprocess.Popen([sys.executable, "-c", WRITER, *arguments], stdout=subprocess.PIPE, text=True)


READER = """
import os, sys
sys.path.insert(0, sys.argv[1])
sys.path.insert(0, sys.argv[2])
from earmark.store.location import open_store
from made_up import embeddings, put
import faiss, numpy.ma  # which another user may not be able to read
queries = embeddings(1)
if os.getuid() == 0:
    os.setuid(65534)
for library in sys.argv[3:]:
    store = open_store(library, create=False)
    print(store.nearest(queries, 1).pieces.max())
    try:
        put(store, "b", 2)
    except Exception as error:
        print(error)
"""


def assert_can_only_be_read(*libraries: Path, piece: int | None = None) -> None:
    """Somebody else can search libraries that nobody may write, and is told so when adding to them."""
    for library in libraries:
        library.parent.chmod(0o755)
        for path in library.iterdir():
            path.chmod(0o444)
        library.chmod(0o555)
    arguments = [str(SOURCE), str(Path(__file__).parent), *map(str, libraries)]
    reader = subprocess.run([sys.executable, "-c", READER, *arguments], capture_output=True, text=True)
    for library in libraries:
        library.chmod(0o755)
    assert reader.returncode == 0, reader.stderr
    said = reader.stdout.splitlines()
    assert len(said) == 2 * len(libraries)
    assert piece is None or set(said[::2]) == {str(piece)}
    assert all("may not be written; give yourself permission" in refusal for refusal in said[1::2])


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
    if version >= 3:
        facts = crc32("a", "/music/a.pdf", "sha", "2026-01-01T00:00:00+00:00", "score", "", "", None, None)
        sums = (facts, crc32(embeddings(1, 1).astype("<f2").tobytes()), crc32(place.tobytes(), None))
        old.execute("INSERT INTO checksums VALUES (5, ?, ?, ?)", sums)
    old.close()
