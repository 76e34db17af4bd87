"""How well `earmark.sheet.systems.find.read_layout` finds the systems of pages whose systems are known.

    python -m benchmarks.pages CORPUS --scans DIR [--every N] [--ways clean,skew,…] [--worst N OUT] [--json FILE]

CORPUS is a built corpus, whose boxes are exact: the pages of its test pieces, clean and degraded in every one of
`benchmarks.support.degrade.WAYS`; ``--every 3`` takes every third of them. DIR holds folders of scans with page_N.tif
and staves.json; their boxes were drawn by hand around systems with all their notes. No threshold was set on the works
in `HELD_OUT`, except the room around staves (see the README).

A system is right when its box and the true one overlap with an intersection over union of at least 0.6: in a corpus the
box of the staff lines, in scans that with room for notes (`earmark.sheet.on_page.outline`). A page is right when all
its systems are and nothing else was found; its order is right when the systems found come in the order of the true
ones. Times are of one core (processor time), so that a busy machine does not count. ``--worst`` writes pictures of the
N worst pages to OUT: found boxes red with bar lines blue, true boxes green.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.support.degrade import WAYS, Mapping, degrade, moved_box
from benchmarks.support.results import begin, finish, table
from earmark.schema import Box, Image
from earmark.sheet.images import MAX_WIDTH_PX, read_pages
from earmark.sheet.on_page import outline
from earmark.sheet.systems.find import Layout, read_layout

HELD_OUT = ("No.1-Op.2-No.1", "No.24-Op.78", "No.6-Op.10-No.2")
LEAST_OVERLAP = 0.6


@dataclass(frozen=True)
class Case:
    """A page with its true boxes in px."""

    name: str
    image: Image
    boxes: list[Box]


@dataclass(frozen=True)
class Result:
    """What was found on a page: ``matched`` are pairs of (found, true) indices."""

    name: str
    true: int
    found: int
    matched: list[tuple[int, int]]
    seconds: float

    @property
    def is_right(self) -> bool:
        return len(self.matched) == self.true == self.found

    @property
    def in_order(self) -> bool:
        """Whether what was found comes in the true order, without a hole."""
        order = [true for _, true in sorted(self.matched)]
        return order == sorted(order) and len(order) == self.true

    @property
    def wrong(self) -> int:
        return self.true + self.found - 2 * len(self.matched)


@dataclass
class Tally:
    """Results of the pages of one kind."""

    kind: str
    results: list[Result] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Pages and systems, pages whose systems are all right and in order, precision and recall of the systems,
        seconds of one core a page."""
        pages = len(self.results)
        true, found = sum(r.true for r in self.results), sum(r.found for r in self.results)
        matched = sum(len(r.matched) for r in self.results)
        return {
            "kind": self.kind,
            "pages": pages,
            "systems": true,
            "right": sum(r.is_right for r in self.results),
            "in_order": sum(r.in_order for r in self.results),
            "precision": matched / max(1, found),
            "recall": matched / max(1, true),
            "page_s": sum(r.seconds for r in self.results) / max(1, pages),
        }


HEADINGS = ("pages", "pages", "systems", "all right", "in order", "precision", "recall", "ms a page")


def tables(results: dict[str, Any]) -> dict[str, str]:
    """One table of all kinds of pages."""
    rows = []
    for one in results["pages"]:
        shares = (f"{one[key] / max(1, one['pages']):.1%}" for key in ("right", "in_order"))
        exact = (f"{one[key]:.4f}" for key in ("precision", "recall"))
        rows.append((one["kind"], one["pages"], one["systems"], *shares, *exact, f"{1000 * one['page_s']:.0f}"))
    return {"systems": table(HEADINGS, rows)}


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def match(found: list[Box], true: list[Box]) -> list[tuple[int, int]]:
    """Pairs of (found, true) that overlap enough, the best first, each once."""
    pairs = [(overlap(f, t), i, j) for i, f in enumerate(found) for j, t in enumerate(true)]
    matched: list[tuple[int, int]] = []
    for score, i, j in sorted(pairs, reverse=True):
        if score >= LEAST_OVERLAP and all(i != a and j != b for a, b in matched):
            matched.append((i, j))
    return matched


def scan_cases(folder: Path) -> Iterator[Case]:
    for truth in sorted(folder.glob("*/staves.json")):
        staves = json.loads(truth.read_text())
        for number in range(staves["n_pages"]):
            path = truth.with_name(f"page_{number}.tif")
            image = next(read_pages(path)).image
            unit = image.shape[1]
            boxes = [(*s["start"], *s["end"]) for s in staves["staves"] if s["page"] == number]
            scaled = [(x0 * unit, y0 * unit, x1 * unit, y1 * unit) for x0, y0, x1, y1 in boxes]
            yield Case(f"{truth.parent.name}/{path.name}", image, scaled)


def corpus_pages(corpus: Path, every: int) -> list[tuple[str, Path, list[Box]]]:
    """(Name, image file, true boxes) of every so manieth page of the test pieces."""
    pages = []
    for name in sorted(json.loads((corpus / "splits.json").read_text())["test"]):
        folder = corpus / "pieces" / name
        piece = json.loads((folder / "piece.json").read_text())
        for page in piece["pages"]:
            boxes = [tuple(s["box"]) for s in piece["systems"] if s["page"] == page["number"]]
            pages.append((f"{name}/{page['image']}", folder / page["image"], boxes))
    return pages[::every]


def page_image(path: Path, way: str, name: str) -> tuple[Image, Mapping]:
    """A page, degraded unless ``way`` is "clean", no larger than `read_pages` gives it; where its points lie on it."""
    image = next(read_pages(path)).image
    if way == "clean":
        return image, lambda points: points
    image, place = degrade(image, way, name)
    if image.shape[1] <= MAX_WIDTH_PX:
        return image, place
    scale = MAX_WIDTH_PX / image.shape[1]
    size = (MAX_WIDTH_PX, round(image.shape[0] * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8), lambda points: place(points) * scale


def corpus_cases(pages: list[tuple[str, Path, list[Box]]], way: str) -> Iterator[Case]:
    """The pages, degraded unless ``way`` is "clean"."""
    for name, path, boxes in pages:
        image, place = page_image(path, way, name)
        yield Case(f"{way}: {name}", image, [moved_box(box, place) for box in boxes])


def boxes_of(layout: Layout, with_notes: bool) -> list[Box]:
    """The systems' boxes on the page image: of their staff lines, or with room for notes."""
    return [layout.box_on_page(outline(system) if with_notes else system.box) for system in layout.systems]


def measure(kind: str, cases: Iterator[Case], with_notes: bool, worst: Worst) -> Tally:
    tally = Tally(kind)
    for case in cases:
        start = time.process_time()
        layout = read_layout(case.image)
        seconds = time.process_time() - start
        found = boxes_of(layout, with_notes)
        result = Result(case.name, len(case.boxes), len(found), match(found, case.boxes), seconds)
        tally.results.append(result)
        if not (result.is_right and result.in_order):
            print(f"{case.name}: {len(result.matched)} of {result.true}, {result.found} found", flush=True)
            worst.add(result.wrong, case, layout, found)
    return tally


class Worst:
    """Keeps pictures of the pages with most wrong."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.kept: list[tuple[int, str, Image]] = []

    def add(self, wrong: int, case: Case, layout: Layout, found: list[Box]) -> None:
        if self.count:
            self.kept.append((wrong, case.name, picture(case, layout, found)))
            self.kept = sorted(self.kept, key=lambda kept: -kept[0])[: self.count]

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for rank, (_, name, image) in enumerate(self.kept, start=1):
            safe = name.replace("/", "_").replace(": ", "_")
            cv2.imwrite(str(folder / f"{rank:02d}-{safe}.png"), image)


def picture(case: Case, layout: Layout, found: list[Box]) -> Image:
    """The page, 1000 px wide, with true boxes green, found ones red, bar lines blue (blue, green, red order)."""
    scale = 1000 / case.image.shape[1]
    drawn = cv2.resize(case.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    drawn = cv2.cvtColor(drawn, cv2.COLOR_GRAY2BGR)
    for boxes, colour in ((case.boxes, (0, 160, 0)), (found, (0, 0, 230))):
        for x0, y0, x1, y1 in np.array(boxes).reshape(-1, 4) * scale:
            cv2.rectangle(drawn, (int(x0), int(y0)), (int(x1), int(y1)), colour, 2)
    for system in layout.systems:
        for bar in system.bars:
            x0, y0, x1, y1 = np.array(layout.line_on_page(bar, system.box[1], bar, system.box[3])) * scale
            cv2.line(drawn, (int(x0), int(y0)), (int(x1), int(y1)), (230, 0, 0), 1)
    return drawn.astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--scans", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--ways", default=",".join(("clean", *WAYS)))
    parser.add_argument("--worst", nargs=2, metavar=("N", "OUT"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.corpus is None and given.scans is None:
        parser.error("give a corpus or --scans")
    results = begin(None)
    worst = Worst(int(given.worst[0]) if given.worst else 0)
    tallies = []
    if given.scans:
        all_scans = measure("scans, all", scan_cases(given.scans), True, worst)
        held_out = [r for r in all_scans.results if any(work in r.name for work in HELD_OUT)]
        tuned = [r for r in all_scans.results if r not in held_out]
        tallies += [Tally("scans, six works tuned on", tuned), Tally("scans, three held out", held_out), all_scans]
    if given.corpus:
        pages = corpus_pages(given.corpus, given.every)
        tallies += [measure(way, corpus_cases(pages, way), False, worst) for way in given.ways.split(",")]
    results["pages"] = [tally.figures() for tally in tallies]
    results["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(f"most memory: {results['peak_mb']:.0f} MB")
    if given.worst:
        worst.write(Path(given.worst[1]))
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
