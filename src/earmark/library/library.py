"""A library of sheet music and recordings: find the page that a recording is played from, and the other way.

>>> library = Library.open("~/scores")                                  # doctest: +SKIP
>>> library.add(["~/Music/pdf"])                                        # doctest: +SKIP
>>> library.find("clip.m4a").hits[0].piece                              # doctest: +SKIP
'bwv-846'
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from earmark.audio.decode import stated_duration_s
from earmark.embed.recording import EmbeddedRecording, embed_recording
from earmark.embed.windows import PLACE_HOP_PX
from earmark.errors import BadInput, Unsure
from earmark.library.add import Adding, Outcome, find_sources
from earmark.library.embedded import EmbeddedStore
from earmark.library.sources import PageFile, Score, whole_file
from earmark.library.store import LibraryUnusable, Piece, Store, check_model
from earmark.model.encoders import Model, load
from earmark.results import Alignment, Findings, Hit, Kind, Place, RecordingHit
from earmark.schema import FloatArray, Page
from earmark.search.align import align
from earmark.search.index import Neighbours, leave_out
from earmark.search.query import Question, heard, read_question
from earmark.search.rank import NEIGHBOURS, Ranked
from earmark.search.track import Track

DEFAULT_MODEL = "earmark-1"


@dataclass(frozen=True)
class Removed:
    """All that a library held of a piece that was taken out of it."""

    score: Score
    sha256: str
    pages: tuple[Page, ...]
    places: tuple[Place, ...] | npt.NDArray[np.float64]
    """Of a recording, the times of its excerpts."""
    embeddings: FloatArray
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

    def __init__(self, where: str | Path, store: Store, model: str | Path | Model) -> None:
        self._where, self._store, self._model = where, store, model

    @classmethod
    def open(cls, where: str | Path, model: str | Path | Model = DEFAULT_MODEL, create: bool = True) -> Library:
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
        split: bool = False,
    ) -> Sequence[Outcome]:
        """Indexes the sheet music and recordings at ``paths``: files, folders which are searched (see
        `earmark.library.sources`), or addresses of IIIF manifests (see `earmark.sheet.iiif`), whose images are kept in
        the library's folder. With ``split``, a file of several titles is as many pieces (see `earmark.sheet.parts`).

        Each piece is stored whole, at once and for good, then ``report(outcome, done, total)`` is called,
        with the number of pieces done and found. Music that is there already is not read again; a changed
        file replaces its piece. What cannot be read comes as a failed outcome and does not stop the rest.
        Raises Mismatch when the library was made with another model, BadInput when the model or the library
        cannot be used.
        """
        self.check()
        given = [paths] if isinstance(paths, str | Path) else paths
        adding = Adding(self._store, self.encoders, Path(self._where).absolute() / "iiif", split)
        found = list(find_sources(given))
        outcomes = []
        for done, one in enumerate(found, start=1):
            for outcome in adding.outcomes(one):
                outcomes.append(outcome)
                if report:
                    report(outcome, done, len(found))
        return outcomes

    def find(
        self,
        query: str | Path,
        top: int = 5,
        start_s: float = 0.0,
        end_s: float | None = None,
        report: Callable[[float], None] | None = None,
    ) -> Findings:
        """The ``top`` pieces that ``query`` belongs to: a recording, or its stretch from ``start_s`` to ``end_s``, a
        MIDI file, or sheet music; and the ``top`` recordings of the same music.

        Hits come best first, each with the best place in its piece and what of the query is like it; times count from
        the start of the file. A piece that the query itself is a page of is left out. There may be fewer, or none,
        e.g. for silence. ``report`` is told now and then how many seconds of a recording have been heard. Raises
        BadInput when the query cannot be read or the library is empty, Mismatch when it was made with another model.
        """
        stored = self._used_model()
        path = Path(query).expanduser()
        question = read_question(path, self.encoders, start_s, end_s, report)
        with self._store.snapshot():
            itself = self._pieces_of(path)
            pages, page_is_sure = self._ranked(question, "score", itself, top)
            recordings, recording_is_sure = self._ranked(question, "recording", itself, top)
            return Findings(
                query_path=str(query),
                query_start_s=start_s,
                query_duration_s=round(question.duration_s, 3),
                model=stored,
                confident=page_is_sure or recording_is_sure,
                hits=tuple(self._hit(i, found, question) for i, found in enumerate(pages, 1)),
                recordings=tuple(self._recording_hit(i, found, question) for i, found in enumerate(recordings, 1)),
                query_pages=question.pages,
            )

    def nearest(self, embeddings: FloatArray) -> Neighbours:
        """The places of scores nearest to excerpts' embeddings, float32 [n, dimension]; raises as `find` does."""
        self._used_model()
        return self._store.nearest(embeddings, NEIGHBOURS)

    def hits(self, ranked: Sequence[Ranked], times_s: npt.NDArray[np.float64]) -> tuple[Hit, ...]:
        """What `earmark.search.rank.rank` found for excerpts at ``times_s``, as people are told it.

        Raises KeyError when one of the pieces has been removed meanwhile.
        """
        asked = Question(np.zeros((len(times_s), 0), np.float32), times_s)
        with self._store.snapshot():
            return tuple(self._hit(i, found, asked) for i, found in enumerate(ranked, 1))

    def _pieces_of(self, path: Path) -> Set[int]:
        """The pieces that this file is, or is a page of."""
        own = os.path.abspath(path)
        sources = {own, os.path.dirname(own)}
        pieces = [piece for piece in self._store.pieces() if whole_file(piece.source) in sources]
        return {piece.id for piece in pieces if any(file.path == own for file in self._store.files(piece))}

    def _ranked(self, question: Question, kind: Kind, without: Set[int], top: int) -> tuple[Sequence[Ranked], bool]:
        """The best pieces of one kind, and whether the first is sure."""
        neighbours = leave_out(self._store.nearest(question.embeddings, NEIGHBOURS, kind), without)
        calibration = question.calibrated(kind, self.encoders.calibration)
        ranked = question.rank(neighbours, kind, calibration, top)
        return ranked, bool(ranked) and ranked[0].confidence >= calibration.threshold

    def _hit(self, rank: int, found: Ranked, question: Question) -> Hit:
        piece, place = self._store.piece(found.piece), self._store.place(found.piece, found.place)
        time_s, query_place = question.where(found.excerpt)
        return Hit(
            rank=rank,
            piece=piece.name,
            source=piece.source,
            confidence=round(found.confidence, 4),
            page=place.page,
            system=place.system,
            box=place.box,
            query_time_s=time_s,
            measure=place.measure,
            title=piece.title,
            composer=piece.composer,
            query_place=query_place,
            heard_s=question.heard_s(found.start, found.end),
        )

    def _recording_hit(self, rank: int, found: Ranked, question: Question) -> RecordingHit:
        piece = self._store.piece(found.piece)
        time_s, query_place = question.where(found.excerpt)
        return RecordingHit(
            rank=rank,
            piece=piece.name,
            source=piece.source,
            confidence=round(found.confidence, 4),
            time_s=round(self._store.time_s(found.piece, found.place), 3),
            query_time_s=time_s,
            query_place=query_place,
            heard_s=question.heard_s(found.start, found.end),
        )

    def align(
        self,
        audio: str | Path,
        piece: str | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Alignment:
        """Where the recording ``audio`` is in ``piece`` at every moment; see `earmark.search.align`.

        ``piece`` is its name; None: the one that `find` would name first. ``progress`` is told what share of the
        recording has been heard, 0..1, as far as the file states its length. Raises Unsure when no piece is given and
        none is surely found, BadInput when there is no piece of that name, and otherwise as `find` does.
        """
        stored = self._used_model()
        path = Path(audio).expanduser()
        if piece is not None and self._named([piece])[0].kind != "score":  # before the work
            raise BadInput(self._where, f"{piece!r} is a recording", "name a piece of sheet music")
        stated_s = stated_duration_s(path) if progress else None

        def report(heard_s: float) -> None:
            if progress and stated_s:
                progress(min(1.0, heard_s / stated_s))

        query = embed_recording(path, self.encoders, report=report)
        with self._store.snapshot():
            known = self._named([piece])[0] if piece is not None else self._surely_found(audio, query)
            places, embeddings = self._store.contents(known.id)
        track = Track(places, PLACE_HOP_PX)
        points = align(query.embeddings, query.times_s, query.duration_s, embeddings, track)
        return Alignment(
            str(audio), round(query.duration_s, 3), stored, known.name, known.source, track.systems, points
        )

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
        """Its places in playing order, and their embeddings, float32 [places, dimension]; KeyError if there is none."""
        return self._store.contents(piece)

    def take_out(self, piece: Piece) -> Removed:
        """Removes one piece and returns what `put_back` needs; raises BadInput when it is not there any more."""
        with self._store.snapshot():
            files = self._store.files(piece)
            score = Score(piece.name, piece.source, files, piece.kind, piece.title, piece.composer)
            places: tuple[Place, ...] | npt.NDArray[np.float64]
            if piece.kind == "score":
                seen, embeddings = self._store.contents(piece.id)
                places = tuple(seen)
            else:
                places, embeddings = self._store.excerpts(piece.id)
            pages = tuple(self._store.pages(piece.id))
            removed = Removed(score, piece.sha256, pages, places, embeddings, self._store.model or "")
        self.remove(piece.name)
        return removed

    def put_back(self, removed: Removed) -> Piece:
        """Adds what `take_out` took, as it was, but under a new identifier; raises Mismatch as `add` does."""
        score, places, embeddings = removed.score, removed.places, removed.embeddings
        if isinstance(places, tuple):
            return self._store.put(score, removed.sha256, removed.pages, places, embeddings, removed.model)
        return self._store.put_recording(score, removed.sha256, places, embeddings, removed.model)

    def remove(self, *names: str) -> None:
        """Removes the pieces of these names; raises BadInput, and removes none, when there is no such
        piece."""
        self._store.remove(self._named(names))

    @property
    def model(self) -> str | None:
        """The model_id whose embeddings the library holds; None while it holds none."""
        return self._store.model

    @cached_property
    def encoders(self) -> Model:
        """The model's encoders, loaded when first asked for."""
        return load(self._model) if isinstance(self._model, str | Path) else self._model

    def _used_model(self) -> str:
        """The stored embeddings' model_id; raises when there are none, or they are not of this model."""
        stored = self._store.model
        if stored is None:
            raise BadInput(self._where, "is empty", "add sheet music first: earmark add LIBRARY PATH")
        check_model(self._where, stored, self.encoders.model_id)
        return stored

    def _surely_found(self, audio: str | Path, recording: EmbeddedRecording) -> Piece:
        ranked, is_sure = self._ranked(heard(recording), "score", set(), 1)
        if not is_sure:
            raise Unsure(f"{audio}: is probably of no piece in this library; name the piece if it is")
        return self._store.piece(ranked[0].piece)

    def _named(self, names: Iterable[str]) -> Sequence[Piece]:
        """The pieces of these names; raises BadInput when there is none of one."""
        known = {piece.name: piece for piece in self._store.pieces()}
        for name in names:
            if name not in known:
                raise BadInput(self._where, f"has no piece {name!r}", "see: earmark list LIBRARY")
        return [known[name] for name in names]
