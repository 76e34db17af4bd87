"""Which encoder do the errors come from? The paper's protocol between two renderings of the same pieces, without pages.

    python -m experiments.analysis.sides earmark-2 data/msmd

If one performance finds the other much more often than either finds the page, the audio encoder is better than the
sheet encoder. The last column is of those queries alone whose snippet is the only one of its music, for which no
context is needed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.support.results import table
from earmark.model.encoders import load
from earmark.schema import AudioSpec, SheetSpec
from earmark.training.data.dataset import embed_recording_onsets, read_pieces
from earmark.training.evaluation import metrics
from earmark.training.evaluation.ceiling import alike
from earmark.training.evaluation.evaluate import embed_pool, read_pool

RENDERINGS = ("timgm6mb-0-2@1", "timgm6mb-0-2~1@1")
"""As written, and as somebody played and recorded it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--split", default="valid")
    parser.add_argument("--renderings", nargs=2, default=RENDERINGS, metavar="PIANO@TEMPO")
    parser.add_argument(
        "--pieces", type=int, help="at most so many, evenly taken: the fewer, the denser the candidates"
    )
    arguments = parser.parse_args()
    encoders, (one, other) = load(arguments.model), arguments.renderings
    pool, _ = read_pool(arguments.corpus, arguments.split, one, arguments.pieces)
    heard, seen = embed_pool(encoders, pool, one, lambda done, total: None)
    names = [piece.name for piece, _ in pool]
    again = {piece.name: piece for piece in read_pieces(arguments.corpus, names, [other], AudioSpec(), SheetSpec())}
    repeated = np.concatenate(
        [embed_recording_onsets(encoders, again[piece.name], onsets, other) for piece, onsets in pool]
    )
    single = alike(pool, SheetSpec())[0] == 1
    rows = []
    for words, queries, candidates in (
        (f"{one} → sheet", heard, seen),
        (f"{other} → sheet", repeated, seen),
        (f"{one} → {other}", heard, repeated),
    ):
        ranks = metrics.ranks(queries, candidates)
        scores, of_single = metrics.scores(ranks), 100 * np.mean(ranks[single] == 1)
        rows.append([words, f"{scores.recall_at_1:.2f}", f"{scores.mrr:.3f}", scores.candidates, f"{of_single:.2f}"])
    print(table(["", "R@1", "MRR", "candidates", "R@1 where only one fits"], rows))


if __name__ == "__main__":
    main()
