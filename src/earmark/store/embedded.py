"""The library on this machine: pieces, pages, places and embeddings in one SQLite file.

``LIBRARY/library.sqlite`` is the truth for everything; see `earmark.store.tables` and `earmark.store.database`.
What is read is checked against checksums, so that a damaged file is an error and never an answer. Nearest places are
found by `earmark.store.embedded_search`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import astuple, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.errors import BadInput
from earmark.results.links import Link
from earmark.results.places import Kind, Place
from earmark.schema import FloatArray, Page
from earmark.search.index import Neighbours
from earmark.sources.on_disk import PAGES, PageFile, Score
from earmark.store.database import Database
from earmark.store.embedded_rows import (
    beats_column,
    beats_of,
    embeddings_column,
    embeddings_of,
    measure_rows,
    piece_of,
    place_of,
    place_table,
    places_of,
    written_columns,
)
from earmark.store.embedded_search import EmbeddedSearch
from earmark.store.store import Edit, Piece, check_model
from earmark.store.tables import BEAT, FACTS, IS_WHOLE, LINKS, PIECES, PLACE, PLACES, SUMS, TIME, crc32


class EmbeddedStore:
    """A library in a folder of this machine; see the module's description."""

    def __init__(self, folder: Path, create: bool) -> None:
        self._folder = folder
        self._db = Database(folder, create)
        self._search = EmbeddedSearch(self._db, folder)

    @property
    def model_id(self) -> str | None:
        """See `Store.model_id`."""
        with self._db.explained():
            self._db.check_tables()
            found: str | None = self._db.one("SELECT value FROM meta WHERE key = 'model'")
            return found

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See `Store.snapshot`."""
        with self._db.transaction("DEFERRED"):
            yield

    def pieces(self) -> list[Piece]:
        """See `Store.pieces`."""
        with self._db.explained():
            return [self._whole_piece(row) for row in self._db.execute(PIECES + "ORDER BY name")]

    def piece(self, identifier: int) -> Piece:
        """See `Store.piece`."""
        found = self._piece("id", identifier)
        if found is None:
            raise KeyError(identifier)
        return found

    def some(self, identifiers: Sequence[int]) -> list[Piece]:
        """See `Store.some`."""
        found = (self._piece("id", identifier) for identifier in identifiers)
        return [piece for piece in found if piece is not None]

    def with_source(self, source: str) -> Piece | None:
        """See `Store.with_source`."""
        return self._piece("source", source)

    def named(self, name: str) -> Piece | None:
        """See `Store.named`."""
        return self._piece("name", name)

    def of_file(self, source: str) -> list[Piece]:
        """See `Store.of_file`."""
        parts = f"{source}{PAGES}"
        beyond = parts[:-1] + chr(ord(parts[-1]) + 1)
        query = f"{PIECES} WHERE source = ? OR source >= ? AND source < ? ORDER BY id"
        with self._db.explained():
            return [self._whole_piece(row) for row in self._db.execute(query, (source, parts, beyond))]

    def with_content(self, sha256: str) -> Piece | None:
        """See `Store.with_content`."""
        return self._piece("sha256", sha256)

    def files(self, piece: Piece) -> tuple[PageFile, ...]:
        """See `Store.files`."""
        query = "SELECT path, size, mtime_ns FROM files WHERE piece = ? ORDER BY number"
        return tuple(PageFile(*row) for row in self._facts(query, piece.id))

    def edited(self, piece: Piece) -> Set[str]:
        """See `Store.edited`."""
        with self._db.explained():
            return self._edited(piece.source).keys()

    def pages(self, piece: int) -> list[Page]:
        """See `Store.pages`."""
        query = "SELECT number, width_px, height_px, systems, image, side FROM pages WHERE piece = ? ORDER BY number"
        return [Page(*row) for row in self._facts(query, piece)]

    def _facts(self, query: str, piece: int) -> list[tuple[Any, ...]]:
        """Rows of a piece, which are checked; none if there is no such piece."""
        with self._db.explained(), self._db.moment():
            rows = self._db.execute(query, (piece,)).fetchall()
            self._piece("id", piece)
        return rows

    def thumbnail(self, piece: int) -> bytes | None:
        """See `Store.thumbnail`."""
        with self._db.explained():
            row = self._db.execute("SELECT png, checksum FROM thumbnails WHERE piece = ?", (piece,)).fetchone()
        if row is None or crc32(row[0]) != row[1]:  # a damaged one is drawn anew from the file
            return None
        png: bytes = row[0]
        return png

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
        with self._putting(score, sha256, place_table(places), embeddings, model_id) as identifier:
            self._db.execute_many(
                "INSERT INTO pages (piece, number, width_px, height_px, systems, image, side) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(identifier, *astuple(page)) for page in pages],
            )
            if thumbnail:
                row = (identifier, thumbnail, crc32(thumbnail))
                self._db.execute("INSERT INTO thumbnails VALUES (?, ?, ?)", row)
            self._db.execute_many("INSERT INTO measures VALUES (?, ?, ?)", measure_rows(identifier, places))
            if (beats := beats_column(places)) is not None:
                self._db.execute("INSERT INTO beats VALUES (?, ?)", (identifier, beats))
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
            edited = self._edited(score.source)
            written = self._db.execute(
                "SELECT note, tags, bookmarks FROM pieces WHERE source = ?", (score.source,)
            ).fetchone()
            name = self._remove_source(score.source) or self._free_name(score.name)
            score = replace(
                score, title=edited.get("title", score.title), composer=edited.get("composer", score.composer)
            )
            added_at = datetime.now(UTC).isoformat(timespec="seconds")
            identifier = self._db.execute(
                "INSERT INTO pieces (name, source, sha256, added_at, kind, title, composer, note, tags, bookmarks) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    name,
                    score.source,
                    sha256,
                    added_at,
                    score.kind,
                    score.title,
                    score.composer,
                    *(written or ("", "", "")),
                ),
            ).lastrowid
            assert identifier is not None
            self._put_files(identifier, score)
            self._note_edits(identifier, edited)
            columns = embeddings_column(embeddings), places.tobytes()
            self._db.execute("INSERT INTO vectors VALUES (?, ?, ?)", (identifier, *columns))
            yield identifier

    def _sealed(self, identifier: int) -> Piece:
        """A piece that has been put, with its checksums."""
        self._db.execute(f"INSERT INTO checksums {SUMS} WHERE id = ?", (identifier,))
        return self.piece(identifier)

    def relocate(self, piece: Piece, score: Score) -> Piece:
        """See `Store.relocate`."""
        with self._writing():
            if not self._db.execute("UPDATE pieces SET source = ? WHERE id = ?", (score.source, piece.id)).rowcount:
                raise KeyError(piece.id)
            self._db.execute("DELETE FROM files WHERE piece = ?", (piece.id,))
            self._put_files(piece.id, score)
            self._note_facts(piece.id)
            return self.piece(piece.id)

    def edit(self, piece: Piece, edit: Edit) -> Piece:
        """See `Store.edit`."""
        with self._writing():
            now = edit.of(self.piece(piece.id))
            if self._db.one("SELECT 1 FROM pieces WHERE name = ? AND id != ?", now.name, piece.id):
                raise BadInput(self._folder, f"has another piece {now.name!r}", "give another name")
            query = (
                "UPDATE pieces SET name = ?, title = ?, composer = ?, note = ?, tags = ?, bookmarks = ? WHERE id = ?"
            )
            self._db.execute(query, (now.name, now.title, now.composer, *written_columns(now), piece.id))
            self._note_edits(piece.id, edit.told | self._edited(now.source).keys())
            self._note_facts(piece.id)
            return self.piece(piece.id)

    def remove(self, pieces: Sequence[Piece]) -> None:
        """See `Store.remove`."""
        with self._writing():
            self._db.execute_many("DELETE FROM pieces WHERE id = ?", [(piece.id,) for piece in pieces])

    def nearest(self, embeddings: FloatArray, k: int, kind: Kind = "score") -> Neighbours:
        """See `Store.nearest`."""
        return self._search.nearest(embeddings, k, kind)

    def settle(self) -> None:
        """See `Store.settle`."""
        self._search.settle()

    def embeddings(self, pieces: Sequence[int]) -> dict[int, FloatArray]:
        """See `Store.embeddings`."""
        query = """
            SELECT name, vectors, (SELECT embeddings FROM checksums WHERE piece = id),
                length(places) / iif(kind = 'score', ?, ?)
            FROM pieces LEFT JOIN vectors ON piece = id WHERE id = ?
        """
        found = {}
        with self._db.explained():
            for piece in pieces:
                row = self._db.execute(query, (PLACE.itemsize, TIME.itemsize, piece)).fetchone()
                if row is None:
                    continue
                name, stored, checksum, count = row
                if not stored or crc32(stored) != checksum:
                    raise self._db.damaged(name)
                found[piece] = embeddings_of(stored, count)
        return found

    def place(self, piece: int, ordinal: int) -> Place:
        """See `Store.place`."""
        row = self._entry(piece, ordinal, PLACE)
        measure = "SELECT number FROM measures WHERE piece = ? AND place <= ? ORDER BY place DESC LIMIT 1"
        beat = "SELECT substr(beats, ?, ?) FROM beats WHERE piece = ?"
        with self._db.explained():
            number = self._db.one(measure, piece, ordinal)
            stored = self._db.one(beat, 1 + ordinal * BEAT.itemsize, BEAT.itemsize, piece)
        return place_of(row, number, beats_of(stored, 1)[0])

    def time_s(self, piece: int, ordinal: int) -> float:
        """See `Store.time_s`."""
        return float(self._entry(piece, ordinal, TIME))

    def _entry(self, piece: int, ordinal: int, kind: np.dtype[Any]) -> Any:
        query = f"""
            SELECT substr(places, ?, ?), (SELECT checksums.places FROM checksums WHERE piece = id) IS {PLACES}, name
            FROM pieces LEFT JOIN vectors ON piece = id WHERE id = ?
        """
        with self._db.explained():
            row = self._db.execute(query, (1 + ordinal * kind.itemsize, kind.itemsize, piece)).fetchone()
        if row is None:
            raise KeyError(piece)
        found, is_whole, name = row
        if not is_whole:
            raise self._db.damaged(name)
        return np.frombuffer(found, kind)[0]

    def contents(self, piece: int) -> tuple[list[Place], FloatArray]:
        """See `Store.contents`."""
        with self._db.explained(), self._db.moment():
            embeddings, places = self._stored(piece, "score")
            measures = dict(self._db.execute("SELECT place, number FROM measures WHERE piece = ?", (piece,)).fetchall())
            beats = self._db.one("SELECT beats FROM beats WHERE piece = ?", piece)
        found = places_of(places, measures, beats)
        return found, embeddings_of(embeddings, len(found))

    def excerpts(self, piece: int) -> tuple[npt.NDArray[np.float64], FloatArray]:
        """See `Store.excerpts`."""
        embeddings, places = self._stored(piece, "recording")
        times_s = np.frombuffer(places, TIME).astype(np.float64)
        return times_s, embeddings_of(embeddings, len(times_s))

    def _stored(self, piece: int, kind: Kind) -> tuple[bytes, bytes]:
        """A piece's embeddings and places; KeyError if there is no piece of this identifier and kind."""
        query = f"""
            SELECT vectors, places, name, {IS_WHOLE}
            FROM pieces LEFT JOIN vectors ON piece = id WHERE id = ? AND kind = ?
        """
        with self._db.explained():
            row = self._db.execute(query, (piece, kind)).fetchone()
        if row is None:
            raise KeyError(piece)
        embeddings, places, name, is_whole = row
        if not is_whole:
            raise self._db.damaged(name)
        return embeddings, places

    def links(self) -> list[Link]:
        """See `Store.links`."""
        query = f"""
            SELECT relation, piece, pieces.name, other, others.name, confidence, sure, heard
            FROM links JOIN pieces ON piece = pieces.id JOIN pieces AS others ON other = others.id
            WHERE asker IN (SELECT id FROM pieces JOIN linked ON piece = id WHERE checksum IS {LINKS})
            ORDER BY piece, other, confidence DESC
        """
        with self._db.explained():
            rows = self._db.execute(query).fetchall()
        return [
            Link(relation, piece, name, other, others, confidence, bool(sure), tuple(map(tuple, json.loads(heard))))
            for relation, piece, name, other, others, confidence, sure, heard in rows
        ]

    def unlinked(self) -> list[int]:
        """See `Store.unlinked`."""
        query = f"SELECT id FROM pieces LEFT JOIN linked ON piece = id WHERE checksum IS NOT {LINKS} ORDER BY id"
        with self._db.explained():
            return [identifier for (identifier,) in self._db.execute(query)]

    def put_links(self, asker: int, links: Sequence[Link]) -> None:
        """See `Store.put_links`."""
        rows = [
            (asker, one.piece_id, one.other_id, one.relation, one.confidence, int(one.sure), json.dumps(one.heard_s))
            for one in links
        ]
        are_there = "(SELECT count(*) FROM pieces WHERE id IN (?1, ?2, ?3)) = 2"
        with self._db.transaction("IMMEDIATE"):
            self._db.execute("DELETE FROM links WHERE asker = ?", (asker,))
            self._db.execute_many(f"INSERT INTO links SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE {are_there}", rows)
            self._db.execute(f"INSERT OR REPLACE INTO linked SELECT id, {LINKS} FROM pieces WHERE id = ?", (asker,))

    def forget_links(self, pieces: Sequence[int]) -> None:
        """See `Store.forget_links`."""
        with self._db.transaction("IMMEDIATE"):
            self._db.execute_many("DELETE FROM linked WHERE piece = ?", [(piece,) for piece in pieces])

    def checked(self) -> list[tuple[Piece, bool]]:
        """Every piece, by identifier, and whether all that is stored of it is as it was put."""
        whole = f"AND {IS_WHOLE} FROM pieces LEFT JOIN vectors ON piece = id ORDER BY id"
        query = PIECES.replace("FROM pieces", whole)
        with self._db.explained():
            return [(piece_of(values), bool(is_whole)) for *values, is_whole in self._db.execute(query)]

    def integrity(self) -> list[str]:
        """See `earmark.store.database.Database.integrity`."""
        return self._db.integrity()

    def copy_to(self, path: Path) -> None:
        """See `earmark.store.database.Database.copy_to`."""
        self._db.copy_to(path)

    def close(self) -> None:
        """See `earmark.store.database.Database.close`."""
        self._db.close()

    def _piece(self, column: str, value: str | int) -> Piece | None:
        with self._db.explained():
            row = self._db.execute(f"{PIECES} WHERE {column} = ? ORDER BY id", (value,)).fetchone()
        return None if row is None else self._whole_piece(row)

    def _whole_piece(self, row: tuple[Any, ...]) -> Piece:
        *values, is_whole = row
        if not is_whole:
            raise self._db.damaged(values[1])
        return piece_of(values)

    def _claim(self, model_id: str) -> None:
        if self._db.one("SELECT 1 FROM pieces LIMIT 1") is None:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('model', ?)", (model_id,))
            self._db.note_tables()
        check_model(self._folder, self.model_id, model_id)

    def _remove_source(self, source: str) -> str | None:
        row = self._db.execute("DELETE FROM pieces WHERE source = ? RETURNING name", (source,)).fetchone()
        return None if row is None else str(row[0])

    def _edited(self, source: str) -> dict[str, str]:
        """Title and composer of the piece from there, as far as a person has set them."""
        query = "SELECT fields, title, composer FROM pieces JOIN edits ON piece = id WHERE source = ?"
        fields, title, composer = self._db.execute(query, (source,)).fetchone() or ("", "", "")
        known = {"title": title, "composer": composer}
        return {field: known[field] for field in fields.split() if field in known}

    def _note_edits(self, piece: int, fields: Iterable[str]) -> None:
        if told := " ".join(sorted(fields)):
            self._db.execute("INSERT OR REPLACE INTO edits VALUES (?, ?)", (piece, told))

    def _note_facts(self, piece: int) -> None:
        """Notes the checksum of a piece's facts, which have changed."""
        self._db.execute(
            f"UPDATE checksums SET facts = (SELECT {FACTS} FROM pieces WHERE id = ?1) WHERE piece = ?1", (piece,)
        )

    def _free_name(self, name: str) -> str:
        taken, number = name, 1
        while self._db.one("SELECT 1 FROM pieces WHERE name = ?", taken):
            number += 1
            taken = f"{name} ({number})"
        return taken

    def _put_files(self, identifier: int, score: Score) -> None:
        self._db.execute_many(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?)",
            [(identifier, i, file.path, file.size, file.mtime_ns) for i, file in enumerate(score.files)],
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._search.forget()
        with self._db.transaction("IMMEDIATE"):
            yield
