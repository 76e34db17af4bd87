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
* ``checksums(piece, facts, embeddings, places)``: CRC-32 of the piece's rows in ``pieces``, ``files`` and ``pages``; of
  its embeddings; of its places and measures. ``meta`` has another under ``checksum``, of the tables and the model

What is read is checked, so that a damaged file is an error and never an answer. CRC-32 (`zlib.crc32`) is the cheapest
that does: it guards against damage, not against people.

A piece is one transaction, with a write-ahead log and ``synchronous = EXTRA``: after ``put`` returns it survives a kill
or a power cut, and before that nothing of it is there (https://www.sqlite.org/wal.html). Readers and writers do not
wait for each other. Where the log cannot be used the rollback journal is; where nothing may be written beside the
file, it is read as it is. The index of the embeddings is made in memory at the first search after a change.
"""

from __future__ import annotations

import shutil
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.files import make_folder
from earmark.library.sources import PageFile, Score
from earmark.library.store import LibraryDamaged, LibraryFull, LibraryUnusable, Piece, check_model
from earmark.results import Kind, Place
from earmark.schema import FloatArray, Page
from earmark.search.index import ExactIndex, Neighbours

FILE_NAME = "library.sqlite"
FORMAT = 3
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
UPGRADES = {
    2: """
ALTER TABLE pieces ADD COLUMN kind TEXT NOT NULL DEFAULT 'score';
ALTER TABLE pieces ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE pieces ADD COLUMN composer TEXT NOT NULL DEFAULT '';
CREATE TABLE measures (
    piece INTEGER NOT NULL REFERENCES pieces ON DELETE CASCADE, place INTEGER NOT NULL, number TEXT NOT NULL,
    PRIMARY KEY (piece, place)) STRICT;
""",
    3: """
CREATE TABLE checksums (
    piece INTEGER PRIMARY KEY REFERENCES pieces ON DELETE CASCADE,
    facts INTEGER NOT NULL, embeddings INTEGER NOT NULL, places INTEGER NOT NULL) STRICT;
""",
}
"""What each format added to the one before."""

# Of the piece ``id``: checksums of what there is now. The rows of a piece come in the order of the primary key.
FACTS = """
crc32(name, source, sha256, added_at, kind, title, composer,
    (SELECT group_concat(number || ' ' || path || ' ' || size || ' ' || mtime_ns, char(10))
        FROM (SELECT * FROM files WHERE piece = id ORDER BY number)),
    (SELECT group_concat(number || ' ' || width_px || ' ' || height_px || ' ' || systems, char(10))
        FROM (SELECT * FROM pages WHERE piece = id ORDER BY number)))
"""
PLACES = """
crc32(places, (SELECT group_concat(place || ' ' || number, char(10))
    FROM (SELECT * FROM measures WHERE piece = id ORDER BY place)))
"""
TABLES_AND_MODEL = """
crc32((SELECT value FROM meta WHERE key = 'model'),
    (SELECT group_concat(sql, char(10)) FROM
        (SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY name)))
"""
PIECES = f"""
SELECT id, name, source, sha256, added_at,
    (SELECT count(*) FROM pages WHERE piece = id), (SELECT coalesce(sum(systems), 0) FROM pages WHERE piece = id),
    (SELECT length(places) FROM vectors WHERE piece = id) / iif(kind = 'score', {PLACE.itemsize}, {TIME.itemsize}),
    kind, title, composer, (SELECT facts FROM checksums WHERE piece = id) IS {FACTS}
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
        self._frozen: tuple[int, ...] | None = None  # of a file that is read as it is: its state then
        with self._explained():
            make_folder(folder)
            self._open()
            self._check_tables()
            if self._one("PRAGMA integrity_check('pieces')") != "ok":  # by whose indices pieces are looked up
                raise self._damaged()

    @property
    def _path(self) -> Path:
        return self._folder / FILE_NAME

    def _open(self) -> None:
        self._frozen = None
        try:
            self._db = _connected(self._path)
            self._one("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError as error:
            # A write-ahead log needs files beside the library, which cannot be made here.
            if _code(error) not in UNWRITABLE or not self._path.exists():
                raise
            self._frozen = self._state()
            self._db = self._as_it_is()
        self._bring_up_to_date()
        if self._frozen:
            self._db.execute("PRAGMA query_only = ON")
        elif self._one("PRAGMA journal_mode") != "wal":
            with suppress(
                sqlite3.OperationalError
            ):  # may only be read, is in use, or is on a disk that has no such log
                self._db.execute("PRAGMA journal_mode = WAL")

    def _state(self) -> tuple[int, ...]:
        """What tells whether the file was written to: its own state, and its log's."""
        log = _log(self._path)
        states = [path.stat() for path in (self._path, log) if path.exists()]
        return tuple(value for state in states for value in (state.st_ino, state.st_size, state.st_mtime_ns))

    def _as_it_is(self) -> sqlite3.Connection:
        """A connection to a file in a folder that may only be read."""
        log = _log(self._path)
        if not log.exists() or not log.stat().st_size:
            return _connected(f"{self._path.absolute().as_uri()}?immutable=1")
        with TemporaryDirectory() as copy:  # what the log holds belongs to the file
            for path in (self._path, log):
                shutil.copyfile(path, Path(copy, path.name))
            return _in_memory(_connected(Path(copy, FILE_NAME)))

    def _bring_up_to_date(self) -> None:
        if not self._one("SELECT count(*) FROM sqlite_master"):  # new, or ended by a kill before it was made
            with self._transaction("IMMEDIATE"):
                if not self._one("SELECT count(*) FROM sqlite_master"):  # not made by another process meanwhile
                    self._execute_all(SCHEMA)
                    self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    self._db.execute("PRAGMA user_version = 1")
                    self._upgrade()
        if self._one("PRAGMA application_id") != APPLICATION_ID:
            raise LibraryUnusable(self._path, "is not a library of Earmark's", "give another folder")
        if self._one("PRAGMA user_version") in range(1, FORMAT):
            try:
                with self._transaction("IMMEDIATE"):
                    self._upgrade()
            except LibraryUnusable as error:
                if _code(error.__cause__) not in UNWRITABLE:
                    raise
                self._frozen = self._state()
                self._db = _in_memory(self._db)  # may only be read: a copy is brought up to date
                with self._transaction("IMMEDIATE"):
                    self._upgrade()
        if self._one("PRAGMA user_version") != FORMAT:
            raise LibraryUnusable(self._folder, "was made by a newer Earmark", "update Earmark")

    def _upgrade(self) -> None:
        """To the present format, in a transaction; another process may have done it meanwhile."""
        version = self._one("PRAGMA user_version")
        for number in range(version + 1, FORMAT + 1):
            self._execute_all(UPGRADES[number])
        if version < FORMAT:
            sums = f"SELECT id, {FACTS}, crc32(vectors), {PLACES} FROM pieces JOIN vectors ON piece = id"
            self._db.execute(f"INSERT INTO checksums {sums}")
            self._note_tables()
            self._db.execute(f"PRAGMA user_version = {FORMAT}")

    def _execute_all(self, statements: str) -> None:
        for statement in statements.split(";"):
            self._db.execute(statement)

    def _note_tables(self) -> None:
        self._db.execute(f"INSERT OR REPLACE INTO meta VALUES ('checksum', {TABLES_AND_MODEL})")

    def _check_tables(self) -> None:
        """Raises LibraryUnusable when the definitions of the tables or the model's name are damaged."""
        if not self._one(f"SELECT value IS CAST({TABLES_AND_MODEL} AS TEXT) FROM meta WHERE key = 'checksum'"):
            raise self._damaged()

    def _damaged(self, piece: object = None) -> LibraryDamaged:
        what = FILE_NAME if piece is None else f"its piece {piece!r}"
        return LibraryDamaged(self._folder, f"{what} is damaged", DAMAGED_REMEDY)

    @property
    def model_id(self) -> str | None:
        """See `Store.model_id`."""
        with self._explained():
            self._check_tables()
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
            return [self._whole_piece(row) for row in self._db.execute(PIECES + "ORDER BY name")]

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
        return tuple(PageFile(*row) for row in self._facts(query, piece.id))

    def pages(self, piece: int) -> list[Page]:
        """See `Store.pages`."""
        query = "SELECT number, width_px, height_px, systems FROM pages WHERE piece = ? ORDER BY number"
        return [Page(*row) for row in self._facts(query, piece)]

    def _facts(self, query: str, piece: int) -> list[tuple[Any, ...]]:
        """Rows of a piece, which are checked; none if there is no such piece."""
        with self._explained(), self._moment():
            rows = self._db.execute(query, (piece,)).fetchall()
            self._piece("id", piece)
        return rows

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
            return self._sealed(identifier)

    def put_recording(
        self, score: Score, sha256: str, times_s: npt.NDArray[np.float64], embeddings: FloatArray, model_id: str
    ) -> Piece:
        """See `Store.put_recording`."""
        with self._putting(score, sha256, times_s.astype(TIME), embeddings, model_id) as identifier:
            return self._sealed(identifier)

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

    def _sealed(self, identifier: int) -> Piece:
        """A piece that has been put, with its checksums."""
        sums = f"SELECT id, {FACTS}, crc32(vectors), {PLACES} FROM pieces JOIN vectors ON piece = id WHERE id = ?"
        self._db.execute(f"INSERT INTO checksums {sums}", (identifier,))
        return self.piece(identifier)

    def relocate(self, piece: Piece, score: Score) -> Piece:
        """See `Store.relocate`."""
        with self._writing():
            if not self._db.execute("UPDATE pieces SET source = ? WHERE id = ?", (score.source, piece.id)).rowcount:
                raise KeyError(piece.id)
            self._db.execute("DELETE FROM files WHERE piece = ?", (piece.id,))
            self._put_files(piece.id, score)
            self._db.execute(
                f"UPDATE checksums SET facts = (SELECT {FACTS} FROM pieces WHERE id = ?1) WHERE piece = ?1", (piece.id,)
            )
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
                rows = self._whole_embeddings(kind, 2 * embeddings.shape[1])
                index = self._indices[kind] = ExactIndex(embeddings.shape[1], rows)
        return index.nearest(embeddings, k)

    def _whole_embeddings(self, kind: Kind, size: int) -> Iterator[tuple[int, bytes]]:
        """The embeddings of all pieces of a kind, ``size`` bytes each, as they are stored."""
        query = """
            SELECT id, name, vectors, (SELECT embeddings FROM checksums WHERE piece = id)
            FROM pieces LEFT JOIN vectors ON piece = id WHERE kind = ? ORDER BY id
        """
        for piece, name, stored, checksum in self._db.execute(query, (kind,)):
            if not stored or len(stored) % size or _crc32(stored) != checksum:
                raise self._damaged(name)
            yield piece, stored

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
        query = f"""
            SELECT substr(places, ?, ?), (SELECT checksums.places FROM checksums WHERE piece = id) IS {PLACES}, name
            FROM pieces LEFT JOIN vectors ON piece = id WHERE id = ?
        """
        with self._explained():
            row = self._db.execute(query, (1 + ordinal * kind.itemsize, kind.itemsize, piece)).fetchone()
        if row is None:
            raise KeyError(piece)
        found, is_whole, name = row
        if not is_whole:
            raise self._damaged(name)
        return np.frombuffer(found, kind)[0]

    def contents(self, piece: int) -> tuple[list[Place], FloatArray]:
        """See `Store.contents`."""
        with self._explained(), self._moment():
            embeddings, places = self._stored(piece, "score")
            measures = self._db.execute("SELECT place, number FROM measures WHERE piece = ? ORDER BY place", (piece,))
            begun = dict(measures.fetchall())
        found, measure = [], None
        for i, place in enumerate(_places(places)):
            measure = begun.get(i, measure)
            found.append(replace(place, measure=measure))
        return found, _embeddings(embeddings, len(found))

    def excerpts(self, piece: int) -> tuple[npt.NDArray[np.float64], FloatArray]:
        """See `Store.excerpts`."""
        embeddings, places = self._stored(piece, "recording")
        times_s = np.frombuffer(places, TIME).astype(np.float64)
        return times_s, _embeddings(embeddings, len(times_s))

    def _stored(self, piece: int, kind: Kind) -> tuple[bytes, bytes]:
        """A piece's embeddings and places; KeyError if there is no piece of this identifier and kind."""
        query = f"""
            SELECT vectors, places, name,
                (SELECT checksums.places FROM checksums WHERE piece = id) IS {PLACES}
                AND (SELECT embeddings FROM checksums WHERE piece = id) IS crc32(vectors)
            FROM pieces LEFT JOIN vectors ON piece = id WHERE id = ? AND kind = ?
        """
        with self._explained():
            row = self._db.execute(query, (piece, kind)).fetchone()
        if row is None:
            raise KeyError(piece)
        embeddings, places, name, is_whole = row
        if not is_whole:
            raise self._damaged(name)
        return embeddings, places

    def checked(self) -> list[tuple[Piece, bool]]:
        """Every piece, by identifier, and whether all that is stored of it is as it was put."""
        query = PIECES.replace(
            "FROM pieces",
            f""" AND (SELECT checksums.places FROM checksums WHERE piece = id) IS {PLACES}
            AND (SELECT embeddings FROM checksums WHERE piece = id) IS crc32(vectors)
            FROM pieces LEFT JOIN vectors ON piece = id ORDER BY id""",
        )
        with self._explained():
            return [(Piece(*values), bool(is_whole)) for *values, is_whole in self._db.execute(query)]

    def integrity(self) -> list[str]:
        """What SQLite finds wrong with the file and with what refers to what; nothing when it is whole."""
        with self._explained(), self._moment():
            told = [str(row[0]) for row in self._db.execute("PRAGMA integrity_check")]
            lost = self._db.execute('SELECT DISTINCT "table", parent FROM pragma_foreign_key_check').fetchall()
        return [line for line in told if line != "ok"] + [
            f"{table} names {parent} that are gone" for table, parent in lost
        ]

    def copy_to(self, path: Path) -> None:
        """Writes all that is stored, as of one moment, to a new file ``path``; others may read and write meanwhile."""
        with self._explained():
            copy = sqlite3.connect(path)
            try:
                self._db.backup(copy)
            finally:
                copy.close()

    def close(self) -> None:
        """Ends the use of the file; nothing is lost without it."""
        self._db.close()

    def _one(self, query: str, *values: Any) -> Any:
        row = self._db.execute(query, values).fetchone()
        return None if row is None else row[0]

    def _piece(self, column: str, value: str | int) -> Piece | None:
        with self._explained():
            row = self._db.execute(f"{PIECES} WHERE {column} = ? ORDER BY id", (value,)).fetchone()
        return None if row is None else self._whole_piece(row)

    def _whole_piece(self, row: tuple[Any, ...]) -> Piece:
        *values, is_whole = row
        if not is_whole:
            raise self._damaged(values[1])
        return Piece(*values)

    def _claim(self, model_id: str) -> None:
        if not self._one("SELECT count(*) FROM pieces"):
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('model', ?)", (model_id,))
            self._note_tables()
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
    def _moment(self) -> Iterator[None]:
        """All reads within are of one moment, in a transaction or not."""
        if self._db.in_transaction:
            yield
        else:
            with self._transaction("DEFERRED"):
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
            if self._frozen and not self._db.in_transaction and self._frozen != self._state():
                self._db.close()
                self._indices.clear()
                self._open()
            yield
        except PermissionError as error:
            raise LibraryUnusable(
                self._folder, "may not be written", "give another folder, or yourself permission"
            ) from error
        except OSError as error:
            raise LibraryUnusable(self._folder, f"cannot be used ({error.strerror})", "give another folder") from error
        except (sqlite3.Error, UnicodeError) as error:  # the latter where damaged text is no UTF-8
            if _code(error) in ERRORS:
                kind = LibraryFull if _code(error) == sqlite3.SQLITE_FULL else LibraryUnusable
                raise kind(self._folder, *ERRORS[_code(error)]) from error
            told = "".join(filter(str.isprintable, str(error)))[:100]  # it may repeat what is damaged
            raise LibraryDamaged(self._folder, f"{FILE_NAME} is damaged ({told})", DAMAGED_REMEDY) from error


DAMAGED_REMEDY = "see what else is, and what helps: earmark verify LIBRARY"
UNWRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
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
}


def _code(error: BaseException | None) -> int:
    """The primary code of an error of SQLite's."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _connected(database: Path | str) -> sqlite3.Connection:
    """A connection to a file, or by a URI, with all that a library needs of one."""
    is_uri = isinstance(database, str)
    db = sqlite3.connect(database, BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, uri=is_uri)
    db.create_function("crc32", -1, _crc32, deterministic=True)
    db.execute("PRAGMA synchronous = EXTRA")
    db.execute("PRAGMA foreign_keys = ON")
    return db


def _in_memory(db: sqlite3.Connection) -> sqlite3.Connection:
    """A copy of what is behind a connection, which is closed."""
    copy = _connected("file::memory:")
    db.backup(copy)
    db.close()
    return copy


def _log(path: Path) -> Path:
    """Where SQLite keeps the write-ahead log of a file."""
    return path.with_name(f"{path.name}-wal")


def _crc32(*values: bytes | str | float | None) -> int:
    """One checksum of all these values."""
    checksum = 0
    for value in values:
        checksum = zlib.crc32(value if isinstance(value, bytes) else f"{value}\n".encode(), checksum)
    return checksum


def _embeddings(stored: bytes, count: int) -> FloatArray:
    return np.frombuffer(stored, "<f2").reshape(count, -1).astype(np.float32)


def _places(stored: bytes) -> list[Place]:
    rows = np.frombuffer(stored, PLACE)
    boxes = rows["box"].astype(np.float64).round(5).tolist()
    names = zip(rows["page"].tolist(), rows["system"].tolist(), strict=True)
    return [Place(page, system, tuple(box)) for (page, system), box in zip(names, boxes, strict=True)]
