"""Results files → one figure of what validation said of the paper's rows while they were trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from earmark.balke2019.figures import COLOURS, STYLES, save
from earmark.balke2019.published import REFINED, title
from earmark.errors import BadInput

Curve = list[dict[str, Any]]


def write_curves(results: Path, out: Path) -> list[Path]:
    """Draw the curves of the rows in the folder ``results`` (`earmark.training.evaluation.evaluate.write_result`).

    Writes ``curves.png`` and ``curves.svg`` into the folder ``out``. Raises BadInput when no row has a curve.
    """
    curves = read_curves(results)
    if not curves:
        remedy = "write results with: earmark model evaluate --json FILE --log runs/ROW/log.jsonl"
        raise BadInput(results, "has no curve of a row of the paper", remedy)
    out.mkdir(parents=True, exist_ok=True)
    return save(validation_curves(curves), out, "curves")


def read_curves(results: Path) -> dict[str, Curve]:
    """The curves in a folder of results, by row, in the order of the paper's tables; unrefined rows have none."""
    found = {}
    for row in REFINED:
        path = results / f"{row}.json"
        if path.exists() and (curve := json.loads(path.read_text(encoding="utf-8")).get("curve")):
            found[row] = curve
    return found


def validation_curves(curves: Mapping[str, Curve]) -> Figure:
    """MRR of the validation pairs against the pairs seen; rows with attention have solid lines, a context a colour."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    contexts = list(dict.fromkeys(row.removesuffix("-at") for row in curves))
    for row, curve in curves.items():
        pairs = [step["pairs"] / 1e6 for step in curve]
        mrr = [step["validation"]["mrr"] for step in curve]
        colour = COLOURS[contexts.index(row.removesuffix("-at"))]
        style = STYLES[0] if row.endswith("-at") else STYLES[1]
        axes.plot(pairs, mrr, style, color=colour, linewidth=1.2, label=title(row))
    axes.set(xlabel="pairs seen, millions", ylabel="MRR of the validation pairs", ylim=(0, 1))
    axes.legend(loc="lower right", fontsize=8, frameon=False)
    axes.grid(alpha=0.3)
    return figure
