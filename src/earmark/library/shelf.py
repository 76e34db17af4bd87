"""A shelf of recordings, asked about at once → a folder with a report, which a second run continues.

`ANSWERS` has a line for each recording, written as soon as it is answered. A recording is asked about again only if its
file has changed, or the library, or if it could not be read.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeGuard

from earmark.embed.recording import EmbeddedRecording
from earmark.errors import BadInput
from earmark.exports import recordings
from earmark.exports.report import html
from earmark.files import replacing
from earmark.library.library import Library
from earmark.results.identified import Identified, Stretch
from earmark.sheet.draw import mark_place
from earmark.sources.on_disk import Score, Source, find_scores
from earmark.sources.reading import read_page, read_recording

ANSWERS, TABLE, REPORT, PAGES = "answers.jsonl", "stretches.csv", "report.html", "pages"
UNPACKED = ".unpacked"
"""The folder for what archives hold, which the report plays. It is hidden: the shelf may be a folder around it."""
PAGE_WIDTH_PX = 960


@dataclass(frozen=True)
class Answer:
    """What came of a recording: what is on it, or why it could not be read.

    ``source`` is its path; in an archive, the archive's with the path in it.
    """

    source: str
    identified: Identified | None
    reason: str = ""


class Shelf:
    """The report of one library's answers in ``folder``, which is made if need be."""

    def __init__(self, library: Library, folder: Path) -> None:
        self._library, self.folder = library, folder
        self._state = _state(library)
        folder.mkdir(parents=True, exist_ok=True)

    def ask(
        self, paths: Iterable[str | Path], jobs: int, report: Callable[[Answer, int, int], None] | None = None
    ) -> list[Answer]:
        """Asks about all recordings at ``paths`` (files, folders and ZIP archives) in order, ``jobs`` read at a time,
        and writes what came of each.

        ``report(answer, done, total)`` is called for each, also for those whose answer was there already. Raises
        BadInput when the library is empty or cannot be used.
        """
        found = [one for path in paths for one in self._found(Path(path).expanduser())]
        known = self._known()
        answers = []
        for done, answer in enumerate(self._answers(found, known, jobs), start=1):
            answers.append(answer)
            if report:
                report(answer, done, len(found))
        return answers

    def write(self, answers: Iterable[Answer], also: Iterable[str]) -> None:
        """Writes the table and the page, and for each recording the files of `recordings.FORMS` named in ``also``."""
        answers = list(answers)
        done = [answer.identified for answer in answers if answer.identified]
        failed = [(answer.source, answer.reason) for answer in answers if not answer.identified]
        _write(self.folder / TABLE, recordings.table(done))
        names = _names(one.audio_path for one in done)
        for form in also:
            ending, make = recordings.FORMS[form]
            for one in done:
                _write(self.folder / f"{names[one.audio_path]}{ending}", make(one))
        page = html(self.folder.name, done, failed, self.folder, self._picture)
        _write(self.folder / REPORT, page)

    def _found(self, path: Path) -> list[Score | BadInput]:
        """The recordings at a path, and what was to be one; that there is none, if there is neither."""
        found = find_scores([path], self._library.sandbox, self.folder.absolute() / UNPACKED)
        return list(filter(_is_asked, found)) or [BadInput(path, "holds no recordings", "give recordings")]

    def _answers(self, found: list[Score | BadInput], known: dict[str, dict[str, Any]], jobs: int) -> Iterator[Answer]:
        """The answers in order. Recordings are read in threads, some ahead; the library is searched in this one."""
        threads = ThreadPoolExecutor(jobs, "reading")
        begun: deque[tuple[Score | BadInput, Future[EmbeddedRecording] | None]] = deque()
        try:
            with (self.folder / ANSWERS).open("a", encoding="utf-8") as file:
                for one in found:
                    is_new = isinstance(one, Score) and known.get(one.source, {}).get("key") != self._key_of(one)
                    reading = threads.submit(self._read, one) if isinstance(one, Score) and is_new else None
                    begun.append((one, reading))
                    if len(begun) > jobs + 1:
                        yield self._answer(*begun.popleft(), known, file)
                while begun:
                    yield self._answer(*begun.popleft(), known, file)
        finally:
            threads.shutdown(cancel_futures=True)

    def _read(self, score: Score) -> EmbeddedRecording:
        return read_recording(Path(score.files[0].path), self._library.model, self._library.sandbox)

    def _answer(
        self,
        found: Score | BadInput,
        recording: Future[EmbeddedRecording] | None,
        known: dict[str, dict[str, Any]],
        file: TextIO,
    ) -> Answer:
        """What comes of a recording that was read, or was answered before; new answers are written to ``file``."""
        if isinstance(found, BadInput):
            return Answer(found.path, None, f"{found.what}; {found.remedy}")
        if recording is None:
            return Answer(found.shown, Identified.from_dict(known[found.source]["answer"]))
        path = Path(found.files[0].path)
        try:
            identified = self._library.identify_read(found.source, path, recording.result())
        except BadInput as error:
            if error.path != str(path):  # of the library
                raise
            return Answer(found.shown, None, f"{error.what}; {error.remedy}")
        line = {"source": found.source, "key": self._key_of(found), "answer": identified.to_dict()}
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        return Answer(found.shown, identified)

    def _known(self) -> dict[str, dict[str, Any]]:
        """The answers that are there, by source; a line that was cut off is none."""
        path = self.folder / ANSWERS
        known = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                told = json.loads(line)
                known[told["source"]] = told
            except (ValueError, KeyError, TypeError):
                continue
        return known

    def _key_of(self, score: Score) -> list[Any]:
        """What an answer holds for: the file as it is, and the library."""
        return [[file.size, file.mtime_ns] for file in score.files] + [self._state]

    def _picture(self, one: Stretch) -> Path | None:
        """The page where a stretch begins, with the place marked, as an image in the folder; None when there is none or
        it cannot be had any more."""
        if one.piece_id is None or one.begins is None:
            return None
        piece, page, box = one.piece_id, one.begins.page, one.begins.box
        path = self.folder / PAGES / f"{piece}-{page}-{hashlib.sha256(repr(box).encode()).hexdigest()[:8]}.png"
        if not path.exists():
            try:
                files = self._library.files(self._library.store.piece(piece))
                image = mark_place(read_page(files, page, self._library.sandbox), box)
            except (BadInput, KeyError):
                return None
            path.parent.mkdir(exist_ok=True)
            image.thumbnail((PAGE_WIDTH_PX, 10 * PAGE_WIDTH_PX))
            with replacing(path) as file:
                image.save(file, "PNG")
        return path


def _state(library: Library) -> str:
    """What tells one state of a library from another: its model and its pieces."""
    told = hashlib.sha256(library.model.model_id.encode())
    for piece in library.pieces():
        told.update(f"{piece.id} {piece.sha256} {piece.name} {piece.title}\n".encode())
    return told.hexdigest()[:16]


def _is_asked(found: Source) -> TypeGuard[Score | BadInput]:
    """Whether it is a recording, or was to be one."""
    return isinstance(found, BadInput) or (isinstance(found, Score) and found.kind == "recording")


def _names(sources: Iterable[str]) -> dict[str, str]:
    """A file name for each source, no two alike: its stem, numbered where need be."""
    names: dict[str, str] = {}
    for source in sources:
        stem = name = Path(source).stem
        number = 1
        while name in names.values():
            number += 1
            name = f"{stem} ({number})"
        names[source] = name
    return names


def _write(path: Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text.encode())
