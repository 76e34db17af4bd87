"""A library in Milvus, for many machines: ``milvus://host:19530/name`` wherever a library's folder stands.

Milvus has no transactions. A piece is whole or not there all the same, whenever a process is killed:

* Its row is written first as `State.COMING`, then what it holds, under a random identifier, and in the end the row
  once more as `State.THERE`; those that it replaces become `State.GOING` in the same message.
* To remove pieces, their rows become `State.GOING` in one message; then what they hold is deleted, then the rows.
* Nothing but `THERE` is in the library; `MilvusStore.settle` deletes what a killed process left.
* Two writers may put the same source or the same name at once. Each looks again after it has written, and whoever
  looks last sees both: of one source the youngest piece stays, of one name the oldest keeps it, whoever it is.

All reads are strongly consistent: they see what any process has written before. What a piece holds never changes under
an identifier, so it is read once and kept; its row is read anew, but once within a `MilvusStore.snapshot`. So a
question takes four round trips: the nearest places, the nearest excerpts, the rows of the pieces, what they hold.

What Milvus gives back is not checked against checksums as a folder's content is: Milvus and what it stores in have
their own.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.errors import BadInput, Mismatch
from earmark.results.links import Link
from earmark.results.places import Kind, Place
from earmark.schema import FloatArray, Page
from earmark.search.index import Neighbours
from earmark.sources.on_disk import PageFile, Score, whole_file
from earmark.store.milvus_client import Address, Rows, there
from earmark.store.milvus_rows import BITS, Contents, Row, State, elsewhere, model_of, number_of
from earmark.store.store import Edit, LibraryAway, Piece, check_model

ABANDONED_NS = 3600 * 10**9
"""A piece takes seconds to be written: what has been coming for so long was left by a process that was killed."""
KEPT = 300_000
"""Places that are kept of the pieces read last, some 100 MB."""
Columns = tuple[list[Any], FloatArray]


class MilvusStore:
    """The library at an address; see the module's description. Raises as `Rows` does."""

    def __init__(self, address: Address, create: bool) -> None:
        self._where = address.shown
        self._rows = Rows(address, create)
        self._model_id: str | None = None
        self._contents = dict[int, Contents]()
        self._seen: dict[int, Row] | None = None  # within a snapshot
        self._has_answered = False  # a search, within a snapshot
        if create:
            self.settle()

    @property
    def model_id(self) -> str | None:
        """See `Store.model_id`; it is asked for once, and again when nothing is found."""
        if self._model_id is None:
            rows = self._rows.where(there("id >= 0"), most=1)
            self._model_id = rows[0].model_id if rows else None
        return self._model_id

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See `Store.snapshot`: rows are read once."""
        self._seen = {}
        try:
            yield
        finally:
            self._seen, self._has_answered = None, False

    def pieces(self) -> list[Piece]:
        """See `Store.pieces`."""
        return sorted((row.piece for row in self._rows.all()), key=lambda piece: piece.name)

    def piece(self, identifier: int) -> Piece:
        """See `Store.piece`."""
        return self._row(identifier).piece

    def some(self, identifiers: Sequence[int]) -> list[Piece]:
        """See `Store.some`."""
        rows = self._some(identifiers)
        return [rows[identifier].piece for identifier in identifiers if identifier in rows]

    def with_source(self, source: str) -> Piece | None:
        """See `Store.with_source`."""
        row = _youngest(self._rows.find(source=elsewhere(source)), source)
        return row.piece if row else None

    def named(self, name: str) -> Piece | None:
        """See `Store.named`."""
        return next((row.piece for row in self._rows.find(name=name) if row.piece.name == name), None)

    def of_file(self, source: str) -> list[Piece]:
        """See `Store.of_file`."""
        rows = self._rows.find(file=elsewhere(whole_file(source)))
        found = [row for row in rows if whole_file(row.piece.source) == source]
        return [row.piece for row in sorted(found, key=lambda row: row.age)]

    def with_content(self, sha256: str) -> Piece | None:
        """See `Store.with_content`."""
        return next((row.piece for row in self._rows.find(content=sha256) if row.piece.sha256 == sha256), None)

    def files(self, piece: Piece) -> tuple[PageFile, ...]:
        """See `Store.files`."""
        row = self._some([piece.id]).get(piece.id)
        return row.files if row else ()

    def edited(self, piece: Piece) -> Set[str]:
        """See `Store.edited`."""
        row = self._some([piece.id]).get(piece.id)
        return set(row.edited) if row else set()

    def pages(self, piece: int) -> list[Page]:
        """See `Store.pages`."""
        row = self._some([piece]).get(piece)
        return list(row.pages) if row else []

    def thumbnail(self, piece: int) -> bytes | None:
        """See `Store.thumbnail`; pages are drawn from their files."""
        return None

    def put(
        self,
        score: Score,
        sha256: str,
        pages: Sequence[Page],
        places: Sequence[Place],
        embeddings: FloatArray,
        model_id: str,
        thumbnail: bytes = b"",
    ) -> Piece:
        """See `Store.put`."""
        return self._put(score, sha256, tuple(pages), Contents(list(places), embeddings), model_id)

    def put_recording(
        self, score: Score, sha256: str, times_s: npt.NDArray[np.float64], embeddings: FloatArray, model_id: str
    ) -> Piece:
        """See `Store.put_recording`."""
        return self._put(score, sha256, (), Contents(times_s.tolist(), embeddings), model_id)

    def _put(self, score: Score, sha256: str, pages: tuple[Page, ...], contents: Contents, model_id: str) -> Piece:
        embeddings = contents.embeddings
        if embeddings.ndim != 2 or not 0 < len(contents.places) == len(embeddings):
            raise ValueError(f"{len(contents.places)} places for embeddings {embeddings.shape}")
        self._check_model(model_id)
        identifier, before, name = self._free(score)
        known = {"title": before.piece.title, "composer": before.piece.composer} if before else {}
        edited = {field: known[field] for field in (before.edited if before else ())}
        piece = Piece(
            id=identifier,
            name=name,
            source=score.source,
            sha256=sha256,
            added_at=datetime.now(UTC).isoformat(timespec="seconds"),
            pages=len(pages),
            systems=sum(page.systems for page in pages),
            places=len(embeddings),
            kind=score.kind,
            title=edited.get("title", score.title),
            composer=edited.get("composer", score.composer),
            note=before.piece.note if before else "",
            tags=before.piece.tags if before else (),
            bookmarks=before.piece.bookmarks if before else (),
        )
        row = Row(piece, State.COMING, time.time_ns(), model_id, score.files, pages, tuple(sorted(edited)))
        self._rows.write([row])
        self._rows.write_contents(row, contents)
        return self._commit(replace(row, state=State.THERE), [before] if before else [])

    def relocate(self, piece: Piece, score: Score) -> Piece:
        """See `Store.relocate`."""
        row = self._row(piece.id)
        moved = replace(row, piece=replace(row.piece, source=score.source), files=score.files)
        return self._still_there(moved)

    def edit(self, piece: Piece, edit: Edit) -> Piece:
        """See `Store.edit`."""
        row = self._row(piece.id)
        if edit.name and any(other.piece.id != piece.id for other in self._rows.find(name=edit.name)):
            raise BadInput(self._where, f"has another piece {edit.name!r}", "give another name")
        return self._still_there(
            replace(row, piece=edit.of(row.piece), edited=tuple(sorted({*row.edited, *edit.told})))
        )

    def remove(self, pieces: Sequence[Piece]) -> None:
        """See `Store.remove`."""
        self._remove(list(self._some([piece.id for piece in pieces]).values()))

    def nearest(self, embeddings: FloatArray, k: int, kind: Kind = "score") -> Neighbours:
        """See `Store.nearest`."""
        model_id = self.model_id
        found = self._rows.nearest(model_id, embeddings, k, kind) if model_id and len(embeddings) else []
        width = min(map(len, found), default=0)
        if width:
            self._has_answered = self._seen is not None
        elif found and not self._has_answered:
            self._check_loaded(embeddings[:1])
        rows = [[(hit["distance"], hit["id"]) for hit in hits[:width]] for hits in found]
        hits = np.array(rows, np.dtype([("similarity", "f4"), ("id", "i8")])).reshape(len(embeddings), width)
        return Neighbours(hits["similarity"], hits["id"] >> BITS, hits["id"] & ((1 << BITS) - 1))

    def _check_loaded(self, embedding: FloatArray) -> None:
        """Raises LibraryAway when a search for an embedding of any kind gives nothing, though there are pieces.

        For a moment after it was killed and started again Milvus has not loaded what it searches, and does not say so.
        """
        before, self._model_id = self._model_id, None  # all was removed, and it may be another model's by now
        if before and before == self.model_id and not any(self._rows.nearest(before, embedding, 1)):
            raise LibraryAway(self._where, "has not loaded what it searches yet", "try again")

    def settle(self) -> None:
        """See `Store.settle`: deletes what processes that were killed have left."""
        abandoned = f"state == {State.COMING} and written_ns < {time.time_ns() - ABANDONED_NS}"
        self._rows.remove(self._rows.where(f"state == {State.GOING} or ({abandoned})"))

    def embeddings(self, pieces: Sequence[int]) -> dict[int, FloatArray]:
        """See `Store.embeddings`."""
        rows = self._some(pieces)
        contents = self._read([rows[piece] for piece in pieces if piece in rows])
        return {piece: contents[piece].embeddings for piece in pieces if piece in contents}

    def place(self, piece: int, ordinal: int) -> Place:
        """See `Store.place`."""
        found = self._whole(piece, "score")[0][ordinal]
        assert isinstance(found, Place)
        return found

    def time_s(self, piece: int, ordinal: int) -> float:
        """See `Store.time_s`."""
        return float(self._whole(piece, "recording")[0][ordinal])

    def contents(self, piece: int) -> tuple[list[Place], FloatArray]:
        """See `Store.contents`."""
        places, embeddings = self._whole(piece, "score")
        return list(places), embeddings

    def excerpts(self, piece: int) -> tuple[npt.NDArray[np.float64], FloatArray]:
        """See `Store.excerpts`."""
        times_s, embeddings = self._whole(piece, "recording")
        return np.array(times_s), embeddings

    def links(self) -> list[Link]:
        """See `Store.links`."""
        rows = self._all()
        found = [
            replace(one, piece=rows[one.piece_id].piece.name, other=rows[one.other_id].piece.name)
            for row in rows.values()
            if _is_linked(row, rows)
            for one in row.links or ()
        ]
        return sorted(found, key=lambda one: (one.piece_id, one.other_id, -one.confidence))

    def unlinked(self) -> list[int]:
        """See `Store.unlinked`."""
        rows = self._all()
        return sorted(identifier for identifier, row in rows.items() if not _is_linked(row, rows))

    def put_links(self, asker: int, links: Sequence[Link]) -> None:
        """See `Store.put_links`."""
        known = self._some(list({asker, *(piece for one in links for piece in (one.piece_id, one.other_id))}))
        between = tuple(replace(one, piece="", other="") for one in links if {one.piece_id, one.other_id} <= {*known})
        with suppress(KeyError):  # it was removed meanwhile
            self._still_there(replace(known[asker], links=between))

    def forget_links(self, pieces: Sequence[int]) -> None:
        """See `Store.forget_links`."""
        for row in self._some(pieces).values():
            with suppress(KeyError):  # it was removed meanwhile
                self._still_there(replace(row, links=None))

    def close(self) -> None:
        """Ends the connection; nothing is lost without it."""
        self._rows.close()

    def _commit(self, row: Row, replaced: list[Row]) -> Piece:
        """Makes a piece part of the library, in place of others, and sees to what other writers did meanwhile.

        Raises Mismatch when one of them made it another model's.
        """
        self._rows.write([row, *(replace(one, state=State.GOING) for one in replaced)])
        self._rows.remove(replaced)
        piece, model = row.piece, number_of(model_of(row.model_id))
        alike = f"source == {number_of(elsewhere(piece.source))} or name == {number_of(piece.name)}"
        others = self._rows.where(there(f"{alike} or model != {model}"))
        of_source = [one for one in others if one.piece.source == piece.source]
        youngest = max((one.age for one in of_source), default=row.age)
        self._remove([one for one in of_source if one.age < youngest])
        rest = [one for one in others if one.piece.source != piece.source]
        strange = [one for one in rest if model_of(one.model_id) != model_of(row.model_id)]
        if any(one.age < row.age for one in strange):
            self._remove([row])
            raise Mismatch(f"{self._where}: was begun with another model meanwhile; add the music to a new library")
        self._remove(strange)
        namesakes = [one for one in rest if one.piece.name == piece.name and one not in strange]
        if any(one.age < row.age for one in namesakes):
            return self._commit(self._renamed(row), [])
        for one in namesakes:
            with suppress(KeyError):  # it was removed meanwhile
                self._still_there(self._renamed(one))
        return piece

    def _renamed(self, row: Row) -> Row:
        """The row with another name, since an older piece has its own; the same one whoever renames it."""
        return replace(row, piece=replace(row.piece, name=self._free_name(row.piece.name, row.piece.id)))

    def _still_there(self, row: Row) -> Piece:
        """Changes a piece's row; raises KeyError when the piece was removed just then, and leaves nothing of it."""
        piece = self._commit(row, [])
        if not self._rows.read_contents([row]):
            self._rows.remove([row])
            raise KeyError(piece.id)
        return piece

    def _remove(self, rows: list[Row]) -> None:
        if rows:
            self._rows.write([replace(row, state=State.GOING) for row in rows])
            self._rows.remove(rows)

    def _row(self, identifier: int) -> Row:
        return self._some([identifier])[identifier]

    def _all(self) -> dict[int, Row]:
        return {row.piece.id: row for row in self._rows.all()}

    def _some(self, identifiers: Sequence[int]) -> dict[int, Row]:
        """The rows of those of these pieces that are there."""
        seen = {} if self._seen is None else self._seen
        missing = [identifier for identifier in identifiers if identifier not in seen]
        if missing:
            rows = self._rows.where(f"state == {State.THERE} and id in {missing}")
            seen |= {row.piece.id: row for row in rows}
        return {identifier: seen[identifier] for identifier in identifiers if identifier in seen}

    def _read(self, rows: Sequence[Row]) -> dict[int, Contents]:
        """What these pieces hold, as far as it is there."""
        kept = {row.piece.id: self._contents.pop(row.piece.id, None) for row in rows}
        missing = [row for row in rows if kept[row.piece.id] is None]
        found = {piece: contents for piece, contents in kept.items() if contents is not None}
        found |= self._rows.read_contents(missing) if missing else {}
        self._contents |= found  # those used last are last
        count = sum(len(contents.places) for contents in self._contents.values())
        while count > KEPT and len(self._contents) > len(found):
            count -= len(self._contents.pop(next(iter(self._contents))).places)
        return found

    def _whole(self, piece: int, kind: Kind) -> Columns:
        """What a piece of a kind holds; KeyError if there is none."""
        row = self._row(piece)
        if row.piece.kind != kind:
            raise KeyError(piece)
        contents = self._read([row])[piece]
        return list(contents.places), contents.embeddings

    def _free_name(self, name: str, identifier: int) -> str:
        """The name, with a number if another piece than this has it."""
        taken, number = name, 1
        while any(row.piece.name == taken and row.piece.id != identifier for row in self._rows.find(name=taken)):
            number += 1
            taken = f"{name} ({number})"
        return taken

    def _free(self, score: Score) -> tuple[int, Row | None, str]:
        """For a new piece: an identifier, the piece that it replaces, a name."""
        identifier = secrets.randbits(63 - BITS)
        alike = f"source == {number_of(elsewhere(score.source))} or name == {number_of(score.name)}"
        rows = self._rows.where(f"id == {identifier} or {there(alike)}")
        if any(row.piece.id == identifier for row in rows):
            return self._free(score)
        before = _youngest(rows, score.source)
        if before:
            return identifier, before, before.piece.name
        is_taken = any(row.piece.name == score.name for row in rows)
        return identifier, None, self._free_name(score.name, identifier) if is_taken else score.name

    def _check_model(self, model_id: str) -> None:
        """Raises Mismatch as `check_model` does; what was known of the library may be of before it was emptied."""
        try:
            check_model(self._where, self.model_id, model_id)
        except Mismatch:
            self._model_id = None
            check_model(self._where, self.model_id, model_id)


def _youngest(rows: Sequence[Row], source: str) -> Row | None:
    found = (row for row in rows if row.piece.source == source and row.state == State.THERE)
    return max(found, key=lambda row: row.age, default=None)


def _is_linked(row: Row, rows: Mapping[int, Row]) -> bool:
    """Whether a piece was held against all others, and all that were found are still there."""
    return row.links is not None and all(one.piece_id in rows and one.other_id in rows for one in row.links)
