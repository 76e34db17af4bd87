"""A library of sheet music: add pages, find the page that a recording is played from.

>>> library = Library.open("~/scores")                                  # doctest: +SKIP
>>> library.add(["~/Music/pdf"])                                        # doctest: +SKIP
>>> library.find("clip.m4a").hits[0].piece                              # doctest: +SKIP
'bwv-846'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from earmark.embed import PLACE_HOP_PX, embed_piece, embed_recording
from earmark.embedded import EmbeddedStore
from earmark.schema import BadInput, Findings, FloatArray, Hit, Place
from earmark.scores import PageFile, Score, find_scores, sha256
from earmark.search import NEIGHBOURS, Neighbours, Ranked, rank
from earmark.store import LibraryUnusable, Page, Piece, Store, check_model
from earmark.weights import Encoders, load

DEFAULT_MODEL = "first-light"
MOST_EXCERPTS = 600
"""Excerpts that vote: all of two and a half minutes, evenly spread ones of longer recordings."""

Status = Literal["added", "unchanged", "replaced", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What ``add`` did with one source (absolute path): ``piece`` is None and ``reason`` says why if it
    failed."""

    source: str
    status: Status
    piece: Piece | None = None
    reason: str = ""


@dataclass(frozen=True)
class Removed:
    """All that a library held of a piece that was taken out of it."""

    score: Score
    sha256: str
    pages: tuple[Page, ...]
    places: tuple[Place, ...]
    vectors: FloatArray
    model: str


def open_store(where: str | Path, create: bool) -> Store:
    """The store at ``where``: a folder now; later a remote engine's URL, which would get its own class here.

    Raises LibraryUnusable when ``where`` is no library and ``create`` is False, and when it is something
    else.
    """
    if "://" in str(where):
        raise LibraryUnusable(where, "remote libraries are not supported yet", "give a folder")
    return EmbeddedStore(Path(where), create)


class Library:
    """An open library; a context manager that closes it. Make one with `Library.open`."""

    def __init__(self, where: str | Path, store: Store, model: str | Path | Encoders) -> None:
        self._where, self._store, self._model = where, store, model

    @classmethod
    def open(cls, where: str | Path, model: str | Path | Encoders = DEFAULT_MODEL, create: bool = True) -> Library:
        """The library at ``where``, a folder; an empty one is made if there is none and ``create`` is True.

        ``model`` is a shipped model's name, a model's folder, or encoders; it is loaded when it is first
        needed. Raises BadInput when there is no library, or something else, at ``where``.
        """
        path = where if "://" in str(where) else Path(where).expanduser()
        return cls(path, open_store(path, create), model)

    def check(self) -> None:
        """Raises what `find` and `add` would raise because of the library's model: BadInput, Mismatch."""
        check_model(self._where, self._store.model, self.encoders.model_id)

    def close(self) -> None:
        """Ends the use of the library. All that `add` reported is kept in any case."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(
        self,
        paths: str | Path | Iterable[str | Path],
        report: Callable[[Outcome, int, int], None] | None = None,
    ) -> Sequence[Outcome]:
        """Indexes the sheet music at ``paths``: files, or folders which are searched (see `earmark.scores`).

        Each piece is stored whole, at once and for good, then ``report(outcome, done, total)`` is called,
        with the number of pieces done and found. Music that is there already is not read again; a changed
        file replaces its piece. What cannot be read comes as a failed outcome and does not stop the rest.
        Raises Mismatch when the library was made with another model, BadInput when the model or the library
        cannot be used.
        """
        self.check()
        given = [paths] if isinstance(paths, str | Path) else paths
        found = list(find_scores(Path(path).expanduser() for path in given))
        outcomes = []
        for score in found:
            try:
                outcome = self._add(score) if isinstance(score, Score) else _failed(score, score.path)
            except LibraryUnusable:  # a full disk, say: nothing more can be added
                raise
            except BadInput as error:
                outcome = _failed(error, score.source if isinstance(score, Score) else error.path)
            outcomes.append(outcome)
            if report:
                report(outcome, len(outcomes), len(found))
        return outcomes

    def find(
        self,
        audio: str | Path,
        top: int = 5,
        start_s: float = 0.0,
        end_s: float | None = None,
        report: Callable[[float], None] | None = None,
    ) -> Findings:
        """The ``top`` pieces that ``audio``, or its stretch from ``start_s`` to ``end_s``, may be played
        from.

        Hits come best first, each with the best place in its piece; ``query_time_s`` counts from the start of
        the file. There may be fewer, or none, e.g. for silence. ``report`` is told now and then how many
        seconds have been heard. Raises BadInput when the recording cannot be
        read or the library is empty, Mismatch when it was made with another model.
        """
        stored = self._store.model
        if stored is None:
            raise BadInput(self._where, "is empty", "add sheet music first: earmark add LIBRARY PATH")
        check_model(self._where, stored, self.encoders.model_id)
        query = embed_recording(Path(audio).expanduser(), self.encoders, start_s, end_s, report)
        voting = np.unique(np.linspace(0, len(query.times_s) - 1, MOST_EXCERPTS).round().astype(np.int64))
        chosen = voting if len(query.times_s) else np.zeros(0, np.int64)
        times_s = query.times_s[chosen]
        with self._store.snapshot():
            neighbours = self._store.nearest(query.vectors[chosen], NEIGHBOURS)
            ranked = rank(neighbours, times_s, PLACE_HOP_PX, self.encoders.calibration, top)
            hits = self._hits(ranked, start_s + times_s)
        confident = bool(ranked) and ranked[0].confidence >= self.encoders.calibration.threshold
        return Findings(str(audio), start_s, round(query.duration_s, 3), stored, confident, hits)

    def nearest(self, vectors: FloatArray) -> Neighbours:
        """The places nearest to excerpts' vectors, float32 [n, dimension]; raises as `find` does."""
        stored = self._store.model
        if stored is None:
            raise BadInput(self._where, "is empty", "add sheet music first: earmark add LIBRARY PATH")
        check_model(self._where, stored, self.encoders.model_id)
        return self._store.nearest(vectors, NEIGHBOURS)

    def hits(self, ranked: Sequence[Ranked], times_s: npt.NDArray[np.float64]) -> tuple[Hit, ...]:
        """What ``earmark.search.rank`` found for excerpts at ``times_s``, as people are told it.

        Raises KeyError when one of the pieces has been removed meanwhile.
        """
        with self._store.snapshot():
            return self._hits(ranked, times_s)

    def list(self) -> Sequence[Piece]:
        """All pieces, by name."""
        return self._store.pieces()

    def files(self, piece: Piece) -> tuple[PageFile, ...]:
        """The files that a piece was read from, in page order."""
        return self._store.files(piece)

    def pages(self, piece: int) -> Sequence[Page]:
        """The pages of the piece of this identifier, in order."""
        return self._store.pages(piece)

    def contents(self, piece: int) -> tuple[Sequence[Place], FloatArray]:
        """Its places in playing order, and their vectors, float32 [places, dimension]; KeyError if there is none."""
        return self._store.contents(piece)

    def take_out(self, piece: Piece) -> Removed:
        """Removes one piece and returns what `put_back` needs; raises BadInput when it is not there any more."""
        with self._store.snapshot():
            score = Score(piece.name, piece.source, self._store.files(piece))
            places, vectors = self._store.contents(piece.id)
            pages = tuple(self._store.pages(piece.id))
            removed = Removed(score, piece.sha256, pages, tuple(places), vectors, self._store.model or "")
        self.remove(piece.name)
        return removed

    def put_back(self, removed: Removed) -> Piece:
        """Adds what `take_out` took, as it was, but under a new identifier; raises Mismatch as `add` does."""
        return self._store.put(
            removed.score, removed.sha256, removed.pages, removed.places, removed.vectors, removed.model
        )

    def remove(self, *names: str) -> None:
        """Removes the pieces of these names; raises BadInput, and removes none, when there is no such
        piece."""
        known = {piece.name: piece for piece in self._store.pieces()}
        for name in names:
            if name not in known:
                raise BadInput(self._where, f"has no piece {name!r}", "see: earmark list LIBRARY")
        self._store.remove([known[name] for name in names])

    @property
    def model(self) -> str | None:
        """The model_id whose vectors the library holds; None while it holds none."""
        return self._store.model

    @cached_property
    def encoders(self) -> Encoders:
        """The model's encoders, loaded when first asked for."""
        return load(self._model) if isinstance(self._model, str | Path) else self._model

    def _hits(self, ranked: Sequence[Ranked], times_s: npt.NDArray[np.float64]) -> tuple[Hit, ...]:
        hits = []
        for number, found in enumerate(ranked, start=1):
            piece = self._store.piece(found.piece)
            place = self._store.place(found.piece, found.place)
            hits.append(
                Hit(
                    rank=number,
                    piece=piece.name,
                    source=piece.source,
                    confidence=round(found.confidence, 4),
                    page=place.page,
                    system=place.system,
                    box=place.box,
                    query_time_s=round(float(times_s[found.excerpt]), 3),
                )
            )
        return tuple(hits)

    def _add(self, score: Score) -> Outcome:
        """One score; raises BadInput when its files cannot be used, its LibraryUnusable when the store
        cannot."""
        before = self._store.with_source(score.source)
        if before and self._store.files(before) == score.files:
            return Outcome(score.source, "unchanged", before)
        content = sha256(score)
        if before and before.sha256 == content:  # touched
            return Outcome(score.source, "unchanged", self._store.relocate(before, score))
        twin = None if before else self._store.with_content(content)
        if twin and Path(twin.source).exists():
            return Outcome(score.source, "unchanged", twin)
        if twin:  # moved
            return Outcome(score.source, "unchanged", self._store.relocate(twin, score))
        embedded = embed_piece([Path(file.path) for file in score.files], self.encoders)
        piece = self._store.put(
            score, content, embedded.pages, embedded.places, embedded.vectors, self.encoders.model_id
        )
        return Outcome(score.source, "replaced" if before else "added", piece)


def _failed(error: BadInput, source: str) -> Outcome:
    page_file = "" if error.path == source else f"{Path(error.path).name} "
    return Outcome(source, "failed", reason=f"{page_file}{error.what}; {error.remedy}")
