"""Nearest places in a library's folder: its embeddings as they lie in files, and in memory what is not there yet.

The database is the truth (`earmark.store.embedded`); `earmark.store.embedding_files` are made from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.results.places import Kind
from earmark.schema import FloatArray
from earmark.search.index import Index, Neighbours, Part
from earmark.search.lists import can_be_mapped, mapped_lists
from earmark.store.database import Database
from earmark.store.embedding_files import KEY, EmbeddingFiles, Keys, Stored, are_in
from earmark.store.store import LibraryDamaged
from earmark.store.tables import PLACE, TIME, crc32

MOST_UNLISTED = 250_000
"""Embeddings that are all looked at: half a second of a processor for a question of 30 s."""
UNLISTED_SHARE = 0.05
"""Of what is in lists, so much may be added before they are made anew: that takes less than reading it does."""


class EmbeddedSearch:
    """Searches what ``database`` holds, the library in ``folder``; indices are made when they are first needed.

    Raises as `Store` does.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._db = database
        self._indices: dict[Kind, Index] = {}
        self._indexed_at = (0, 0)  # the database's version then
        self._files: dict[Kind, EmbeddingFiles] = {
            "score": EmbeddingFiles(folder, "score"),
            "recording": EmbeddingFiles(folder, "recording"),
        }

    def forget(self) -> None:
        """This process changes what is stored. What others change is seen without it."""
        self._indices.clear()

    def nearest(self, embeddings: FloatArray, k: int, kind: Kind) -> Neighbours:
        """See `Store.nearest`."""
        with self._db.explained():
            version = self._db.version
            if version != self._indexed_at:  # another process has changed something
                self._indices.clear()
                self._indexed_at = version
            if kind not in self._indices:
                with self._db.moment():
                    self._indices[kind] = self._index(kind, 2 * embeddings.shape[1])
        return self._indices[kind].nearest(embeddings, k)

    def settle(self) -> None:
        """See `Store.settle`."""
        for kind, files in self._files.items():
            with self._db.explained():
                width = self._width(kind)
                if not width:
                    continue
                with self._db.moment(), suppress(LibraryDamaged):  # who searches is told
                    self._index(kind, width)
            if (files.rows["size"] % width).any() or not can_be_mapped():
                continue
            lists = _lists(files, files.rows["start"] // width, width)
            listed = lists.ntotal if lists else 0
            if len(files.embeddings) // width - listed > max(MOST_UNLISTED, listed * UNLISTED_SHARE):
                with suppress(OSError):  # a full disk, say: what there is goes on to be searched
                    files.make_lists(width)
                self._indices.clear()

    def _index(self, kind: Kind, width: int) -> Index:
        """What is in the files, whose embeddings are ``width`` bytes each, and in memory what is not yet there."""
        keys = f"SELECT {KEY} AS key FROM pieces LEFT JOIN checksums ON piece = id WHERE kind = ? ORDER BY id"
        told = self._db.one(f"SELECT group_concat(key) FROM ({keys})", kind)  # a row for each takes twice as long
        stored = np.fromstring(told or "", np.int64, sep=",")

        def read(missing: Keys) -> Iterator[Stored]:
            return self._whole_embeddings((missing >> 32).tolist(), width)

        files = self._files[kind]
        with suppress(OSError):  # another process is writing them, or nobody may
            files.read()
            if not are_in(stored, files.keys).all():
                files.bring_up_to_date(stored, read)
        is_fitting = not (files.rows["size"] % width).any()
        tail = list(read(stored[~are_in(stored, files.keys)] if is_fitting else stored))
        mapped = self._mapped(files, stored, width) if is_fitting else []
        return Index([*mapped, *_in_memory(tail, width)])

    def _mapped(self, files: EmbeddingFiles, stored: Keys, width: int) -> list[Part]:
        """What is in the files: what is in lists, and the rest."""
        rows, embeddings = files.rows, files.embeddings.reshape(-1, width)
        pieces, starts = rows["piece"], rows["start"] // width
        is_there = are_in(files.keys, stored)
        lists = _lists(files, starts, width)
        if lists is None:
            return [Part(embeddings, pieces, starts, is_there)]
        count = lists.ntotal
        rest = int(np.searchsorted(starts, count))
        listed = Part(embeddings[:count], pieces[:rest], starts[:rest], is_there[:rest], lists)
        return [listed, Part(embeddings[count:], pieces[rest:], starts[rest:] - count, is_there[rest:])]

    def _width(self, kind: Kind) -> int:
        """Bytes of an embedding; 0 while there are none."""
        query = f"""
            SELECT length(vectors) / (length(places) / iif(kind = 'score', {PLACE.itemsize}, {TIME.itemsize}))
            FROM pieces JOIN vectors ON piece = id WHERE kind = ? LIMIT 1
        """
        return int(self._db.one(query, kind) or 0)

    def _whole_embeddings(self, pieces: Sequence[int], width: int) -> Iterator[Stored]:
        """The embeddings of these pieces, ``width`` bytes each, as they are stored."""
        query = """
            SELECT name, vectors, embeddings FROM pieces LEFT JOIN vectors ON vectors.piece = id
            LEFT JOIN checksums ON checksums.piece = id WHERE id = ?
        """
        for piece in pieces:
            name, stored, checksum = self._db.execute(query, (piece,)).fetchone()
            if not stored or len(stored) % width or crc32(stored) != checksum:
                raise self._db.damaged(name)
            yield piece, checksum, stored


def _lists(files: EmbeddingFiles, starts: npt.NDArray[np.int64], width: int) -> Any:
    """The index of the first embeddings; None if there is none, or it is not of these files."""
    if files.lists is None or not can_be_mapped():
        return None
    try:
        lists = mapped_lists(files.lists)
    except RuntimeError:  # damaged: searching without is slower
        return None
    is_fitting = lists.d == width // 2 and lists.ntotal in (len(files.embeddings) // width, *starts.tolist())
    return lists if is_fitting else None


def _in_memory(tail: Sequence[Stored], width: int) -> list[Part]:
    if not tail:
        return []
    pieces = np.array([piece for piece, _, _ in tail], np.int64)
    sizes = np.array([len(embeddings) // width for _, _, embeddings in tail])
    together = np.frombuffer(b"".join(embeddings for _, _, embeddings in tail), np.uint8).reshape(-1, width)
    return [Part(together, pieces, np.cumsum(sizes) - sizes, np.ones(len(tail), np.bool_))]
