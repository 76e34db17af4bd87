"""The paper's protocol on snippets of clean and degraded pages, cut from them as the product does it.

    python -m experiments.analysis.snippets CORPUS [--model NAME] [--ways clean,mixed,skew,…] [--every N] [--json FILE]

The page images of the test pieces are degraded in one of `benchmarks.support.degrade.WAYS` ("mixed": every page in one
that its name decides), laid flat and searched for systems by `earmark.sheet.systems.find.read_layout`, cut to strips.
The noteheads, whose places on the clean page are known exactly, are followed through all of this to where their
snippets are read. Pairs and recordings are those of `earmark model evaluate`: 10 000 pairs, test piano, tempo 1, both
directions.

A notehead whose system was not found (an overlap under 0.6) has an embedding of zeros: it stays among the queries and
the candidates, ranked last as a query and never an answer. ``--every 5`` takes every fifth piece.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.pages import boxes_of, match, page_image
from benchmarks.support.degrade import WAYS, Points, moved_box
from benchmarks.support.results import begin, finish, table
from earmark.library.library import DEFAULT_MODEL
from earmark.model.encoders import Model, load
from earmark.schema import FloatArray, SheetSpec
from earmark.sheet.strips import Strip, cut_strip, ink_of, join_strips
from earmark.sheet.systems.find import read_layout
from earmark.sheet.systems.warp import Warp
from earmark.training.data.dataset import Notes, TrainingPiece, embed_recording_onsets, group_onsets
from earmark.training.evaluation import metrics
from earmark.training.evaluation.evaluate import read_pool

RENDERING = "musescore-0-0@1"
SPEC = SheetSpec()
HEADINGS = ("pages", "queries", *(f"{way} {what}" for way in ("A→S", "S→A") for what in ("R@1", "MRR")))


@dataclass(frozen=True)
class Seen:
    """A piece as the page code sees it.

    ``x_px`` float32 [onsets] is where its onsets are on the strip, NaN where their system was not found; ``way``
    [onsets] in what way the page of each got worse.
    """

    strip: Strip
    x_px: FloatArray
    way: npt.NDArray[np.str_]

    def embed(self, encoders: Model, onsets: npt.NDArray[np.int64]) -> FloatArray:
        """Unit embeddings of the snippets about some onsets, by number; zeros where there is none."""
        embeddings = np.zeros((len(onsets), encoders.dimension), np.float32)
        x_px = self.x_px[onsets].astype(np.float64)
        found = np.isfinite(x_px)
        if found.any():
            centres = x_px[found].clip(0, self.strip.width)
            embeddings[found] = encoders.embed_strip(ink_of(self.strip), centres)[0]
        return embeddings


def way_of(run: str, page: str) -> str:
    """How this page gets worse in a run."""
    return list(WAYS)[zlib.crc32(page.encode()) % len(WAYS)] if run == "mixed" else run


def see(folder: Path, run: str) -> Seen:
    """Read the pages of a corpus piece, degraded as the run says, as the product does, and find its onsets again."""
    about = json.loads((folder / "piece.json").read_text())
    with np.load(folder / "noteheads.npz") as heads:
        sounding = np.isfinite(heads["onset_s"])
        system, time_s, pitch = (heads[name][sounding] for name in ("system", "onset_s", "pitch"))
        on_page = np.stack([heads["x_px"][sounding], heads["y_px"][sounding]], axis=1).astype(np.float64)
    x_px = np.full(len(system), np.nan, np.float32)
    ways: dict[int, str] = {}
    strips: list[Strip] = []
    for page in about["pages"]:
        name = f"{folder.name}/{page['image']}"
        ways[page["number"]] = way_of(run, name)
        image, place = page_image(folder / page["image"], ways[page["number"]], name)
        layout = read_layout(image)
        strip = cut_strip(layout.image, layout.systems, SPEC, page["number"])
        here = [index for index, true in enumerate(about["systems"]) if true["page"] == page["number"]]
        boxes = [moved_box(about["systems"][index]["box"], place) for index in here]
        start = sum(earlier.width for earlier in strips)
        for found, true in match(boxes_of(layout, False), boxes):
            own = system == here[true]
            flat = to_flat(layout.warp, place(on_page[own]))
            x_px[own] = start + strip.to_strip(found, flat[:, 0])
        strips.append(strip)
    first = np.unique(np.round(time_s * 1000).astype(np.int64), return_index=True)[1]
    way = np.array([ways[about["systems"][index]["page"]] for index in system[first]])
    onsets = group_onsets(Notes(time_s, x_px, pitch.astype(np.int64)))
    return Seen(join_strips(strips), onsets.x_px, way)


def to_flat(warp: Warp | None, points: Points) -> Points:
    """Page px → px of the flat page, the inverse of `Warp.to_page`: from the nearest node by Newton's method."""
    if warp is None or not len(points):
        return points
    columns = warp.grid.shape[1]
    nodes = warp.grid.reshape(-1, 2).astype(np.float64)
    away = np.square(points[:, None] - nodes[None]).sum(axis=2)
    row, column = np.divmod(away.argmin(axis=1), columns)
    flat: Points = np.stack([column, row], axis=1) * np.array(warp.step)
    for _ in range(10):
        here = warp.to_page(flat)
        slopes = np.stack([warp.to_page(flat + step) - here for step in np.eye(2)], axis=2)
        flat = flat + np.linalg.solve(slopes, (points - here)[..., None])[..., 0]
    return flat


def scores(found: tuple[metrics.Ranks, metrics.Ranks], chosen: npt.NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    """Both directions' recall and MRR of the chosen queries, each against all candidates."""
    names = ("audio_to_sheet", "sheet_to_audio")
    return {name: metrics.scores(ranks[chosen]).to_dict() for name, ranks in zip(names, found, strict=True)}


def measure(
    encoders: Model,
    pool: Sequence[tuple[TrainingPiece, npt.NDArray[np.int64]]],
    corpus: Path,
    run: str,
    heard: FloatArray,
) -> dict[str, Any]:
    """All figures of one run, and those of every way in it."""
    embeddings, ways, pages = [], [], []
    for piece, onsets in pool:
        seen = see(corpus / "pieces" / piece.name, run)
        embeddings.append(seen.embed(encoders, onsets))
        ways.append(seen.way[onsets])
        pages += [
            way_of(run, f"{piece.name}/{page.name}") for page in (corpus / "pieces" / piece.name).glob("page-*.png")
        ]
    sheet, way = np.concatenate(embeddings), np.concatenate(ways)
    found = metrics.ranks(heard, sheet), metrics.ranks(sheet, heard)
    lost: npt.NDArray[np.bool_] = np.abs(sheet).max(axis=1) == 0

    def figures(chosen: npt.NDArray[np.bool_], count: int) -> dict[str, Any]:
        share = float(lost[chosen].mean())
        return {"pages": count, "queries": int(chosen.sum()), "not_found": share, **scores(found, chosen)}

    by_way = {name: figures(way == name, pages.count(name)) for name in sorted(set(way.tolist()))}
    return {**figures(np.ones(len(way), bool), len(pages)), "ways": by_way}


def row(name: str, figures: dict[str, Any]) -> list[str]:
    cells = [name, str(figures["pages"]), str(figures["queries"])]
    for direction in ("audio_to_sheet", "sheet_to_audio"):
        found = figures.get(direction)
        cells += [f"{found['recall@1']:.2f}", f"{found['mrr']:.3f}"] if found else ["–", "–"]
    return cells


def tables(results: dict[str, Any]) -> dict[str, str]:
    """One table of all runs; below a mixed one its ways."""
    runs = results["runs"]
    mixed = runs.get("mixed", {}).get("ways", {})
    rows = [row(run, figures) for run, figures in runs.items()]
    rows += [row(f"mixed: {way}", mixed[way]) for way in WAYS if way in mixed]
    return {"snippets": table(("pages as", *HEADINGS), rows)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--ways", default="clean,mixed")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    runs = given.ways.split(",")
    if unknown := [run for run in runs if run not in ("clean", "mixed", *WAYS)]:
        parser.error(f"no way {unknown[0]!r}; choose of clean, mixed, {', '.join(WAYS)}")
    results = begin(given.model)
    encoders = load(given.model)
    pool = list(read_pool(given.corpus, "test", RENDERING)[0])[:: given.every]
    audio = np.concatenate([embed_recording_onsets(encoders, piece, onsets, RENDERING) for piece, onsets in pool])
    results["runs"] = {run: measure(encoders, pool, given.corpus, run, audio) for run in runs}
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
