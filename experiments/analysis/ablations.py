"""What did each ingredient of the training give? Short runs of equal length, each without one of them.

    python -m experiments.analysis.ablations experiments/earmark-2/ablations data/msmd data/instruments \
        --json runs/ablations/results.json

Every TOML file of the folder is trained, resuming what was stopped, exported, and measured on pieces that no run saw:
under the paper's protocol at tempo 1 and 2; validation pieces as somebody played and recorded them once; music for
other instruments as written, and as recorded; and every fifth test piece as `experiments.analysis.snippets` degrades
its pages. Beside each figure stands its difference to the run ``everything``. ``--only`` names some of the others.
Runs that are in the file of ``--json`` already, measured by the same code, are not measured again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support.results import begin, finish, table
from earmark.model.encoders import Model, load
from earmark.training.data.dataset import embed_recording_onsets
from earmark.training.evaluation.evaluate import evaluate, read_pool
from earmark.training.experiment import Experiment, ends, read_settings
from earmark.training.export import export
from earmark.training.train import train
from experiments.analysis.snippets import RENDERING, measure

BASE = "everything"
PIANO, OTHERS = 0, 1
MEASURED = (
    ("tempo 1", PIANO, "test", "musescore-0-0", 1.0),
    ("tempo 2", PIANO, "test", "musescore-0-0", 2.0),
    ("recorded", PIANO, "valid", "timgm6mb-0-2~1", 1.0),
    ("other instruments", OTHERS, "instruments-valid", "fluidr3-score", 1.0),
    ("these recorded", OTHERS, "instruments-valid", "fluidr3-score~1", 1.0),
)
"""What is measured: its name, which corpus, its pieces, the piano or its take, the tempo."""
DEGRADED, EVERY = "degraded pages", 5


def chosen(folder: Path, only: Sequence[str] | None) -> dict[str, list[Experiment]]:
    """The runs of each experiment of a folder, by its name: of all, or only of some.

    Raises BadInput when one of these is not there.
    """
    names = sorted(path.stem for path in folder.glob("*.toml")) if only is None else only
    return {name: read_settings(folder / f"{name}.toml", Experiment.of_each_seed) for name in names}


def trained(experiment: Sequence[Experiment], folder: Path) -> Model:
    """The model that the runs of an experiment give: trained in ``folder``, unless they are already, and exported."""
    checkpoints = {}
    for run in experiment:
        print(f"training {folder / run.name}", file=sys.stderr, flush=True)
        checkpoints[run] = train(run, folder / run.name, lambda step: None)
    weights = folder / ends(experiment)[-1].name / "weights"
    export([checkpoints[run] for run in ends(experiment)], weights)
    return load(weights)


def record(model: Model) -> dict[str, Any]:
    """What a training took, and where."""
    return {key: model.training[key] for key in ("pairs", "minutes", "hardware", "revision")}


def run(experiment: Sequence[Experiment], runs: Path, corpora: Sequence[Path]) -> dict[str, Any]:
    """Train one ablation and measure it: MRR from audio to sheet, and the length of the training."""
    encoders = trained(experiment, runs)
    found = {
        name: evaluate(encoders, corpora[which], split, sound, tempo) for name, which, split, sound, tempo in MEASURED
    }
    pool = list(read_pool(corpora[PIANO], "test", RENDERING)[0])[::EVERY]
    heard = np.concatenate([embed_recording_onsets(encoders, piece, onsets, RENDERING) for piece, onsets in pool])
    found[DEGRADED] = measure(encoders, pool, corpora[PIANO], "mixed", heard)
    mrr = {name: result["audio_to_sheet"]["mrr"] for name, result in found.items()}
    return {"mrr": mrr, **record(encoders)}


def tables(results: dict[str, Any]) -> dict[str, str]:
    """``effects``: a row for each run, the base first."""
    runs = results["runs"]
    base = runs[BASE]["mrr"]
    rows: list[list[object]] = []
    for name in sorted(runs, key=lambda name: (name != BASE, name)):
        mrr = runs[name]["mrr"]
        cells = [f"{mrr[key]:.3f}" + ("" if name == BASE else f" ({mrr[key] - base[key]:+.3f})") for key in base]
        rows.append([name.replace("-", " "), *cells, f"{runs[name]['minutes']:.0f}"])
    return {"effects": table(["", *(f"MRR, {name}" for name in base), "minutes"], rows)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", type=Path)
    parser.add_argument("corpora", type=Path, nargs=2, help="of piano music, and of music for other instruments")
    parser.add_argument("--only", nargs="+", help="of the experiments: their names")
    parser.add_argument("--runs", type=Path, default=Path("runs/ablations"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = begin(None) | {"runs": {}}
    if given.json and given.json.exists():
        before = json.loads(given.json.read_text())
        results = before if before["revision"] == results["revision"] else results
    experiments = chosen(given.experiments, given.only and [BASE, *given.only])
    for name in sorted(experiments.keys() - results["runs"].keys(), key=lambda name: (name != BASE, name)):
        results["runs"][name] = run(experiments[name], given.runs, given.corpora)
        finish(results, tables(results), given.json)  # of what there is yet: all take hours


if __name__ == "__main__":
    main()
