"""Results files → the paper's Tables 2 and 3 with the published number beside ours in every cell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from earmark.balke2019.published import MRR_BY_TEMPO, REFINED, TEMPI, UNREFINED, Published, title
from earmark.errors import BadInput
from earmark.files import replacing, write_json

METRICS = ("recall@1", "recall@5", "recall@25", "mrr", "median_rank")
HEADINGS = ("R@1", "R@5", "R@25", "MRR", "MR")
DIRECTIONS = {"audio_to_sheet": "audio → sheet", "sheet_to_audio": "sheet → audio"}
NONE = "–"

Results = Mapping[tuple[str, float], dict[str, Any]]


@dataclass(frozen=True)
class Cell:
    """One number: the paper's (None: it reports none) and ours (None: not trained)."""

    table: str
    row: str
    direction: str
    tempo: float
    metric: str
    published: float | None
    ours: float | None


def read_results(folder: Path) -> Results:
    """The files of ``earmark model evaluate --json`` in a folder, one a model: (its name, tempo) → result.

    The model's name is its id without the checksum. Raises BadInput when a file is none of these.
    """
    results = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            name = found["model"].rpartition("-")[0]
            for tempo, result in found["tempi"].items():
                if any(metric not in result[direction] for direction in DIRECTIONS for metric in METRICS):
                    raise KeyError("a metric")
                results[name, float(tempo)] = {"training": found["training"], **result}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            remedy = "write it with: earmark model evaluate --json"
            raise BadInput(path, f"is no result ({error})", remedy) from error
    if not results:
        raise BadInput(folder, "holds no results", "write some with: earmark model evaluate --json")
    return results


def table_2(results: Results, direction: str, *, refined: bool, rows: Iterable[str]) -> list[Cell]:
    """Table 2a (not refined) or 2b: five metrics at tempo 1; no published number for rows that the paper lacks."""
    published: Mapping[str, Published] = REFINED if refined else UNREFINED
    cells = []
    for row in rows:
        printed = asdict(published[row]) if row in published and direction == "audio_to_sheet" else {}
        name = row if refined else f"{row}-unrefined"
        found = results.get((name, 1.0), {}).get(direction, {})
        for metric in METRICS:
            number = printed.get(metric.replace("@", "_at_"))
            cells.append(Cell("2b" if refined else "2a", row, direction, 1.0, metric, number, found.get(metric)))
    return cells


def table_3(results: Results, direction: str, rows: Iterable[str]) -> list[Cell]:
    """Table 3: MRR of the refined rows at five tempi."""
    cells = []
    for row in rows:
        printed = MRR_BY_TEMPO.get(row) if direction == "audio_to_sheet" else None
        for number, tempo in enumerate(TEMPI):
            found = results.get((row, tempo), {}).get(direction, {})
            cells.append(
                Cell("3", row, direction, tempo, "mrr", printed[number] if printed else None, found.get("mrr"))
            )
    return cells


def measured_rows(results: Results) -> set[str]:
    """The models that there are results of, refined or not: rows of the paper, ablations and Earmark's own."""
    return {name.removesuffix("-unrefined") for name, _ in results}


def write_tables(results: Path, out: Path) -> list[Path]:
    """Write ``tables.md`` and ``tables.json`` into the folder ``out``. Raises BadInput when ``results`` holds none."""
    found = read_results(results)
    measured = measured_rows(found)
    rows, others = list(REFINED), sorted(measured - set(REFINED))
    parts = ["# The paper's tables: published / here\n", INTRODUCTION]
    cells: list[Cell] = []
    for direction, arrow in DIRECTIONS.items():
        for refined, letter, what in ((False, "a", "as trained"), (True, "b", "refined CCA layer")):
            made = table_2(found, direction, refined=refined, rows=[*rows, *others] if refined else rows)
            cells += made
            parts += [f"## Table 2{letter}, {arrow}, tempo 1, {what}\n", markdown(made, HEADINGS, measured)]
    for direction, arrow in DIRECTIONS.items():
        made = table_3(found, direction, [*rows, *others])
        cells += made
        parts += [f"## Table 3, {arrow}: MRR by tempo\n", markdown(made, [f"ρ = {t:g}" for t in TEMPI], measured)]
    parts += ["## How they were trained\n", training_table(found, [*rows, *others])]
    out.mkdir(parents=True, exist_ok=True)
    with replacing(out / "tables.md") as file:
        file.write("\n".join(parts).encode())
    write_json(out / "tables.json", {"cells": [asdict(cell) for cell in cells]})
    return [out / "tables.md", out / "tables.json"]


INTRODUCTION = """\
Every cell is *published / here*, of the 94 test pieces with 10 000 candidates.

- "not trained": nobody here has trained that row yet; "not measured": it was not evaluated so.
- –: the paper does not report the number.
- The paper's numbers were measured on its authors' rendering of the test set, ours on a rebuilt one
  (another piano, which no training used; no repeats). That is easier: compare rows within a column,
  not the two numbers of a cell.
"""


def markdown(cells: Sequence[Cell], headings: Sequence[str], measured: Set[str]) -> str:
    """A Markdown table of cells, row by row, ``len(headings)`` each; ``measured`` models have some result at least."""
    lines = ["| model | " + " | ".join(headings) + " |", "|---" * (len(headings) + 1) + "|"]
    for start in range(0, len(cells), len(headings)):
        line = cells[start : start + len(headings)]
        missing = "not measured" if line[0].row in measured else "not trained"
        lines.append(f"| {title(line[0].row)} | " + " | ".join(_both(cell, missing) for cell in line) + " |")
    return "\n".join(lines) + "\n"


def _both(cell: Cell, missing: str) -> str:
    form = "{:g}" if cell.metric == "median_rank" else "{:.2f}"
    published = NONE if cell.published is None else form.format(cell.published)
    return f"{published} / " + (missing if cell.ours is None else f"**{form.format(cell.ours)}**")


def training_table(results: Results, rows: Iterable[str]) -> str:
    """What is recorded of each model's training."""
    lines = [
        "| model | pairs seen | minutes | hardware | seed | revision | refined on |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        training = results.get((row, 1.0), {}).get("training")
        if not training:
            known = any(name == row for name, _ in results)
            lines.append(f"| {title(row)} | {'not recorded' if known else 'not trained'} | | | | | |")
            continue
        pairs = f"{training['pairs']:,}".replace(",", " ")
        refined = f"{training['refined_pairs']:,} pairs".replace(",", " ") if training.get("refined_pairs") else NONE
        seeds = training.get("seed")
        seed = " and ".join(map(str, seeds)) if isinstance(seeds, list) else seeds
        rest = [said or NONE for said in (training.get("hardware"), seed, training.get("revision"))]
        lines.append(
            f"| {title(row)} | {pairs} | {training['minutes']:.0f} | {' | '.join(map(str, rest))} | {refined} |"
        )
    return "\n".join(lines) + "\n"
