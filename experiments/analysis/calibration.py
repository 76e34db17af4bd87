"""How far a search's confidence can be trusted, and what each of its signs is good for.

    python -m experiments.analysis.calibration WEIGHTS RECIPE --json experiments/analysis/results/calibration.json \
        --diagram experiments/figures/earmark-2-confidence.svg

Calibrates the folder WEIGHTS as ``earmark model calibrate`` does, and tries what it says on pieces that it was not
fitted on: by size of library and kind of question, as a diagram, and with each of the signs left out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.support.results import begin, finish, table
from earmark.model.encoders import load
from earmark.training.evaluation.calibrate import calibrate
from earmark.training.evaluation.confidence import ALL, NAMES, Trial, calibration_error, promises, try_out
from earmark.training.evaluation.reliability import draw_reliability
from earmark.training.experiment import Experiment, read_settings


def measure(trial: Trial, names: Sequence[str] = NAMES) -> dict[str, Any]:
    """What holds of a trial: ``promises`` by size of library and kind of question, and the ``error`` by size."""
    return {
        "signs": list(names),
        "promises": [asdict(promise) for promise in promises(trial)],
        "error": {str(size): calibration_error(trial, size) for size in sorted({one.among for one in trial.answers})},
    }


def tables(results: dict[str, Any]) -> dict[str, str]:
    """``promises``: found and falsely sure; ``error``: calibration errors; ``signs``: weights, and what is lost without
    each."""
    tried = results["all"]
    sizes = sorted(int(size) for size in tried["error"])
    header = [f"{size:,}".replace(",", " ") for size in sizes]
    by_kind: dict[str, dict[int, dict[str, Any]]] = {}
    for promise in tried["promises"]:
        by_kind.setdefault(promise["kind"], {})[promise["among"]] = promise
    rows = [
        [kind, *(f"{cells[size]['found']:.1%}, {cells[size]['falsely_sure']:.1%}" for size in sizes)]
        for kind, cells in by_kind.items()
    ]
    found = {name: _found(results["without"][name], sizes) for name in results["without"]}
    signs = [["all", "–", *_found(tried, sizes)]]
    signs += [[f"without `{name}`", f"{results['weights'][name]:.2f}", *cells] for name, cells in found.items()]
    return {
        "promises": table(["question", *header], rows),
        "error": table(["pieces", *header], [["calibration error", *(f"{tried['error'][str(n)]:.3f}" for n in sizes)]]),
        "signs": table(["signs", "weight", *header], signs),
    }


def _found(measured: dict[str, Any], sizes: Sequence[int]) -> list[str]:
    """Shares of all questions whose piece is there that were surely found."""
    found = {one["among"]: one["found"] for one in measured["promises"] if one["kind"] == ALL}
    return [f"{found[size]:.1%}" for size in sizes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--work", type=Path, default=Path("data/calibration"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--diagram", type=Path)
    given = parser.parse_args()
    results, model = begin(None), load(given.weights)
    recipe = read_settings(given.recipe, Experiment.of_each_seed)[-1]

    def report(done: int, total: int) -> None:
        if done % 50 == 0:
            print(f"{done} of {total}", file=sys.stderr, flush=True)

    calibrated = calibrate(given.weights, model, recipe, given.work, report=report)
    answers = calibrated.trial.answers
    results |= {
        "model": model.model_id,
        "weights": dict(calibrated.calibration.pages.weights),
        "all": measure(calibrated.trial),
        "without": {
            name: measure(try_out(answers, rest), rest)
            for name in NAMES
            for rest in [[other for other in NAMES if other != name]]
        },
    }
    if given.diagram:
        draw_reliability(calibrated.trial, given.diagram)
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
