"""Pieces, places and embeddings, and the columns of `earmark.store.tables` that hold them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.results.places import Place
from earmark.schema import FloatArray
from earmark.store.store import Bookmark, Piece
from earmark.store.tables import BEAT, PLACE

LINE_END = "\n"
"""Between the tags of a piece, and between its bookmarks."""


def piece_of(columns: Sequence[Any]) -> Piece:
    """A row of `earmark.store.tables.PIECES`, without its last column."""
    *values, tags, bookmarks = columns
    marks = tuple(Bookmark(**json.loads(line)) for line in bookmarks.splitlines())
    return replace(Piece(*values), tags=tuple(filter(None, tags.split(LINE_END))), bookmarks=marks)


def written_columns(piece: Piece) -> tuple[str, str, str]:
    """What people wrote of a piece: its note, tags and bookmarks."""
    return piece.note, LINE_END.join(piece.tags), LINE_END.join(json.dumps(asdict(one)) for one in piece.bookmarks)


def place_table(places: Sequence[Place]) -> npt.NDArray[Any]:
    """Where places lie on their pages, `PLACE` [n]."""
    return np.array([(place.page, place.system, place.box) for place in places], dtype=PLACE)


def place_of(row: Any, measure: str | None, beat: float | None) -> Place:
    """One row of a `place_table`, with what is known of it besides."""
    x0, y0, x1, y1 = (round(float(value), 5) for value in row["box"])
    return Place(int(row["page"]), int(row["system"]), (x0, y0, x1, y1), measure, beat)


def places_of(stored: bytes, measures: Mapping[int, str], beats: bytes | None) -> list[Place]:
    """All places of a piece; ``measures`` has the number of each at the place from which on it holds."""
    rows = np.frombuffer(stored, PLACE)
    boxes = rows["box"].astype(np.float64).round(5).tolist()
    names = zip(rows["page"].tolist(), rows["system"].tolist(), strict=True)
    found: list[Place] = []
    measure = None
    for i, ((page, system), box, beat) in enumerate(zip(names, boxes, beats_of(beats, len(rows)), strict=True)):
        measure = measures.get(i, measure)
        found.append(Place(page, system, tuple(box), measure, beat))
    return found


def measure_rows(piece: int, places: Sequence[Place]) -> list[tuple[int, int, str]]:
    """The places from which on another measure holds, with its number."""
    numbers = [place.measure for place in places]
    return [
        (piece, i, number)
        for i, (number, before) in enumerate(zip(numbers, [None, *numbers], strict=False))
        if number is not None and number != before
    ]


def beats_column(places: Sequence[Place]) -> bytes | None:
    """The beats of places, None if none is known."""
    beats = np.array([np.nan if place.beat is None else place.beat for place in places], BEAT)
    return None if np.isnan(beats).all() else beats.tobytes()


def beats_of(stored: bytes | None, count: int) -> list[float | None]:
    """The beats of so many places, None where they are not known."""
    beats = [np.nan] * count if stored is None else np.frombuffer(stored, BEAT).astype(np.float64).round(2).tolist()
    return [None if math.isnan(beat) else beat for beat in beats]


def embeddings_column(embeddings: FloatArray) -> bytes:
    """Embeddings as they are stored, in float16."""
    return embeddings.astype("<f2").tobytes()


def embeddings_of(stored: bytes, count: int) -> FloatArray:
    """The embeddings of so many places, float32 [count, dimension]."""
    return np.frombuffer(stored, "<f2").reshape(count, -1).astype(np.float32)
