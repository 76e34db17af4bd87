"""The pieces of a built corpus, as sheet music that can be added to a library."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.support.command import Run, earmark, run


@dataclass(frozen=True)
class Piece:
    """A piece of the corpus: its name, its folder, and how many pages its PDF has."""

    name: str
    folder: Path
    pages: int

    @property
    def pdf(self) -> Path:
        return self.folder / "score.pdf"

    @property
    def midi(self) -> Path:
        return self.folder / "score.mid"

    def about(self) -> dict[str, Any]:
        """What ``piece.json`` says."""
        about: dict[str, Any] = json.loads((self.folder / "piece.json").read_text())
        return about


def read_pieces(corpus: Path, split: str | None = None) -> list[Piece]:
    """All finished pieces of a corpus, or those of one split, by name; raises SystemExit if there are none."""
    names = {folder.parent.name for folder in corpus.glob("pieces/*/piece.json")}
    if split is not None:
        wanted = set(json.loads((corpus / "splits.json").read_text())[split])
        for missing in sorted(wanted - names):
            print(f"not in the corpus: {missing}")
        names &= wanted
    if not names:
        raise SystemExit(f"{corpus}: holds no pieces; build it with: earmark corpus build")
    pieces = []
    for name in sorted(names):
        folder = (corpus / "pieces" / name).resolve()
        pages = json.loads((folder / "piece.json").read_text())["pages"]
        pieces.append(Piece(name, folder, len(pages)))
    return pieces


def add(library: Path, pieces: Sequence[Piece], model: str) -> Run:
    """Adds the pieces' PDFs to ``library`` with the installed command; raises RuntimeError if it fails."""
    added = run([earmark(), "add", library, "--model", model, "--json", *(piece.pdf for piece in pieces)])
    added.json()
    return added


def kept_library(pieces: Sequence[Piece], work: Path, model: str, name: str = "all") -> Path:
    """The library of these pieces that ``work`` keeps for this model under this name; what is there already is not read
    again."""
    stated = run([sys.executable, "-m", "benchmarks.support.stages", "model_id", model]).json()
    folder = work / f"{stated['model']}-{name}"
    add(folder, pieces, model)
    return folder


def evenly_chosen(pieces: Sequence[Piece], count: int | None) -> list[Piece]:
    """``count`` of the pieces, taken evenly; all where there are no more, or without a count."""
    if count is None or count >= len(pieces):
        return list(pieces)
    return [pieces[i * len(pieces) // count] for i in range(count)]


def evenly(pieces: Sequence[Piece], pages: int) -> list[Piece]:
    """Pieces taken evenly from all of them until they have at least ``pages`` pages together (or are all)."""
    for count in range(1, len(pieces) + 1):
        taken = evenly_chosen(pieces, count)
        if sum(piece.pages for piece in taken) >= pages:
            return taken
    return list(pieces)
