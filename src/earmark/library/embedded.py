"""The library on this machine: pieces, pages, places and embeddings in one SQLite file, searched through FAISS.

``LIBRARY/library.sqlite`` is the truth for everything. Tables (``user_version`` is the format's version):

* ``meta(key, value)``: ``model`` is the model_id whose embeddings these are
* ``pieces(id, name, source, sha256, added_at, kind, title, composer)``: ``id`` is never used twice; ``source`` is the
  absolute path or the address; ``kind`` is ``score`` or ``recording``
* ``files(piece, number, path, size, mtime_ns)``: what the piece was read from, in page order
* ``pages(piece, number, width_px, height_px, systems)``
* ``vectors(piece, vectors, places)``: float16 [n, dimension] and `PLACE` [n] as little-endian bytes; a recording's
  places are float32 seconds
* ``measures(piece, place, number)``: from this place on, up to the next row's, that measure; pieces without have none

A piece is one transaction, with a rollback journal and ``synchronous = EXTRA``: after ``put`` returns it
survives a kill or a power cut, and before that nothing of it is there
(https://www.sqlite.org/atomiccommit.html). The index of the embeddings is made in memory at the first search after a
change.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.library.sources import PageFile, Score
from earmark.library.store import LibraryUnusable, Piece, check_model
from earmark.results import Kind, Place
from earmark.schema import FloatArray, Page
from earmark.search.index import ExactIndex, Neighbours

FILE_NAME = "library.sqlite"
FORMAT = 2
APPLICATION_ID = 0x4561726D  # "Earm"
BUSY_TIMEOUT_S = 60.0
PLACE = np.dtype([("page", "<i4"), ("system", "<i4"), ("box", "<f4", (4,))])
TIME = np.dtype("<f4")

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE pieces (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, source TEXT NOT NULL UNIQUE,
    sha256 TEXT NOT NULL, added_at TEXT NOT NULL) STRICT;
CREATE INDEX pieces_by_content ON pieces (sha256);
CREATE TABLE files (
    piece INTEGER NOT NULL REFERENCES pieces ON DELETE CASCADE, number INTEGER NOT NULL,
    path TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, PRIMARY KEY (piece, number)) STRICT;
CREATE TABLE pages (
    piece INTEGER NOT NULL REFERENCES pieces ON DELETE CASCADE, number INTEGER NOT NULL,
    width_px INTEGER NOT NULL, height_px INTEGER NOT NULL, systems INTEGER NOT NULL,
    PRIMARY KEY (piece, number)) STRICT;
CREATE TABLE vectors (
    piece INTEGER PRIMARY KEY REFERENCES pieces ON DELETE CASCADE,
    vectors BLOB NOT NULL, places BLOB NOT NULL) STRICT;
"""
# What format 2 added to format 1.
UPGRADE = """
ALTER TABLE pieces ADD COLUMN kind TEXT NOT NULL DEFAULT 'score';
ALTER TABLE pieces ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE pieces ADD COLUMN composer TEXT NOT NULL DEFAULT '';
CREATE TABLE measures (
    piece INTEGER NOT NULL REFERENCES pieces ON DELETE CASCADE, place INTEGER NOT NULL, number TEXT NOT NULL,
    PRIMARY KEY (piece, place)) STRICT;
"""

PIECES = f"""
SELECT id, name, source, sha256, added_at,
    (SELECT count(*) FROM pages WHERE piece = id), (SELECT coalesce(sum(systems), 0) FROM pages WHERE piece = id),
    (SELECT length(places) FROM vectors WHERE piece = id) / iif(kind = 'score', {PLACE.itemsize}, {TIME.itemsize}),
    kind, title, composer
FROM pieces
"""


class EmbeddedStore:
    """A library in a folder of this machine; see the module's description."""

    def __init__(self, folder: Path, create: bool) -> None:
        self._folder = folder
        path = folder / FILE_NAME
        if folder.exists() and not folder.is_dir():
            raise LibraryUnusable(
                folder, "is a file, not a library", "give the library's folder first, then what to add"
            )
        if not create and not path.exists():
            raise LibraryUnusable(folder, "holds no library", "make one with: earmark add LIBRARY PATH")
        self._indices: dict[Kind, ExactIndex] = {}
        self._indexed_at = 0  # SQLite's data_version that they were read at
        with self._explained():
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA synchronous = EXTRA")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._check_format(create)

    def _check_format(self, create: bool) -> None:
        if create and not self._one("SELECT count(*) FROM sqlite_master"):
            with self._writing():
                if not self._one("SELECT count(*) FROM sqlite_master"):  # not made by another process meanwhile
                    self._execute_all(SCHEMA + UPGRADE)
                    self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    self._db.execute(f"PRAGMA user_version = {FORMAT}")
        if self._one("PRAGMA application_id") != APPLICATION_ID:
            raise LibraryUnusable(self._folder / FILE_NAME, "is not a library of Earmark's", "give another folder")
        if self._one("PRAGMA user_version") == 1:
            with self._writing():
                if self._one("PRAGMA user_version") == 1:  # not brought up to date by another process meanwhile
                    self._execute_all(UPGRADE)
                    self._db.execute(f"PRAGMA user_version = {FORMAT}")
        if self._one("PRAGMA user_version") != FORMAT:
            raise LibraryUnusable(self._folder, "was made by a newer Earmark", "update Earmark")

    def _execute_all(self, statements: str) -> None:
        for statement in statements.split(";"):
            self._db.execute(statement)

    @property
    def model_id(self) -> str | None:
        """See `Store.model_id`."""
        with self._explained():
            found: str | None = self._one("SELECT value FROM meta WHERE key = 'model'")
            return found

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See `Store.snapshot`."""
        with self._transaction("DEFERRED"):
            yield

    def pieces(self) -> list[Piece]:
        """See `Store.pieces`."""
        with self._explained():
            return [Piece(*row) for row in self._db.execute(PIECES + "ORDER BY name")]

    def piece(self, identifier: int) -> Piece:
        """See `Store.piece`."""
        found = self._piece("id", identifier)
        if found is None:
            raise KeyError(identifier)
        return found

    def with_source(self, source: str) -> Piece | None:
        """See `Store.with_source`."""
        return self._piece("source", source)

    def with_content(self, sha256: str) -> Piece | None:
        """See `Store.with_content`."""
        return self._piece("sha256", sha256)

    def files(self, piece: Piece) -> tuple[PageFile, ...]:
        """See `Store.files`."""
        query = "SELECT path, size, mtime_ns FROM files WHERE piece = ? ORDER BY number"
        with self._explained():
            return tuple(PageFile(*row) for row in self._db.execute(query, (piece.id,)))

    def pages(self, piece: int) -> list[Page]:
        """See `Store.pages`."""
        query = "SELECT number, width_px, height_px, systems FROM pages WHERE piece = ? ORDER BY number"
        with self._explained():
            return [Page(*row) for row in self._db.execute(query, (piece,))]

    def put(
        self,
        score: Score,
        sha256: str,
        pages: Sequence[Page],
        places: Sequence[Place],
        embeddings: FloatArray,
        model_id: str,
    ) -> Piece:
        """See `Store.put`."""
        table = np.array([(place.page, place.system, place.box) for place in places], dtype=PLACE)
        with self._putting(score, sha256, table, embeddings, model_id) as identifier:
            self._db.executemany(
                "INSERT INTO pages VALUES (?, ?, ?, ?, ?)",
                [(identifier, page.number, page.width_px, page.height_px, page.systems) for page in pages],
            )
            numbers = [place.measure for place in places]
            self._db.executemany(
                "INSERT INTO measures VALUES (?, ?, ?)",
                [
                    (identifier, i, number)
                    for i, (number, before) in enumerate(zip(numbers, [None, *numbers], strict=False))
                    if number is not None and number != before
                ],
            )
            return self.piece(identifier)

    def put_recording(
        self, score: Score, sha256: str, times_s: npt.NDArray[np.float64], embeddings: FloatArray, model_id: str
    ) -> Piece:
        """See `Store.put_recording`."""
        with self._putting(score, sha256, times_s.astype(TIME), embeddings, model_id) as identifier:
            return self.piece(identifier)

    @contextmanager
    def _putting(
        self, score: Score, sha256: str, places: npt.NDArray[Any], embeddings: FloatArray, model_id: str
    ) -> Iterator[int]:
        """One transaction that adds a piece; yields its identifier, for what else belongs to it."""
        if embeddings.ndim != 2 or not 0 < len(places) == len(embeddings):
            raise ValueError(f"{len(places)} places for embeddings {embeddings.shape}")
        with self._writing():
            self._claim(model_id)
            name = self._remove_source(score.source) or self._free_name(score.name)
            added_at = datetime.now(UTC).isoformat(timespec="seconds")
            identifier = self._db.execute(
                "INSERT INTO pieces (name, source, sha256, added_at, kind, title, composer) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (name, score.source, sha256, added_at, score.kind, score.title, score.composer),
            ).lastrowid
            assert identifier is not None
            self._put_files(identifier, score)
            self._db.execute(
                "INSERT INTO vectors VALUES (?, ?, ?)",
                (identifier, embeddings.astype("<f2").tobytes(), places.tobytes()),
            )
            yield identifier

    def relocate(self, piece: Piece, score: Score) -> Piece:
        """See `Store.relocate`."""
        with self._writing():
            if not self._db.execute("UPDATE pieces SET source = ? WHERE id = ?", (score.source, piece.id)).rowcount:
                raise KeyError(piece.id)
            self._db.execute("DELETE FROM files WHERE piece = ?", (piece.id,))
            self._put_files(piece.id, score)
            return self.piece(piece.id)

    def remove(self, pieces: Sequence[Piece]) -> None:
        """See `Store.remove`."""
        with self._writing():
            self._db.executemany("DELETE FROM pieces WHERE id = ?", [(piece.id,) for piece in pieces])

    def nearest(self, embeddings: FloatArray, k: int, kind: Kind = "score") -> Neighbours:
        """See `Store.nearest`."""
        with self._explained():
            version = self._one("PRAGMA data_version")
            if version != self._indexed_at:  # another process has changed something
                self._indices.clear()
                self._indexed_at = version
            index = self._indices.get(kind)
            if index is None:
                rows = self._db.execute(
                    "SELECT piece, vectors FROM vectors JOIN pieces ON piece = id WHERE kind = ? ORDER BY piece",
                    (kind,),
                )
                index = self._indices[kind] = ExactIndex(embeddings.shape[1], rows)
        return index.nearest(embeddings, k)

    def place(self, piece: int, ordinal: int) -> Place:
        """See `Store.place`."""
        row = self._entry(piece, ordinal, PLACE)
        measure = "SELECT number FROM measures WHERE piece = ? AND place <= ? ORDER BY place DESC LIMIT 1"
        x0, y0, x1, y1 = (round(float(value), 5) for value in row["box"])
        with self._explained():
            return Place(int(row["page"]), int(row["system"]), (x0, y0, x1, y1), self._one(measure, piece, ordinal))

    def time_s(self, piece: int, ordinal: int) -> float:
        """See `Store.time_s`."""
        return float(self._entry(piece, ordinal, TIME))

    def _entry(self, piece: int, ordinal: int, kind: np.dtype[Any]) -> Any:
        query = "SELECT substr(places, ?, ?) FROM vectors WHERE piece = ?"
        with self._explained():
            found = self._one(query, 1 + ordinal * kind.itemsize, kind.itemsize, piece)
        return np.frombuffer(found, kind)[0]

    def contents(self, piece: int) -> tuple[list[Place], FloatArray]:
        """See `Store.contents`."""
        with self._explained():
            query = "SELECT vectors, places FROM vectors JOIN pieces ON piece = id WHERE id = ? AND kind = 'score'"
            row = self._db.execute(query, (piece,)).fetchone()
            measures = self._db.execute("SELECT place, number FROM measures WHERE piece = ? ORDER BY place", (piece,))
            begun = dict(measures.fetchall())
        if row is None:
            raise KeyError(piece)
        embeddings, places = row
        found, measure = [], None
        for i, place in enumerate(_places(places)):
            measure = begun.get(i, measure)
            found.append(replace(place, measure=measure))
        return found, _embeddings(embeddings, len(found))

    def excerpts(self, piece: int) -> tuple[npt.NDArray[np.float64], FloatArray]:
        """See `Store.excerpts`."""
        query = "SELECT vectors, places FROM vectors JOIN pieces ON piece = id WHERE id = ? AND kind = 'recording'"
        with self._explained():
            row = self._db.execute(query, (piece,)).fetchone()
        if row is None:
            raise KeyError(piece)
        times_s = np.frombuffer(row[1], TIME).astype(np.float64)
        return times_s, _embeddings(row[0], len(times_s))

    def close(self) -> None:
        """Ends the use of the file; nothing is lost without it."""
        self._db.close()

    def _one(self, query: str, *values: Any) -> Any:
        row = self._db.execute(query, values).fetchone()
        return None if row is None else row[0]

    def _piece(self, column: str, value: str | int) -> Piece | None:
        with self._explained():
            row = self._db.execute(f"{PIECES} WHERE {column} = ? ORDER BY id", (value,)).fetchone()
        return None if row is None else Piece(*row)

    def _claim(self, model_id: str) -> None:
        if not self._one("SELECT count(*) FROM pieces"):
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('model', ?)", (model_id,))
        check_model(self._folder, self.model_id, model_id)

    def _remove_source(self, source: str) -> str | None:
        row = self._db.execute("DELETE FROM pieces WHERE source = ? RETURNING name", (source,)).fetchone()
        return None if row is None else str(row[0])

    def _free_name(self, name: str) -> str:
        taken, number = name, 1
        while self._one("SELECT 1 FROM pieces WHERE name = ?", taken):
            number += 1
            taken = f"{name} ({number})"
        return taken

    def _put_files(self, identifier: int, score: Score) -> None:
        self._db.executemany(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?)",
            [(identifier, i, file.path, file.size, file.mtime_ns) for i, file in enumerate(score.files)],
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._indices.clear()
        with self._transaction("IMMEDIATE"):
            yield

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[None]:
        with self._explained():
            self._db.execute(f"BEGIN {kind}")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns SQLite's and the file system's errors into LibraryUnusable."""
        try:
            yield
        except PermissionError as error:
            raise LibraryUnusable(
                self._folder, "may not be written", "give another folder, or yourself permission"
            ) from error
        except OSError as error:
            raise LibraryUnusable(self._folder, f"cannot be used ({error.strerror})", "give another folder") from error
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            what, remedy = ERRORS.get(code, (f"cannot be used ({error})", "check the disk"))
            raise LibraryUnusable(self._folder, what, remedy) from error


ERRORS = {
    sqlite3.SQLITE_FULL: ("the disk is full", "make room and add again; what was added before is kept"),
    sqlite3.SQLITE_IOERR: (
        "the disk cannot be read or written",
        "check its space and health, then try again",
    ),
    sqlite3.SQLITE_READONLY: ("may not be written", "give yourself permission, or copy the library"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "check the folder's permissions"),
    sqlite3.SQLITE_BUSY: ("is being written by another process", "wait until it is done and try again"),
    sqlite3.SQLITE_NOTADB: (f"{FILE_NAME} is not a library of Earmark's", "give another folder"),
    sqlite3.SQLITE_CORRUPT: (f"{FILE_NAME} is damaged", "restore a copy, or add the music to a new library"),
}


def _embeddings(stored: bytes, count: int) -> FloatArray:
    return np.frombuffer(stored, "<f2").reshape(count, -1).astype(np.float32)


def _places(stored: bytes) -> list[Place]:
    rows = np.frombuffer(stored, PLACE)
    boxes = rows["box"].astype(np.float64).round(5).tolist()
    names = zip(rows["page"].tolist(), rows["system"].tolist(), strict=True)
    return [Place(page, system, tuple(box)) for (page, system), box in zip(names, boxes, strict=True)]
