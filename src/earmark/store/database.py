"""``library.sqlite`` as a connection: opened whatever may be done to it, in transactions, with errors that say what
helps.

A piece is one transaction, with a write-ahead log and ``synchronous = EXTRA``: after it is committed it survives a kill
or a power cut, and before that nothing of it is there (https://www.sqlite.org/wal.html). Readers and writers do not
wait for each other. Where the log cannot be used the rollback journal is; where nothing may be written beside the
file, it is read as it is. A library of an earlier format is brought up to date; where it may only be read, a copy is.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from earmark.files import make_folder
from earmark.store import tables
from earmark.store.store import LibraryDamaged, LibraryFull, LibraryUnusable

FILE_NAME = "library.sqlite"
BUSY_TIMEOUT_S = 60.0


class Database:
    """The file in a library's folder; ``opened`` counts how often it had to be opened."""

    def __init__(self, folder: Path, create: bool) -> None:
        self._folder = folder
        if folder.exists() and not folder.is_dir():
            raise LibraryUnusable(
                folder, "is a file, not a library", "give the library's folder first, then what to add"
            )
        if not create and not self._path.exists():
            raise LibraryUnusable(folder, "holds no library", "make one with: earmark add LIBRARY PATH")
        self.opened = 0
        self._frozen: tuple[int, ...] | None = None  # of a file that is read as it is: its state then
        with self.explained():
            make_folder(folder)
            self._open()
            with _closed_on_failure(self.close):
                self.check_tables()
                if self.one("PRAGMA integrity_check('pieces')") != "ok":  # by whose indices pieces are looked up
                    raise self.damaged()

    @property
    def _path(self) -> Path:
        return self._folder / FILE_NAME

    def _open(self) -> None:
        self.opened += 1
        self._frozen = None
        try:
            self._db = _connected(self._path)
        except sqlite3.OperationalError as error:
            # A write-ahead log needs files beside the library, which cannot be made here.
            if _code(error) not in UNWRITABLE or not self._path.exists():
                raise
            self._frozen = self._state()
            self._db = self._as_it_is()
        with _closed_on_failure(self.close):
            self._bring_up_to_date()
            if self._frozen:
                self._db.execute("PRAGMA query_only = ON")
            elif self.one("PRAGMA journal_mode") != "wal":
                # It may only be read, is in use, or is on a disk that has no such log.
                with suppress(sqlite3.OperationalError):
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
        if not self.one("SELECT count(*) FROM sqlite_master"):  # new, or ended by a kill before it was made
            with self.transaction("IMMEDIATE"):
                if not self.one("SELECT count(*) FROM sqlite_master"):  # not made by another process meanwhile
                    tables.make(self._db)
        if self.one("PRAGMA application_id") != tables.APPLICATION_ID:
            raise LibraryUnusable(self._path, "is not a library of Earmark's", "give another folder")
        if self.one("PRAGMA user_version") in range(1, tables.FORMAT):
            try:
                with self.transaction("IMMEDIATE"):
                    tables.upgrade(self._db)
            except LibraryUnusable as error:
                if _code(error.__cause__) not in UNWRITABLE:
                    raise
                self._frozen = self._state()
                self._db = _in_memory(self._db)  # may only be read: a copy is brought up to date
                with self.transaction("IMMEDIATE"):
                    tables.upgrade(self._db)
        if self.one("PRAGMA user_version") != tables.FORMAT:
            raise LibraryUnusable(self._folder, "was made by a newer Earmark", "update Earmark")

    def check_tables(self) -> None:
        """Raises LibraryDamaged when the definitions of the tables or the model's name are."""
        if not tables.are_whole(self._db):
            raise self.damaged()

    def note_tables(self) -> None:
        """See `earmark.store.tables.note_tables`."""
        tables.note_tables(self._db)

    def damaged(self, piece: object = None) -> LibraryDamaged:
        """That the file, or a piece of this name, is."""
        what = FILE_NAME if piece is None else f"its piece {piece!r}"
        return LibraryDamaged(self._folder, f"{what} is damaged", DAMAGED_REMEDY)

    def execute(self, query: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """`sqlite3.Connection.execute`."""
        return self._db.execute(query, values)

    def execute_many(self, query: str, rows: list[tuple[Any, ...]]) -> None:
        """`sqlite3.Connection.executemany`."""
        self._db.executemany(query, rows)

    @property
    def version(self) -> tuple[int, int]:
        """Another one whenever another process has changed something."""
        return self.opened, self.one("PRAGMA data_version")

    def one(self, query: str, *values: Any) -> Any:
        """The first column of the first row; None if there is none."""
        row = self._db.execute(query, values).fetchone()
        return None if row is None else row[0]

    def integrity(self) -> list[str]:
        """What SQLite finds wrong with the file and with what refers to what; nothing when it is whole."""
        with self.explained(), self.moment():
            told = [str(row[0]) for row in self._db.execute("PRAGMA integrity_check")]
            lost = self._db.execute('SELECT DISTINCT "table", parent FROM pragma_foreign_key_check').fetchall()
        return [line for line in told if line != "ok"] + [
            f"{table} names {parent} that are gone" for table, parent in lost
        ]

    def copy_to(self, path: Path) -> None:
        """Writes all that is stored, as of one moment, to a new file ``path``; others may read and write meanwhile."""
        with self.explained():
            copy = sqlite3.connect(path)
            try:
                self._db.backup(copy)
            finally:
                copy.close()

    def close(self) -> None:
        """Ends the use of the file; nothing is lost without it."""
        self._db.close()

    @contextmanager
    def moment(self) -> Iterator[None]:
        """All reads within are of one moment, in a transaction or not."""
        if self._db.in_transaction:
            yield
        else:
            with self.transaction("DEFERRED"):
                yield

    @contextmanager
    def transaction(self, kind: str) -> Iterator[None]:
        """All within is done, or none; ``kind`` is DEFERRED for reading, IMMEDIATE for writing."""
        with self.explained():
            self._db.execute(f"BEGIN {kind}")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turns SQLite's and the file system's errors into LibraryUnusable."""
        try:
            if self._frozen and not self._db.in_transaction and self._frozen != self._state():
                self._db.close()
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


@contextmanager
def _closed_on_failure(close: Callable[[], None]) -> Iterator[None]:
    """What cannot be used is closed at once: a file that is open cannot be removed everywhere."""
    try:
        yield
    except BaseException:
        close()
        raise


def _connected(database: Path | str) -> sqlite3.Connection:
    """A connection to a file, or by a URI, with all that a library needs of one; the file has been read."""
    is_uri = isinstance(database, str)
    db = sqlite3.connect(database, BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, uri=is_uri)
    with _closed_on_failure(db.close):
        db.create_function("crc32", -1, tables.crc32, deterministic=True)
        db.execute("PRAGMA synchronous = EXTRA")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("SELECT count(*) FROM sqlite_master")
    return db


def _in_memory(db: sqlite3.Connection) -> sqlite3.Connection:
    """A copy of what is behind a connection, which is closed."""
    with closing(db):
        copy = _connected("file::memory:")
        with _closed_on_failure(copy.close):
            db.backup(copy)
    return copy


def _log(path: Path) -> Path:
    """Where SQLite keeps the write-ahead log of a file."""
    return path.with_name(f"{path.name}-wal")
