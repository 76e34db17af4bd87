"""A library of sheet music and recordings: find the page that a recording is played from, and the other way.

>>> library = Library.open("~/scores")                                  # doctest: +SKIP
>>> library.add(["~/Music/pdf"])                                        # doctest: +SKIP
>>> library.find("clip.m4a").hits[0].piece                              # doctest: +SKIP
'bwv-846'
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from earmark.answers.comparing import compare, linked_recordings, stored_recording
from earmark.answers.following import follow
from earmark.answers.links import link_all, links_of
from earmark.answers.look_up import Answer, answer, is_read
from earmark.answers.stretches import heard_stretches, tidied
from earmark.audio.sound import stated_duration_s
from earmark.embed.recording import EmbeddedRecording, read_blocks
from earmark.errors import BadInput, EarmarkError, Unsure
from earmark.library.add import Adding, Outcome, find_sources
from earmark.library.history import History
from earmark.library.other_keys import OtherKeys
from earmark.model.encoders import Model, load
from earmark.results.alignment import Alignment, Played
from earmark.results.comparison import Comparison
from earmark.results.findings import Findings
from earmark.results.identified import Identified, Stretch
from earmark.results.keys import remark
from earmark.results.links import Links
from earmark.sandbox.sandbox import Sandbox
from earmark.search.query import Query
from earmark.sheet.flat_pages import read_flat_pages
from earmark.sheet.formats import is_sheet_music
from earmark.sources.encode import Encoding, Threads
from earmark.sources.extent import Watcher
from earmark.sources.object_store import FILES, ObjectStore
from earmark.sources.on_disk import Score, missing_files
from earmark.sources.questions import one_question, questions
from earmark.sources.reading import read_query, read_recording
from earmark.sources.remote import at_hand
from earmark.store.location import is_remote, kept_in, open_store
from earmark.store.store import (
    DOWNLOADS,
    FETCHED,
    UNPACKED,
    UPLOADS,
    Bookmark,
    Edit,
    LibraryUnusable,
    Piece,
    Store,
    check_model,
    pending_mark,
)

T = TypeVar("T")

DEFAULT_MODEL = "earmark-2"
TOP = 5
"""Pieces of each kind that an answer names."""
ATTEMPTS = 5
"""At an answer about pieces that another process removes meanwhile."""


class Library:
    """An open library; a context manager that closes it. Make one with `Library.open`.

    ``store`` is the engine that holds it, for programs that show what is in a library; ``sandbox`` has the processes
    that read files for it.
    """

    def __init__(self, where: str | Path, store: Store, model: str | Path | Model | None, sandbox: Sandbox) -> None:
        self.store, self.sandbox = store, sandbox
        self._where, self._given = where, DEFAULT_MODEL if model is None else model

    @classmethod
    def open(
        cls,
        where: str | Path,
        model: str | Path | Model | None = None,
        create: bool = True,
        sandbox: Sandbox | None = None,
    ) -> Library:
        """The library at ``where``, a folder, or an address in Milvus; an empty one is made if there is none and
        ``create`` is True.

        ``model`` is a shipped model's name, a model's folder, or a loaded model; `DEFAULT_MODEL` if None. It is loaded
        when it is first needed. Files are read in ``sandbox``, one of its own if None. Raises BadInput when there is no
        library, or something else, at ``where``.
        """
        path = where if is_remote(where) else Path(where).expanduser()
        return cls(path, open_store(path, create), model, sandbox or Sandbox())

    def close(self) -> None:
        """Ends the use of the library. All that `add` reported is kept in any case."""
        self.store.close()
        self.sandbox.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def model(self) -> Model:
        """The model that the library is searched with, loaded when first asked for; raises as `load` does."""
        return load(self._given) if isinstance(self._given, str | Path) else self._given

    @property
    def history(self) -> History:
        """What commands and the server have asked of the library; its methods do not note anything themselves."""
        return History(kept_in(self._where))

    def check(self) -> None:
        """Raises what `find` and `add` would raise because of the library's model: BadInput, Mismatch."""
        check_model(self._where, self.store.model_id, self.model.model_id)

    def add(
        self,
        paths: str | Path | Iterable[str | Path],
        report: Callable[[Outcome, int, int], None] | None = None,
        split: bool = False,
        jobs: int | None = None,
        watcher: Watcher | None = None,
        ray: str | None = None,
    ) -> list[Outcome]:
        """Indexes the sheet music and recordings at ``paths``: files, folders which are searched (see
        `earmark.sources.on_disk`), or addresses of such files and of IIIF manifests (see `earmark.sheet.iiif`): what
        is there is kept in the library's folder. With ``split``, a file of several titles is as many pieces (see
        `earmark.sheet.parts`).
        ``jobs`` pieces are read at a time, as many as there are processors if None; with ``ray``, a Ray cluster's
        address, they are read there (see `earmark.sources.cluster`).

        Each piece is stored whole, at once and for good, then ``report(outcome, done, total)`` is called, with the
        number of pieces done and found; ``watcher`` is told how far reading is. In the end the store settles
        (`earmark.store.store.Store.settle`). Music that is there already is not read again; a changed file replaces
        its piece. What cannot be read comes as a failed outcome and does not stop the rest. Raises Mismatch when the
        library was made with another model, BadInput when the model or the library cannot be used.
        """
        self.check()
        given = [paths] if isinstance(paths, str | Path) else paths
        folder = kept_in(self._where)
        found = list(find_sources(given, self.sandbox, folder / UNPACKED))
        encoding = self._encoding(jobs or os.cpu_count() or 1, ray)
        places = folder / DOWNLOADS, folder / UNPACKED
        kept = ObjectStore.given()
        adding = Adding(self.store, self.model.model_id, self.sandbox, encoding, *places, split, kept, watcher)
        adding.tell_extents(found)
        outcomes = []
        for done, some in enumerate(adding.outcomes(found), start=1):
            for outcome in some:
                outcomes.append(outcome)
                if report:
                    report(outcome, done, max(done, len(found)))
        if any(outcome.status in ("added", "replaced") for outcome in outcomes):
            with suppress(LibraryUnusable):  # what was added is there, and is found more slowly
                self.store.settle()
        return outcomes

    def find(
        self,
        query: str | Path,
        top: int = TOP,
        start_s: float = 0.0,
        end_s: float | None = None,
        report: Callable[[float], None] | None = None,
    ) -> Findings:
        """The ``top`` pieces that ``query`` belongs to: a recording, or its stretch from ``start_s`` to ``end_s``, a
        MIDI file, or sheet music, as a file, a folder or ZIP archive of page images, or the address of one; and the
        ``top`` recordings of the same music.

        Hits come best first, each with the best place in its piece and what of the query is like it; times count from
        the start of the file. A piece that the query itself is a page of is left out. There may be fewer, or none,
        e.g. for silence. ``report`` is told now and then how many seconds of a recording have been read. Raises
        BadInput when the query cannot be read, or is several, or the library is empty, Mismatch when it was made with
        another model.
        """
        model_id = self._ready(query)
        with questions(query, self.sandbox) as asked:
            return self._find(one_question(asked, query), model_id, top, start_s, end_s, report)

    def find_all(
        self, query: str | Path, top: int = TOP, start_s: float = 0.0, end_s: float | None = None
    ) -> Iterator[Findings | BadInput]:
        """What `find` answers to all that is at ``query``, in order: a folder and a ZIP archive may hold several pieces
        and recordings. What cannot be read comes as the BadInput that says so. Otherwise raises as `find` does."""
        model_id = self._ready(query)
        with questions(query, self.sandbox) as asked:
            for one in asked:
                if isinstance(one, BadInput):
                    yield one
                    continue
                try:
                    yield self._find(one, model_id, top, start_s, end_s)
                except LibraryUnusable:
                    raise
                except BadInput as error:
                    if error.path != one.source:  # of the library, or of the model
                        raise
                    yield error

    def _ready(self, query: str | Path) -> str:
        """The stored embeddings' model_id, when the model and what reads a query are at hand; raises as `find` does."""
        self.sandbox.start(read_flat_pages if is_sheet_music(query) else read_blocks)  # while the model is loaded
        return self._used_model()

    def _find(
        self,
        asked: Score,
        model_id: str,
        top: int,
        start_s: float,
        end_s: float | None,
        report: Callable[[float], None] | None = None,
    ) -> Findings:
        read, semitones = read_query(asked, self.model, self.sandbox, start_s, end_s, report), 0
        own = {file.path for file in asked.files}
        found = self._answer(read, own, top)
        if read.kind == "recording" and not found.verdict.confident:
            semitones = self._other_keys(Path(asked.files[0].path), own).key(start_s, read.duration_s)
        if semitones:
            raised = read_query(asked, self.model, self.sandbox, start_s, end_s, semitones=semitones)
            higher = self._answer(raised, own, top)
            found, semitones = (higher, semitones) if higher.verdict.confident else (found, 0)  # as a whole, too
        return Findings(
            query_path=asked.source,
            query_start_s=start_s,
            query_duration_s=round(read.duration_s, 3),
            model=model_id,
            **vars(found.verdict),
            hits=found.hits,
            recordings=found.recordings,
            query_pages=read.pages,
            remarks=(*read.remarks, *remark(semitones)),
            semitones=semitones,
        )

    def align(
        self,
        audio: str | Path,
        piece: str | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Alignment:
        """Where the recording ``audio`` is in ``piece`` at every moment; see `earmark.search.align`. Where it is long
        in none, whatever other pieces are surely played there are followed, too: a tape may hold many.

        ``piece`` is its name; None: the one that `find` would name first, or else the one that `identify` hears for
        longest. ``progress`` is told what share of the recording has been read, 0..1, as far as the file states its
        length. Raises Unsure when no piece is given and none is surely found, BadInput when there is no piece of that
        name, and otherwise as `find` does.
        """
        stated_s: float | None = None

        def report(read_s: float) -> None:
            if progress and stated_s:
                progress(min(1.0, read_s / stated_s))

        with at_hand(audio) as path:
            self.sandbox.start(read_blocks)
            model_id = self._used_model()
            given = None if piece is None else self._score(piece)  # what is wrong is said before the work
            stated_s = self.sandbox.call(stated_duration_s, path) if progress else None
            recording = read_recording(path, self.model, self.sandbox, report=report)
            played, semitones = [] if given else self._followed(recording), 0
            if not played:
                recording, semitones = self._in_its_key(path, recording, given)
        if given or semitones:
            played = self._followed(recording, given)
        if not played:
            raise Unsure(f"{audio}: is probably of no piece in this library; name the piece if it is")
        first, *others = played
        return Alignment(
            audio_path=str(audio),
            duration_s=round(recording.duration_s, 3),
            model=model_id,
            piece=first.piece,
            source=first.source,
            systems=first.systems,
            points=first.points,
            remarks=(*recording.remarks, *remark(semitones)),
            others=tuple(others),
            semitones=semitones,
        )

    def identify(self, audio: str | Path, report: Callable[[float], None] | None = None) -> Identified:
        """All that is on the recording ``audio``, which may hold many pieces, from its start to its end.

        ``report`` is told now and then how many seconds have been read. Raises as `find` does.
        """
        self._used_model()
        with at_hand(audio) as path:
            recording = read_recording(path, self.model, self.sandbox, report=report)
            return self.identify_read(str(audio), path, recording)

    def identify_read(self, source: str, path: Path, recording: EmbeddedRecording) -> Identified:
        """What `identify` says of ``recording``, which has been read from the file at ``path`` and is called
        ``source``."""
        model_id, calibration = self._used_model(), self.model.calibration

        def hear(heard: EmbeddedRecording) -> list[Stretch]:
            return self._with_pieces(lambda: heard_stretches(heard, self.store, calibration))

        told = self._other_keys(path).stretches(tidied(hear(recording), recording.duration_s), hear)
        return Identified(source, round(recording.duration_s, 3), model_id, told)

    def compare(self, piece: str, recordings: Iterable[str | Path] = ()) -> Comparison:
        """How several performances of ``piece``, its name, differ: where each is when, and how fast.

        They are those of the files ``recordings``; of none, those of the library that are surely of the piece, as far
        as `links` has found, of which no file is read. Raises BadInput when there are none, or the piece is not there,
        and otherwise as `find` does.
        """
        model_id = self._used_model()
        score = self._score(piece)  # what is wrong is said before the work
        heard = [(str(one), str(one), self._performance(one, score)) for one in recordings]
        with self.store.snapshot():
            score = self._score(piece)
            if not heard:
                linked = linked_recordings(self.store, score)
                heard = [(one.name, one.source, stored_recording(self.store, one)) for one in linked]
            if not heard:
                what = f"has no recording that is known to be of {piece!r}"
                raise BadInput(self._where, what, "give recordings, or look for them: earmark links LIBRARY")
            return compare(self.store, self.model.calibration, score, model_id, heard)

    def links(self, report: Callable[[int, int], None] | None = None) -> Links:
        """Which recordings are of which scores, which scores are editions of one work or parts of it, and which
        recordings are of one take or of the same music.

        What is stored is all that is needed: no file is read. Every piece is held against all others once, and what was
        found is kept in the library, so that only what is new takes time; ``report`` is told how many of how many
        pieces are done. Raises as `find` does.
        """
        self._used_model()
        link_all(self.store, self.model.calibration, report)
        return links_of(self.store)

    def pieces(self) -> list[Piece]:
        """All pieces, by name."""
        return self.store.pieces()

    def missing(self, piece: Piece) -> list[str]:
        """The files of a piece that are not where they were; `earmark.store.verify` finds where they went."""
        return missing_files(self.store.files(piece))

    def files(self, piece: Piece) -> list[Path]:
        """The files of a piece, to be read: where they were added, or as `fetched` gives them if they are not there;
        raises as that does."""
        files = self.store.files(piece)
        is_elsewhere = any("://" in file.path for file in files)
        if is_elsewhere or (missing_files(files) and ObjectStore.given()):
            return self.fetched(piece)
        return [Path(file.path) for file in files]

    def fetched(self, piece: Piece) -> list[Path]:
        """The files of a piece as they were added, fetched into the library's folder from where other machines put
        them (see `earmark.sources.object_store`). Raises BadInput when they cannot be had."""
        files, there = self.store.files(piece), ObjectStore.given()
        if there is None:
            if "://" in files[0].path:
                remedy = f"keep files where all machines can fetch them: {FILES}"
                raise BadInput(files[0].path, "is on another machine", remedy)
            raise BadInput(files[0].path, "is not what was added, or not there any more", "add it again")
        return there.fetch(piece.sha256, files, kept_in(self._where) / FETCHED)

    def edit(
        self,
        piece: str,
        name: str | None = None,
        title: str | None = None,
        composer: str | None = None,
        note: str | None = None,
        tags: Iterable[str] | None = None,
        bookmarks: Iterable[Bookmark] | None = None,
    ) -> Piece:
        """Sets what is given of the name, title, composer, note, tags and bookmarks of the piece called ``piece``.

        They stay when its file is added again, changed or not. Tags are words or phrases of a line each; equal ones are
        one. Raises BadInput when there is no such piece, or another one of that name.
        """
        lines = None if tags is None else dict.fromkeys(filter(None, (" ".join(tag.split()) for tag in tags)))
        marks = None if bookmarks is None else tuple(dict.fromkeys(bookmarks))
        name = name and unicodedata.normalize("NFC", name)
        edit = Edit(name, title, composer, note, None if lines is None else tuple(lines), marks)
        return self.store.edit(self._named([piece])[0], edit)

    def remove(self, *names: str) -> None:
        """Removes the pieces of these names, and those of their files that came through the browser; all others stay.

        Raises BadInput, and removes none, when there is no such piece.
        """
        pieces = self._named(names)
        files = {Path(file.path) for piece in pieces for file in self.store.files(piece)}
        self.store.remove(pieces)
        uploads = kept_in(self._where) / UPLOADS
        for path in files:
            if path.parent == uploads and not pending_mark(path).exists() and not is_read(self.store, str(path)):
                with suppress(OSError):  # then it belongs to no piece, which `verify` tells
                    path.unlink()

    def _answer(self, query: Query, own: Set[str], top: int) -> Answer:
        return self._with_pieces(lambda: answer(self.store, self.model.calibration, query, own, top))

    def _followed(self, recording: EmbeddedRecording, piece: Piece | None = None) -> list[Played]:
        with self.store.snapshot():
            return follow(recording, self.store, self.model.calibration, piece and self._score(piece.name))

    def _other_keys(self, path: Path, own: Set[str] = frozenset()) -> OtherKeys:
        return OtherKeys(path, self.model, self.sandbox, lambda query, top: self._answer(query, own, top))

    def _in_its_key(
        self, path: Path, recording: EmbeddedRecording, piece: Piece | None
    ) -> tuple[EmbeddedRecording, int]:
        """The recording at ``path``, raised by so many semitones that it is surely known, as ``piece`` if given."""
        keys = self._other_keys(path)
        semitones = keys.key(0.0, recording.duration_s, piece)
        return (keys.read(semitones) if semitones else recording), semitones

    def _performance(self, audio: str | Path, piece: Piece) -> EmbeddedRecording:
        """A recording of ``piece``, in the key that it is printed in."""
        with at_hand(audio) as path:
            recording = read_recording(path, self.model, self.sandbox)
            return self._in_its_key(path, recording, piece)[0]

    def _encoding(self, jobs: int, ray: str | None) -> Encoding:
        if ray is None:
            return Threads(jobs, self.model, self.sandbox)
        from earmark.sources.cluster import Cluster

        if not isinstance(self._given, str | Path):
            raise EarmarkError("with Ray, a model has to be given by its name or folder")
        return Cluster(ray, self._given, self.model.model_id)

    def _used_model(self) -> str:
        """The stored embeddings' model_id; raises when there are none, or they are not of this model."""
        stored = self.store.model_id
        if stored is None:
            raise BadInput(self._where, "is empty", "add sheet music first: earmark add LIBRARY PATH")
        self.check()
        return stored

    def _with_pieces(self, look_up: Callable[[], T]) -> T:
        """What ``look_up`` returns; KeyError, when a piece was removed after it had been ranked, lets it try again."""
        for _ in range(ATTEMPTS):
            with suppress(KeyError):
                return look_up()
        raise LibraryUnusable(self._where, "changes faster than it can be searched", "try again later")

    def _score(self, name: str) -> Piece:
        """The sheet music of this name; raises BadInput when there is none."""
        piece = self._named([name])[0]
        if piece.kind != "score":
            raise BadInput(self._where, f"{name!r} is a recording", "name a piece of sheet music")
        return piece

    def _named(self, names: Iterable[str]) -> list[Piece]:
        """The pieces of these names; raises BadInput when there is none of one."""
        found = []
        for name in names:
            piece = self.store.named(name) or self.store.named(unicodedata.normalize("NFC", name))
            if piece is None:
                raise BadInput(self._where, f"has no piece {name!r}", "see: earmark list LIBRARY")
            found.append(piece)
        return found
