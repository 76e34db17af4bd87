"""A query, looked up in a store: the best pieces of each kind, and what is said of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain

from earmark.answers.hits import page_hits, recording_hits
from earmark.answers.verdict import NOTHING, Verdict, verdict
from earmark.model.calibration import Calibration
from earmark.results.findings import Hit, RecordingHit
from earmark.results.places import Kind
from earmark.schema import FloatArray
from earmark.search.query import Query
from earmark.search.rank import CANDIDATES, NEIGHBOURS, Ranked, propose
from earmark.sources.on_disk import whole_file
from earmark.store.store import Piece, Store

KINDS: tuple[Kind, ...] = ("score", "recording")
SPARE = 32
"""Pieces that are proposed beyond those that are ranked: some may be the query itself, or be gone."""


@dataclass(frozen=True)
class Answer:
    """The best pages, ``hits``, and ``recordings``, each ranked apart, and what is said of the better of both."""

    hits: tuple[Hit, ...]
    recordings: tuple[RecordingHit, ...]
    verdict: Verdict

    @property
    def confidence(self) -> float:
        """That of the better of both, 0..1."""
        firsts: list[Hit | RecordingHit] = [*self.hits[:1], *self.recordings[:1]]
        return max((hit.confidence for hit in firsts), default=0.0)

    def names(self, piece: int) -> bool:
        """Whether the first page is of this piece, or of the same music."""
        return any(hit.piece_id == piece and (hit.rank == 1 or hit.same_as == 1) for hit in self.hits)


def answer(store: Store, calibration: Calibration, query: Query, own: Set[str], top: int) -> Answer:
    """The best pages and recordings, and what is said of the better of both.

    Left out are pieces that are read from one of the files ``own``. Raises KeyError when a piece is gone meanwhile.
    """
    with store.snapshot():
        pages, recordings = ranked(store, calibration, query, KINDS, top, own)
        hits = page_hits(store, pages, query)
        tapes = recording_hits(store, recordings, query)
    verdicts, heard_s = {NOTHING: 0.0}, query.duration_s if query.pages is None else None
    if pages:
        verdicts[verdict(pages[0], hits, heard_s)] = pages[0].confidence
    if recordings:
        verdicts[verdict(recordings[0], tapes, heard_s)] = recordings[0].confidence
    return Answer(hits, tapes, max(verdicts, key=lambda said: (said.confident, verdicts[said])))


def ranked(
    store: Store,
    calibration: Calibration,
    query: Query,
    kinds: Sequence[Kind],
    top: int,
    own: Set[str] = frozenset(),
) -> list[list[Ranked]]:
    """The best pieces of each kind, without those that are read from one of the files ``own``."""
    neighbours = [store.nearest(query.embeddings, NEIGHBOURS, kind) for kind in kinds]
    proposed = [propose(found, CANDIDATES + SPARE) for found in neighbours]
    others = [piece.id for piece in store.some([*chain(*proposed)]) if not _is_read_from(store, piece, own)]
    chosen = [[piece for piece in pieces if piece in others][:CANDIDATES] for pieces in proposed]
    embeddings = store.embeddings([*chain(*chosen)])
    return [
        query.rank(_of(embeddings, pieces), kind, calibration, top) for kind, pieces in zip(kinds, chosen, strict=True)
    ]


def is_read(store: Store, path: str) -> bool:
    """Whether a piece is the file at ``path``, or has it among its pages."""
    pieces = [piece for source in (path, os.path.dirname(path)) for piece in store.of_file(source)]
    return any(_is_read_from(store, piece, {path}) for piece in pieces)


def _is_read_from(store: Store, piece: Piece, own: Set[str]) -> bool:
    """Whether a piece is one of these files, or has one among its pages."""
    if whole_file(piece.source) not in own | {os.path.dirname(path) for path in own}:
        return False
    return any(file.path in own for file in store.files(piece))


def _of(embeddings: Mapping[int, FloatArray], pieces: Sequence[int]) -> dict[int, FloatArray]:
    """Those of these pieces, as far as they are there."""
    return {piece: embeddings[piece] for piece in pieces if piece in embeddings}
