"""What the recipe reaches on a processor, by how long it trains.

    OMP_NUM_THREADS=2 python -m experiments.analysis.core_minutes experiments/earmark-2/core-minutes CORPUS \
        --json experiments/analysis/results/core_minutes.json

Every TOML file of the folder is trained, resuming what was stopped, exported, and measured under the paper's protocol
at tempo 1. Core-minutes are the minutes of the training by the clock, times PyTorch's threads; what was begun with some
goes on with as many. `--only` names some of the files.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.support.results import begin, finish, table
from earmark.training.evaluation.evaluate import evaluate
from earmark.training.experiment import Experiment
from experiments.analysis.ablations import chosen, record, trained

DIRECTIONS = {"audio → sheet": "audio_to_sheet", "sheet → audio": "sheet_to_audio"}
PIANO = "musescore-0-0"


def run(experiment: Sequence[Experiment], runs: Path, corpus: Path) -> dict[str, Any]:
    """Train one recipe, if it is not yet, and measure it."""
    model = trained(experiment, runs)
    made = record(model)
    made["minutes"] *= torch.get_num_threads()
    return {"steps": experiment[-1].steps, **made, "found": evaluate(model, corpus, "test", PIANO, 1.0)}


def tables(results: dict[str, Any]) -> dict[str, str]:
    """``reached``: a row for each recipe, the shortest first."""
    header = ("core-minutes", "steps", "pairs", *(f"{way} {what}" for way in DIRECTIONS for what in ("R@1", "MRR")))
    rows = []
    for one in sorted(results["runs"], key=lambda one: float(one["minutes"])):
        found = [one["found"][key] for key in DIRECTIONS.values()]
        figures = [cell for each in found for cell in (f"{each['recall@1']:.2f}", f"{each['mrr']:.3f}")]
        rows.append((f"{one['minutes']:.0f}", one["steps"], f"{one['pairs'] / 1e6:.2f} million", *figures))
    return {"reached": table(header, rows)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--only", nargs="+", help="of the recipes: their names")
    parser.add_argument("--runs", type=Path, default=Path("runs/core-minutes"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = begin(None)
    results["runs"] = [run(one, given.runs, given.corpus) for one in chosen(given.recipes, given.only).values()]
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
