"""Clips of 20 s of pieces that no model was trained on, on a piano that no model was trained on.

Every piece of the split is added as a PDF, and one clip of each (`benchmarks.support.clips`) is looked up: once in the
library of all of them, once in that library without its own piece.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.support.answers import Answer
from benchmarks.support.clips import cut_clip
from benchmarks.support.pieces import evenly_chosen, read_pieces
from earmark.library.library import Library
from earmark.results.findings import Findings, Hit

CLIP_S = 20.0
SEED = 1


def ask(corpus: Path, split: str, count: int | None, model: str) -> Iterator[Answer]:
    """An answer for each piece of the split, or for ``count`` of them; all are in the library."""
    pieces = read_pieces(corpus, split)
    with tempfile.TemporaryDirectory() as name, Library.open(Path(name) / "library", model) as library:
        added = {outcome.source: outcome.piece for outcome in library.add([piece.pdf for piece in pieces])}
        for piece in evenly_chosen(pieces, count):
            clip, entry = cut_clip(piece, Path(name), CLIP_S, SEED), added[str(piece.pdf)]
            if entry is None:
                raise RuntimeError(f"{piece.pdf}: could not be added")
            found = library.find(clip.path)
            library.remove(entry.name)
            absent = library.find(clip.path)
            library.add([piece.pdf])
            first = first_hit(found)
            yield Answer(
                row=f"{CLIP_S:g} s of a {split} piece",
                piece=piece.name,
                start_s=clip.start_s,
                rank=next((hit.rank for hit in found.hits if clip.is_right(hit)), None),
                confident=found.confident,
                page=first is not None and clip.is_right_page(first),
                place=first is not None and clip.is_right_place(first),
                absent=absent.confident,
                first=Path(first.source).parent.name if first else None,
            )


def first_hit(findings: Findings) -> Hit | None:
    """The best hit; None where there is none."""
    return findings.hits[0] if findings.hits else None
