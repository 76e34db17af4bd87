"""What wrong answers are like, by the paper's protocol, audio → sheet: their kinds, and the worst of them one by one.

    python -m experiments.analysis.errors earmark-2 data/msmd

An answer is *hopeless* to avoid when the music is the same as far as both the sound and the wrong snippet reach. A
worst query is one whose right snippet comes last.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support.results import begin, finish, table
from earmark.corpus.format import work_of
from earmark.model.encoders import load
from earmark.schema import AudioSpec, SheetSpec
from earmark.training.data.ambiguity import Windows, context_of, indistinguishable, within
from earmark.training.data.dataset import TrainingPiece
from earmark.training.evaluation import metrics
from earmark.training.evaluation.ceiling import Pool
from earmark.training.evaluation.evaluate import embed_pool, read_pool

NEAR = 3  # onsets to each side
KINDS = (
    "another work",
    "another piece of the work",
    "a neighbouring onset",
    "elsewhere in the piece, hopeless",
    f"elsewhere in the piece, the same for {NEAR} onsets to each side",
    f"elsewhere in the piece, different within {NEAR} onsets",
)


@dataclass(frozen=True)
class Place:
    """An onset of a piece: what it is asked or answered with."""

    piece: TrainingPiece
    onset: int

    def __str__(self) -> str:
        return f"{self.piece.name} at {self.piece.onsets.time_s[self.onset]:.1f} s"


class Judge:
    """Names the kind of a wrong answer; what it needs of a piece is worked out once."""

    def __init__(self, rendering: str) -> None:
        self.rendering = rendering
        self.known: dict[str, tuple[Windows, Windows]] = {}

    def kind(self, asked: Place, answered: Place) -> str:
        """One of `KINDS`."""
        if asked.piece is not answered.piece:
            return KINDS[work_of(asked.piece.name) == work_of(answered.piece.name)]
        if abs(asked.onset - answered.onset) <= 1:
            return KINDS[2]
        excerpts, snippets = self._windows(asked.piece)
        heard, shown = excerpts.at(np.array([asked.onset])), snippets.at(np.array([answered.onset]))
        if indistinguishable(heard, shown).all():
            return KINDS[3]
        near = Windows(heard.context, heard.onsets.clip(max=NEAR))
        return KINDS[4] if indistinguishable(near, shown).all() else KINDS[5]

    def _windows(self, piece: TrainingPiece) -> tuple[Windows, Windows]:
        """The excerpts and the snippets about all onsets of a piece."""
        if piece.name not in self.known:
            music = context_of(piece.onsets.time_s, piece.notes.time_s, piece.notes.pitch)
            frame = piece.audio_s(self.rendering, piece.onsets.time_s) * AudioSpec().frames_per_second
            heard = within(frame, AudioSpec().window_frames / 2)
            shown = within(piece.onsets.x_px, SheetSpec().window_px / 2)
            self.known[piece.name] = Windows(music, heard), Windows(music, shown)
        return self.known[piece.name]


def places_of(pool: Pool) -> list[Place]:
    """The pairs of a pool, in order."""
    return [Place(piece, int(onset)) for piece, onsets in pool for onset in onsets]


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The kinds of wrong answers, and the worst queries."""
    kinds = [[one["kind"], f"{one['share']:.2%}", f"{one['median_rank']:g}"] for one in results["kinds"]]
    worst = [[one["asked"], one["rank"], one["answered"], one["kind"]] for one in results["worst"]]
    return {
        "kinds": table(["the first answer is in", "of all queries", "the right one's rank, median"], kinds),
        "worst": table(["asked", "rank", "answered", "kind"], worst),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--rendering", default="musescore-0-0@1", metavar="PIANO@TEMPO")
    parser.add_argument("--worst", type=int, default=50, help="How many queries to list.")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = begin(arguments.model)
    pool, _ = read_pool(arguments.corpus, arguments.split, arguments.rendering)
    audio, sheet = embed_pool(load(arguments.model), pool, arguments.rendering, lambda done, total: None)
    ranks, best, places = metrics.ranks(audio, sheet), metrics.nearest(audio, sheet), places_of(pool)
    judge = Judge(arguments.rendering)
    kinds = {int(i): judge.kind(places[i], places[best[i]]) for i in np.flatnonzero(ranks > 1)}
    counts = Counter(kinds.values())
    results["kinds"] = [
        {
            "kind": kind,
            "share": counts[kind] / len(ranks),
            "median_rank": float(np.median([ranks[i] for i in kinds if kinds[i] == kind])),
        }
        for kind in KINDS
        if counts[kind]
    ]
    results["worst"] = [
        {"asked": str(places[i]), "rank": int(ranks[i]), "answered": str(places[best[i]]), "kind": kinds[i]}
        for i in sorted(kinds, key=lambda i: -ranks[i])[: arguments.worst]
    ]
    finish(results, tables(results), arguments.json)


if __name__ == "__main__":
    main()
