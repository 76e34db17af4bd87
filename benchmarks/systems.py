"""How well `earmark.pages.systems.find_systems` finds the systems of pages whose systems are known.

    python benchmarks/systems.py CORPUS [--pieces FILE]     a built corpus; FILE names pieces, one a line
    python benchmarks/systems.py --scans DIR                folders with page_N.tif and staves.json

In a corpus a system is right when its box and the true one overlap with an intersection over union of at
least 0.8. The boxes of the scans were drawn by hand with all that belongs to the system, so there the found
box, of the staff lines alone, must lie in the true one to 90 % and reach over 80 % of its width and 35 % of
its height. A page is right when all its systems are, in reading order, and nothing else was found. Prints
pages right, precision and recall of systems, the offsets of the boxes' ends, and milliseconds a page, and
lists the pages that are not right.
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


def is_same(found: Box, true: Box) -> bool:
    """Whether two boxes overlap with an intersection over union of at least 0.8."""
    shared = area(intersection(found, true))
    return shared >= 0.8 * (area(found) + area(true) - shared)


def is_within(found: Box, drawn: Box) -> bool:
    """Whether the staff lines found are those of a generously drawn system."""
    shared = intersection(found, drawn)
    return (
        area(shared) >= 0.9 * area(found)
        and shared[2] - shared[0] >= 0.8 * (drawn[2] - drawn[0])
        and shared[3] - shared[1] >= 0.35 * (drawn[3] - drawn[1])
    )


def intersection(a: Box, b: Box) -> Box:
    x0, y0 = max(a[0], b[0]), max(a[1], b[1])
    return x0, y0, max(x0, min(a[2], b[2])), max(y0, min(a[3], b[3]))


def area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def corpus_pages(corpus: Path, pieces: Path | None) -> Iterator[tuple[Path, list[Box]]]:
    """(Image file, true boxes in px) of every page of a corpus."""
    names = pieces.read_text().split() if pieces else sorted(file.name for file in (corpus / "pieces").iterdir())
    for name in names:
        folder = corpus / "pieces" / name
        piece = json.loads((folder / "piece.json").read_text())
        for page in piece["pages"]:
            boxes = [tuple(s["box"]) for s in piece["systems"] if s["page"] == page["number"]]
            yield folder / page["image"], boxes


def scan_pages(folder: Path) -> Iterator[tuple[Path, list[Box]]]:
    """The same of scans, the boxes in units of the page's width."""
    for truth in sorted(folder.glob("*/staves.json")):
        staves = json.loads(truth.read_text())
        for number in range(staves["n_pages"]):
            boxes = [(*s["start"], *s["end"]) for s in staves["staves"] if s["page"] == number]
            yield truth.with_name(f"page_{number}.tif"), boxes


def measure(pages: Iterator[tuple[Path, list[Box]]], scans: bool) -> Tally:
    """Finds the systems of every page and compares; prints a line for every page that is not right."""
    tally = Tally()
    is_right = is_within if scans else is_same
    for path, true in pages:
        image = next(read_pages(path)).image
        unit = image.shape[1] if scans else 1
        true = [(x0 * unit, y0 * unit, x1 * unit, y1 * unit) for x0, y0, x1, y1 in true]
        start = time.perf_counter()
        found = [system.box for system in find_systems(image)]
        tally.seconds += time.perf_counter() - start
        matches = [(mine, box) for mine in found for box in true if is_right(mine, box)]
        tally.offsets_px += [list(np.subtract(mine, box)) for mine, box in matches]
        tally.pages += 1
        tally.true += len(true)
        tally.found += len(found)
        tally.matched += len(matches)
        if matches == list(zip(found, true, strict=False)) and len(found) == len(true):
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
        tally = measure(scan_pages(given.scans), scans=True)
    else:
        tally = measure(corpus_pages(given.corpus, given.pieces), scans=False)
    print(f"pages right  {tally.right_pages} of {tally.pages} ({tally.right_pages / tally.pages:.1%})")
    print(f"precision    {tally.matched / max(1, tally.found):.4f}")
    print(f"recall       {tally.matched / max(1, tally.true):.4f}")
    if tally.offsets_px:
        median, worst = np.median(np.abs(tally.offsets_px), axis=0), np.max(np.abs(tally.offsets_px), axis=0)
        print("box offsets  left, top, right, bottom: median", median.round(2), "worst", worst.round(1), "px")
    print(f"time         {tally.seconds / tally.pages * 1000:.0f} ms a page")


if __name__ == "__main__":
    main()
