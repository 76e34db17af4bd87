"""How well `earmark.pages.systems.find_systems` finds the systems of pages whose systems are known.

    python benchmarks/systems.py CORPUS [--pieces FILE]     a built corpus; FILE names pieces, one a line
    python benchmarks/systems.py --scans DIR                folders with page_N.tif and staves.json

A system is right when its box and the true one overlap with an intersection over union of at least 0.8; a page is
right when all its systems are, in reading order, and nothing else was found. Prints pages right, precision and
recall of systems, the offsets of the boxes' ends, and seconds a page, and lists the pages that are not right.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from earmark.pages.read import read_pages
from earmark.pages.systems import find_systems
from earmark.schema import Box

MIN_OVERLAP = 0.8


@dataclass
class Tally:
    """Counts over pages."""

    pages: int = 0
    right_pages: int = 0
    true: int = 0
    found: int = 0
    matched: int = 0
    seconds: float = 0.0
    offsets_px: list[list[float]] = field(default_factory=list)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, in [0, 1]."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def corpus_pages(corpus: Path, pieces: Path | None) -> Iterator[tuple[Path, int, list[Box]]]:
    """(Image file, its page in the file, true boxes) of every page of a corpus."""
    names = (
        pieces.read_text().split() if pieces else sorted(file.name for file in (corpus / "pieces").iterdir())
    )
    for name in names:
        folder = corpus / "pieces" / name
        piece = json.loads((folder / "piece.json").read_text())
        for page in piece["pages"]:
            boxes = [tuple(s["box"]) for s in piece["systems"] if s["page"] == page["number"]]
            yield folder / page["image"], 1, boxes


def scan_pages(folder: Path) -> Iterator[tuple[Path, int, list[Box]]]:
    """The same of scans; their boxes are in units of the page's width, so they are scaled once it is known."""
    for truth in sorted(folder.glob("*/staves.json")):
        staves = json.loads(truth.read_text())
        for number in range(staves["n_pages"]):
            boxes = [(*s["start"], *s["end"]) for s in staves["staves"] if s["page"] == number]
            yield truth.with_name(f"page_{number}.tif"), 1, boxes


def measure(pages: Iterator[tuple[Path, int, list[Box]]], in_widths: bool) -> Tally:
    """Finds the systems of every page and compares; prints a line for every page that is not right."""
    tally = Tally()
    for path, number, true in pages:
        image = next(page.image for page in read_pages(path) if page.number == number)
        if in_widths:
            true = [tuple(v * image.shape[1] for v in box) for box in true]  # type: ignore[misc]
        start = time.perf_counter()
        found = [system.box for system in find_systems(image)]
        tally.seconds += time.perf_counter() - start
        best = [max(true, key=lambda box: overlap(box, mine), default=None) for mine in found]
        matches = [
            (mine, box)
            for mine, box in zip(found, best, strict=True)
            if box is not None and overlap(mine, box) >= MIN_OVERLAP
        ]
        tally.offsets_px += [list(np.subtract(mine, box)) for mine, box in matches]
        tally.pages += 1
        tally.true += len(true)
        tally.found += len(found)
        tally.matched += len(matches)
        if len(true) == len(found) and [box for _, box in matches] == true:
            tally.right_pages += 1
        else:
            print(f"{path.parent.name}/{path.name}: {len(matches)} of {len(true)}, {len(found)} found")
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--pieces", type=Path)
    parser.add_argument("--scans", type=Path)
    given = parser.parse_args()
    if (given.corpus is None) == (given.scans is None):
        parser.error("give a corpus or --scans")
    if given.scans:
        tally = measure(scan_pages(given.scans), in_widths=True)
    else:
        tally = measure(corpus_pages(given.corpus, given.pieces), in_widths=False)
    print(f"pages right  {tally.right_pages} of {tally.pages} ({tally.right_pages / tally.pages:.1%})")
    print(f"precision    {tally.matched / max(1, tally.found):.4f}")
    print(f"recall       {tally.matched / max(1, tally.true):.4f}")
    if tally.offsets_px:
        median, worst = np.median(np.abs(tally.offsets_px), axis=0), np.max(np.abs(tally.offsets_px), axis=0)
        print("box offsets  left, top, right, bottom: median", median.round(2), "worst", worst.round(1), "px")
    print(f"time         {tally.seconds / tally.pages * 1000:.0f} ms a page")


if __name__ == "__main__":
    main()
