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
from earmark.model.encoders import OnnxModel, Positions, find
from earmark.schema import FloatArray, Heads, Ink
from earmark.training.data.dataset import embed_recording_onsets, embed_snippets
from earmark.training.evaluation import metrics
from earmark.training.evaluation.evaluate import read_pool

MUSIC = {"piano": ("test", "musescore-0-0@1"), "other instruments": ("instruments-test", "musescore-score@1")}
"""Split and rendering of each."""


class WithoutHeads(OnnxModel):
    """A model to which the heads of systems are blank paper."""

    def embed_strip(self, ink: Ink, centres: Positions) -> tuple[FloatArray, FloatArray]:
        blank = Heads(np.zeros_like(ink.heads.ink), ink.heads.begins)
        return super().embed_strip(replace(ink, heads=blank), centres)


def measure(weights: Path, corpus: Path, split: str, rendering: str) -> dict[str, Any]:
    """Recall@1 in per cent and MRR from audio to sheet, with and without heads."""
    pool, _ = read_pool(corpus, split, rendering)
    model = OnnxModel(weights)
    heard = np.concatenate([embed_recording_onsets(model, piece, onsets, rendering) for piece, onsets in pool])
    found: dict[str, Any] = {"pieces": len(pool), "pairs": len(heard)}
    for way, reads in (("seen", model), ("hidden", WithoutHeads(weights))):
        seen = np.concatenate([embed_snippets(reads, piece, onsets) for piece, onsets in pool])
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
    weights = find(given.weights)
    corpora = (given.msmd, given.instruments)
    results["music"] = {
        music: measure(weights, corpus, *of) for (music, of), corpus in zip(MUSIC.items(), corpora, strict=True)
    }
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
