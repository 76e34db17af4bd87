"""What it gives to read the heads of systems: the paper's protocol with them, and with blank paper in their place.

    python -m experiments.analysis.heads WEIGHTS MSMD INSTRUMENTS --json RESULTS

The test pieces for piano of the corpus MSMD, and those for other instruments of INSTRUMENTS, on MuseScore General.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support.results import begin, finish, table
from earmark.model.encoders import Model, load
from earmark.schema import FloatArray, Heads
from earmark.training.data.dataset import TrainingPiece, embed_recording_onsets
from earmark.training.evaluation import metrics
from earmark.training.evaluation.evaluate import read_pool

MUSIC = {"piano": ("test", "musescore-0-0@1"), "other instruments": ("instruments-test", "musescore-score@1")}
"""Split and rendering of each."""


def snippets(model: Model, piece: TrainingPiece, onsets: metrics.Ranks, *, hidden: bool) -> FloatArray:
    """Unit embeddings of the snippets about some onsets; the heads of systems are seen or not."""
    ink = piece.ink()
    heads = Heads(np.zeros_like(ink.heads.ink), ink.heads.begins) if hidden else ink.heads
    return model.embed_strip(replace(ink, heads=heads), piece.onsets.x_px[onsets].astype(np.float64))[0]


def measure(model: Model, corpus: Path, split: str, rendering: str) -> dict[str, Any]:
    """Recall@1 in per cent and MRR from audio to sheet, with and without heads."""
    pool, _ = read_pool(corpus, split, rendering)
    heard = np.concatenate([embed_recording_onsets(model, piece, onsets, rendering) for piece, onsets in pool])
    found: dict[str, Any] = {"pieces": len(pool), "pairs": len(heard)}
    for way, hidden in (("seen", False), ("hidden", True)):
        seen = np.concatenate([snippets(model, piece, onsets, hidden=hidden) for piece, onsets in pool])
        scores = metrics.scores(metrics.ranks(heard, seen))
        found[way] = {"recall@1": scores.recall_at_1, "mrr": scores.mrr}
    return found


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The table of a results file."""
    rows = [
        [music, of["pieces"], *(f"{of[way]['recall@1']:.2f}, {of[way]['mrr']:.3f}" for way in ("seen", "hidden"))]
        for music, of in results["music"].items()
    ]
    return {"heads": table(["music", "test pieces", "heads seen: R@1, MRR", "heads hidden: R@1, MRR"], rows)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("msmd", type=Path)
    parser.add_argument("instruments", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = begin(given.weights)
    model = load(given.weights)
    corpora = (given.msmd, given.instruments)
    results["music"] = {
        music: measure(model, corpus, *of) for (music, of), corpus in zip(MUSIC.items(), corpora, strict=True)
    }
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
