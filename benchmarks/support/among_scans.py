"""A library of engraved pieces and real scans, and on which of a piece's pages a recording is when."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.support.pieces import Piece, kept_library, read_pieces
from earmark.library.library import Library
from earmark.results.alignment import Alignment
from earmark.store.store import Piece as Entry


def published(corpus: Path) -> list[Piece]:
    """The pieces of the published split: what else the corpus may hold has come later and would change the figures."""
    return [piece for split in ("train", "valid", "test") for piece in read_pieces(corpus, split)]


def library_among_scans(pieces: Sequence[Piece], more: Sequence[Piece], scans: Path, work: Path, model: str) -> Path:
    """The library of ``pieces``, ``more`` and every folder of page images in ``scans``; ``work`` keeps it, and the one
    of ``pieces`` alone. Raises RuntimeError if any of it cannot be added."""
    whole = kept_library(pieces, work, model, "published")
    kept = whole.with_name(f"{whole.name}-scans")
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=work) as unfinished:
            Path(shutil.copytree(whole, Path(unfinished) / kept.name)).rename(kept)
    with Library.open(kept, model) as library:
        for outcome in library.add([*(piece.pdf for piece in (*pieces, *more)), scans]):
            if outcome.status == "failed":
                raise RuntimeError(f"{outcome.source}: {outcome.reason}")
    return kept


def added_from(library: Library, source: Path) -> Entry:
    """What the library has of ``source``, a PDF or a folder of page images; raises RuntimeError if it has nothing."""
    wanted = os.path.abspath(source)  # as the library names it, without ``..``
    for entry in library.pieces():
        if entry.source == wanted:
            return entry
    raise RuntimeError(f"{source}: is not in the library")


def title(source: str) -> str:
    """What people call a piece that was added from ``source``: its name in the corpus, or its scan's folder."""
    path = Path(source)
    return path.parent.name if path.suffix == ".pdf" else path.name


class Turns:
    """When the pages of a piece are turned, as `Library.align` has it: nobody has aligned these recordings.

    ``doubtful`` is the share of its points whose confidence is below one half.
    """

    def __init__(self, alignment: Alignment) -> None:
        self._time_s = np.array([point.time_s for point in alignment.points])
        self._page = np.array([point.page for point in alignment.points])
        self.doubtful = float(np.mean([point.confidence < 0.5 for point in alignment.points]))

    def pages_between(self, start_s: float, end_s: float) -> set[int]:
        """The pages, from 1, that are played from in this stretch."""
        return set(self._page[(self._time_s >= start_s) & (self._time_s <= end_s)].tolist())

    def __str__(self) -> str:
        """Every page and when it begins: ``1, 2 from 48 s``."""
        turned = np.flatnonzero(np.diff(self._page)) + 1
        pages = [str(self._page[0]), *(f"{self._page[i]} from {self._time_s[i]:.0f} s" for i in turned)]
        return ", ".join(pages)
