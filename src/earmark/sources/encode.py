"""One piece's files → its embeddings, wherever that is done: here, several at a time, or on other machines."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from earmark.embed.piece import EmbeddedPiece
from earmark.embed.recording import EmbeddedRecording
from earmark.errors import BadInput
from earmark.model.encoders import Model
from earmark.results.places import Kind
from earmark.sandbox.sandbox import Sandbox
from earmark.sheet.parts import Part, find_parts, read_headings
from earmark.sheet.read import needs_engraver
from earmark.sources.extent import Extent
from earmark.sources.reading import read_piece, read_recording

Report = Callable[[Extent], None]
"""Told how much of a piece has been read."""


@dataclass(frozen=True)
class Work:
    """A piece's files, in order; with ``is_split`` the parts in them are looked for, if ``parts`` has none."""

    files: tuple[Path, ...]
    kind: Kind
    is_split: bool = False
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Embedded:
    """What was read of a score's files: a piece or a recording; ``parts`` of a piece that is to be split."""

    piece: EmbeddedPiece | None = None
    recording: EmbeddedRecording | None = None
    parts: tuple[Part, ...] = ()


class Encoding(Protocol):
    """Where pieces are encoded: ``jobs`` of them at a time."""

    jobs: int

    def submit(self, work: Work, report: Report) -> Future[Embedded]:
        """Begins with a piece; the future raises BadInput when its files cannot be used."""
        ...

    def close(self, is_given_up: bool) -> None:
        """Waits for what was begun, or gives it up."""
        ...


class Threads:
    """This machine: threads, each with a process that reads."""

    def __init__(self, jobs: int, model: Model, sandbox: Sandbox) -> None:
        self.jobs = jobs
        self._model, self._sandbox = model, sandbox
        self._threads = ThreadPoolExecutor(jobs, "reading")

    def submit(self, work: Work, report: Report) -> Future[Embedded]:
        """See `Encoding.submit`."""
        return self._threads.submit(encode, work, self._model, self._sandbox, report)

    def close(self, is_given_up: bool) -> None:
        """See `Encoding.close`."""
        if is_given_up:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._sandbox.close()  # ends what is being read
        self._threads.shutdown()


def encode(work: Work, model: Model, sandbox: Sandbox, report: Report) -> Embedded:
    """Reads and encodes a piece; raises BadInput when its files cannot be used."""
    first = work.files[0]
    if work.kind == "recording":
        recording = read_recording(first, model, sandbox, report=lambda seconds: report(Extent(seconds=seconds)))
        if not len(recording.embeddings):
            raise BadInput(first, "is silent", "give a recording of music")
        return Embedded(recording=recording)
    parts = list(work.parts) if work.is_split else []
    if work.is_split and not work.parts:
        parts = find_parts(sandbox.stream(read_headings, first, may_start=needs_engraver(work.files)))
    piece = read_piece(work.files, model, sandbox, lambda pages: report(Extent(pages=pages)))
    return Embedded(piece, parts=tuple(parts))
