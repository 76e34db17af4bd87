"""How much there is to read of a piece, so that it can be said how long reading many will take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from earmark.audio.sound import stated_duration_s
from earmark.errors import EarmarkError
from earmark.sandbox.sandbox import Sandbox
from earmark.sheet.formats import can_have_pages, count_pages
from earmark.sources.on_disk import Score

SECONDS_A_PAGE = 30.0
"""Seconds of sound that take as long to read as a page."""


@dataclass(frozen=True)
class Extent:
    """So many ``pages``, or ``seconds`` of sound; of what does not say, none."""

    pages: int = 0
    seconds: float = 0.0

    @property
    def work(self) -> float:
        """What reading it takes, in pages."""
        return self.pages + self.seconds / SECONDS_A_PAGE


class Watcher(Protocol):
    """Who is told how far adding is; in any thread."""

    def begins(self, extents: Mapping[str, Extent]) -> None:
        """What there is to read, by source."""
        ...

    def reads(self, source: str, done: Extent) -> None:
        """How much of a source has been read."""
        ...


def extent(score: Score, sandbox: Sandbox) -> Extent:
    """How much there is to read of a piece, as far as its files say it."""
    try:
        if score.kind == "recording":
            return Extent(seconds=sandbox.call(stated_duration_s, score.files[0].path) or 0.0)
        counts = (sandbox.call(count_pages, file.path) if can_have_pages(file.path) else 1 for file in score.files)
        return Extent(pages=sum(max(1, count) for count in counts))
    except EarmarkError:  # it is said when it is read
        return Extent(pages=1)
