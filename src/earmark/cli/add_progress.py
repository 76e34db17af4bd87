"""What ``earmark add`` shows while it works: the files at work, how far they are, how much is left."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from earmark.errors import printable
from earmark.exports.report import clock
from earmark.sources.extent import Extent

_WIDEST_NAME = 40


class AddProgress:
    """A bar on standard error, if that is a terminal; an `earmark.sources.extent.Watcher`."""

    def __init__(self, console: Console | None = None) -> None:
        self._bar = Progress(
            BarColumn(),
            TextColumn("{task.fields[files]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.description}"),
            console=console or Console(stderr=True),
            disable=console is None and not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("", total=None, files="")
        self._extents: Mapping[str, Extent] = {}
        self._at_work: dict[str, Extent] = {}
        self._finished: set[str] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    @property
    def is_shown(self) -> bool:
        """Whether there is anybody who sees it."""
        return not self._bar.disable

    @property
    def view(self) -> RenderableType:
        """What the terminal shows now."""
        return self._bar.get_renderable()

    def begins(self, extents: Mapping[str, Extent]) -> None:
        """See `earmark.sources.extent.Watcher`."""
        with self._lock:
            self._extents = extents
            self._bar.update(self._task, total=max(1e-9, sum(extent.work for extent in extents.values())))

    def reads(self, source: str, done: Extent) -> None:
        """See `earmark.sources.extent.Watcher`."""
        with self._lock:
            self._at_work[source] = done
            self._show()

    def done(self, source: str, done: int, total: int) -> None:
        """A source is done: ``done`` of ``total`` are."""
        with self._lock:
            self._at_work.pop(source, None)
            self._finished.add(source)
            self._bar.update(self._task, files=f"{done} of {total} files")
            self._show()

    def warn(self, line: str) -> None:
        """Prints a line above the bar."""
        self._bar.console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

    def _show(self) -> None:
        parts = [self._extents.get(source, Extent()).work for source in self._finished]
        parts += [min(done.work, self._extents.get(source, done).work) for source, done in self._at_work.items()]
        told = [describe(source, done, self._extents.get(source)) for source, done in self._at_work.items()]
        self._bar.update(self._task, completed=sum(parts), description="; ".join(told[:2]))


def describe(source: str, done: Extent, whole: Extent | None) -> str:
    """How far a source is: ``concerto.pdf, page 3 of 12``."""
    name = printable(Path(source).name)
    shown = name if len(name) <= _WIDEST_NAME else f"{name[: _WIDEST_NAME - 1]}…"
    if done.seconds or (whole and whole.seconds):
        of = f" of {clock(whole.seconds)}" if whole and whole.seconds else ""
        return f"{shown}, {clock(done.seconds)}{of}"
    of = f" of {whole.pages}" if whole and whole.pages >= done.pages else ""
    return f"{shown}, page {done.pages}{of}"
