"""All embeddings of one kind of piece, in files that only grow and that processes share by mapping them into memory.

The database is the truth; these files are made from it, and anew when they do not fit it. In ``LIBRARY/index``:

* ``KIND-N.embeddings``: float16, one piece after the other
* ``KIND-N.rows``: a `ROW` for each of these pieces
* ``KIND-N.lists``: of very many, an index (`earmark.search.lists`) of the embeddings that there were when it was made

A piece is known by its identifier and its embeddings' checksum, as the database has them: what is in the files and not
there any more is passed over, and what is there only is added. Embeddings are safely on disk before their row is
written. A row that a kill or a power cut has torn does not fit its ``sum``; it and all after it count as not written.
When most of what is in the files is gone, files of the next number N are written, and the old ones removed.

Who has the lock writes; nobody waits for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.files import locked, make_folder, replacing, sync_file, sync_folder
from earmark.results.places import Kind
from earmark.search.lists import write_lists
from earmark.store.tables import crc32

INDEX = "index"
"""The folder in a library's."""
ROW = np.dtype([("piece", "<i8"), ("start", "<i8"), ("size", "<i8"), ("checksum", "<u4"), ("sum", "<u4")])
"""Of a piece: its identifier, where its embeddings begin and how many bytes they are, the database's checksum of them,
and a sum of all that."""
BATCH_BYTES = 2**26
"""Embeddings that are synced together."""
MIX = np.uint64(0x9E3779B97F4A7C15)
"""Odd, and 2**64 divided by the golden ratio, which spreads well (Knuth, The Art of Computer Programming 3, 6.4)."""

KEY = "id << 32 | coalesce(checksums.embeddings, 0)"
"""In SQL, one number for a piece's identifier (below 2**31) and its embeddings' checksum; see `EmbeddingFiles.keys`."""
Keys = npt.NDArray[np.int64]
Stored = tuple[int, int, bytes]
"""A piece's identifier, the checksum of its embeddings, and these."""


def are_in(keys: Keys, others: Keys) -> npt.NDArray[np.bool_]:
    """Which of some keys are among others; none comes twice in either."""
    return np.isin(keys, others, assume_unique=True)


class EmbeddingFiles:
    """The files of one kind in a library's folder: ``rows`` of `ROW` and ``embeddings`` uint8, as they were last read.

    Raises OSError when they cannot be read or written.
    """

    def __init__(self, folder: Path, kind: Kind) -> None:
        self._folder, self._kind = folder / INDEX, kind
        self._number = 0
        self.rows = np.zeros(0, ROW)
        self.embeddings: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)

    @property
    def keys(self) -> Keys:
        """One number for each piece, as `KEY` has them."""
        keys: Keys = (self.rows["piece"] << 32) | self.rows["checksum"]
        return keys

    def read(self) -> None:
        """Maps what is in the files now."""
        self._number = max(self._numbers("rows"), default=0)
        rows, embeddings = self._path("rows"), self._path("embeddings")
        self.rows, self.embeddings = np.zeros(0, ROW), np.zeros(0, np.uint8)
        if rows.exists() and embeddings.exists():
            content = rows.read_bytes()
            self.rows = _whole(
                np.frombuffer(content[: len(content) // ROW.itemsize * ROW.itemsize], ROW), embeddings.stat().st_size
            )
        if len(self.rows):
            self.embeddings = np.memmap(embeddings, np.uint8, "r", shape=(_end(self.rows),))

    def bring_up_to_date(self, stored: Keys, read: Callable[[Keys], Iterable[Stored]]) -> None:
        """Adds what of ``stored``, all that the database has, is not there; ``read`` reads it, in the order given.

        Raises BlockingIOError when another process is at it.
        """
        make_folder(self._folder)
        with locked(self._folder / f"{self._kind}.lock"):
            self.read()
            is_kept = are_in(self.keys, stored)
            missing = stored[~are_in(stored, self.keys)]
            kept_bytes = int(self.rows["size"][is_kept].sum())
            if 2 * kept_bytes < len(self.embeddings) or not self._path("rows").exists():
                kept = [(row, self.embeddings) for row in self.rows[is_kept]]
                self._begin()
                self._append((int(row["piece"]), int(row["checksum"]), _part(row, of)) for row, of in kept)
            self._append(read(missing))
            for name in ("rows", "embeddings", "lists"):
                for number in self._numbers(name):
                    if number != self._number:
                        with suppress(PermissionError):  # on Windows, while others have it mapped
                            self._path(name, number).unlink()

    @property
    def lists(self) -> Path | None:
        """The file of an index of the first embeddings, if there is one."""
        path = self._path("lists")
        return path if path.exists() else None

    def make_lists(self, width: int) -> None:
        """Writes an index of all embeddings, ``width`` bytes each; what it is in place of stays until it is whole."""
        with replacing(self._path("lists")) as file:
            write_lists(self.embeddings.reshape(-1, width), file)

    def damaged(self) -> list[Path]:
        """The files if anything in them is not what was written; reads them anew, and all of it."""
        self.read()
        is_whole = all(crc32(_part(row, self.embeddings)) == row["checksum"] for row in self.rows)
        return [] if is_whole else [self._path("rows"), self._path("embeddings")]

    def _begin(self) -> None:
        """New, empty files of the next number."""
        self._number += 1
        self._path("embeddings").write_bytes(b"")
        self._path("rows").write_bytes(b"")
        sync_folder(self._folder)
        self.rows, self.embeddings = np.zeros(0, ROW), np.zeros(0, np.uint8)

    def _append(self, pieces: Iterable[Stored]) -> None:
        batch, size = list[Stored](), 0
        for piece in pieces:
            batch.append(piece)
            size += len(piece[2])
            if size > BATCH_BYTES:
                self._write(batch)
                batch, size = [], 0
        self._write(batch)
        self.read()

    def _write(self, batch: list[Stored]) -> None:
        if not batch:
            return
        count, end = len(self.rows), _end(self.rows)
        rows = np.zeros(len(batch), ROW)
        rows["piece"], rows["checksum"] = [piece for piece, _, _ in batch], [checksum for _, checksum, _ in batch]
        rows["size"] = [len(embeddings) for _, _, embeddings in batch]
        rows["start"] = end + np.concatenate([[0], np.cumsum(rows["size"])[:-1]])
        rows["sum"] = _sums(rows)
        with self._path("embeddings").open("r+b") as file:
            file.seek(end)
            file.writelines(embeddings for _, _, embeddings in batch)
        sync_file(self._path("embeddings"))
        with self._path("rows").open("r+b") as file:
            file.seek(count * ROW.itemsize)
            file.write(rows.tobytes())
        self.rows = np.concatenate([self.rows, rows])

    def _path(self, name: str, number: int | None = None) -> Path:
        return self._folder / f"{self._kind}-{self._number if number is None else number}.{name}"

    def _numbers(self, name: str) -> list[int]:
        pattern = re.compile(rf"{self._kind}-(\d+)\.{name}")
        entries = self._folder.iterdir() if self._folder.is_dir() else ()
        return [int(found[1]) for entry in entries if (found := pattern.fullmatch(entry.name))]


def _part(row: np.void, embeddings: npt.NDArray[np.uint8]) -> bytes:
    return embeddings[row["start"] : row["start"] + row["size"]].tobytes()


def _end(rows: npt.NDArray[np.void]) -> int:
    return int(rows[-1]["start"] + rows[-1]["size"]) if len(rows) else 0


def _whole(rows: npt.NDArray[np.void], size: int) -> npt.NDArray[np.void]:
    """The rows before the first that is torn, or whose embeddings are not in a file of this size."""
    ends = rows["start"] + rows["size"]
    is_whole = (rows["sum"] == _sums(rows)) & (rows["size"] > 0) & (ends <= size)
    is_whole &= rows["start"] == np.concatenate([[0], ends])[: len(rows)]
    return rows[: len(rows) if is_whole.all() else int(is_whole.argmin())]


def _sums(rows: npt.NDArray[np.void]) -> npt.NDArray[np.uint32]:
    """A sum of each row, in which every bit of it counts; not 0 for a row of zeros."""
    mixed = np.full(len(rows), MIX, np.uint64)
    for name in ("piece", "start", "size", "checksum"):
        mixed = (mixed ^ rows[name].astype(np.uint64)) * MIX  # modulo 2**64
        mixed ^= mixed >> np.uint64(32)
    return mixed.astype(np.uint32)
