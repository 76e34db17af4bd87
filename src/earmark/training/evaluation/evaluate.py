"""Weights and a corpus split → the paper's retrieval figures (Section 3), with intervals.

The window is strict: an embedding depends on the 168 frames, or the 100 strip px and the head of their system, around
its onset and on nothing else (a property of the encoders that the tests hold), so whole pieces are encoded once instead
of window by window.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.corpus.format import SPLITS, read_splits, rendering_name, work_of
from earmark.errors import BadInput
from earmark.files import write_json
from earmark.model.encoders import Model
from earmark.schema import AudioSpec, FloatArray, SheetSpec
from earmark.training.data.dataset import embed_recording_onsets, embed_snippets, evenly_taken, read_pieces
from earmark.training.evaluation import metrics
from earmark.training.evaluation.ceiling import Pool, alike, ceiling

CANDIDATES = 10_000
OF_ALL_TEMPI = ("model", "training", "split", "piano")
PROVENANCE = ("pairs", "minutes", "refined_pairs", "hardware", "revision")


def evaluate(
    model: Model,
    corpus: Path,
    split: str,
    piano: str,
    tempo: float,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Both directions over ``CANDIDATES`` pairs taken evenly from all windows inside the pieces of a split.

    ``report`` gets pieces done and in all. The result says what was measured on, how the weights were made as far as
    they say, and of ``audio_to_sheet`` and ``sheet_to_audio``:

    - recall in percent, MRR, median rank, candidates, 95 % bootstrap intervals over pieces;
    - recall@1 that also counts the right piece's neighbouring onsets, and its other ones;
    - where the first candidate is when it is wrong, in percent of all queries;
    - what a perfect system would reach;
    - recall@1 and MRR of the pieces whose work (`earmark.corpus.format.work_of`) has pieces in the training split, and
      of those whose work has none.

    The pairs are the same whatever the model's own windows: those whose 168 frames and 100 strip px lie inside their
    piece. Raises BadInput when the corpus lacks the split or the rendering.
    """
    rendering = rendering_name(piano, tempo)
    pool, missing = read_pool(corpus, split, rendering)
    audio, sheet = embed_pool(model, pool, rendering, report)
    pairs = Pairs.of(pool, read_splits(corpus).get("train", []))
    to_sheet, to_audio = alike(pool, SheetSpec())
    made = model.training
    recipe = made.get("recipe") or made.get("experiment") or {}
    return {
        "model": model.model_id,
        "training": {"seed": made.get("seeds") or recipe.get("seed"), **{key: made.get(key) for key in PROVENANCE}},
        "split": split,
        "piano": piano,
        "tempo": tempo,
        "pieces": len(pool),
        "pieces_missing": missing,
        "audio_to_sheet": judge(audio, sheet, pairs, to_sheet),
        "sheet_to_audio": judge(sheet, audio, pairs, to_audio),
    }


def write_result(path: Path, result: Mapping[str, Any], log: Path | None = None) -> None:
    """Put what `evaluate` returned into the file of its model, beside what that holds of other tempi.

    The file: ``model``, ``training``, ``split``, ``piano``; ``tempi``, for each of which ``pieces``, ``pieces_missing``
    and both directions; and with ``log``, a run's ``log.jsonl``, ``curve``, its steps that were validated. Raises
    BadInput when the file is of other weights, another split or another piano.
    """
    written: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    about = {key: result[key] for key in OF_ALL_TEMPI}
    for key in ("model", "split", "piano"):
        if written.get(key, about[key]) != about[key]:
            raise BadInput(path, f"is of the {key} {written[key]}", "remove it, or write to another file")
    found = {key: value for key, value in result.items() if key not in (*OF_ALL_TEMPI, "tempo")}
    tempi = {**written.get("tempi", {}), f"{result['tempo']:g}": found}
    curve = written.get("curve")
    if log is not None:
        steps = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        curve = [step for step in steps if step["validation"]]
    whole = {**about, "tempi": dict(sorted(tempi.items(), key=lambda item: float(item[0])))}
    write_json(path, {**whole, "curve": curve} if curve else whole)


def read_pool(corpus: Path, split: str, rendering: str, at_most: int | None = None) -> tuple[Pool, int]:
    """The pieces of a split with their onsets that are among the `CANDIDATES` pairs, and how many pieces are missing.

    ``at_most`` so many pieces are asked for, evenly taken from the split's list. Raises BadInput when the corpus lacks
    the split or the rendering.
    """
    audio, sheet = AudioSpec(), SheetSpec()
    splits = read_splits(corpus)
    if split not in splits:
        raise BadInput(corpus / SPLITS, f"no split {split!r}", f"choose one of {', '.join(splits)}")
    names = splits[split]
    if at_most is not None and at_most < len(names):
        names = [names[i] for i in np.linspace(0, len(names) - 1, at_most).astype(int)]
    pieces = read_pieces(corpus, names, [rendering], audio, sheet)
    taken = evenly_taken(pieces, [rendering] * len(pieces), CANDIDATES, audio, sheet)
    pool = [(piece, onsets) for piece, onsets in zip(pieces, taken, strict=True) if len(onsets)]
    return pool, len(names) - len(pieces)


def embed_pool(
    model: Model, pool: Pool, rendering: str, report: Callable[[int, int], None]
) -> tuple[FloatArray, FloatArray]:
    """Unit embeddings of the audio and of the snippets of all pairs, both float32 [pairs, dimension]."""
    audio, sheet = [], []
    for number, (piece, onsets) in enumerate(pool):
        report(number, len(pool))
        audio.append(embed_recording_onsets(model, piece, onsets, rendering))
        sheet.append(embed_snippets(model, piece, onsets))
    report(len(pool), len(pool))
    return np.concatenate(audio), np.concatenate(sheet)


@dataclass(frozen=True)
class Pairs:
    """What the pairs are of, all [pairs]: ``piece`` and ``onset`` int64 by number, ``work`` by name, and whether that
    work has pieces in training."""

    piece: npt.NDArray[np.int64]
    onset: npt.NDArray[np.int64]
    work: npt.NDArray[np.str_]
    is_trained: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, pool: Pool, trained: Iterable[str]) -> Pairs:
        """``trained`` names the pieces of the training split."""
        piece = np.repeat(np.arange(len(pool)), [len(onsets) for _, onsets in pool])
        works = np.array([work_of(piece.name) for piece, _ in pool])[piece]
        known = np.isin(works, [work_of(name) for name in trained])
        return cls(piece, np.concatenate([onsets for _, onsets in pool]), works, known)


def judge(queries: FloatArray, candidates: FloatArray, pairs: Pairs, answers: npt.NDArray[np.int64]) -> dict[str, Any]:
    """One direction of `evaluate`; ``answers`` int64 [pairs] as `alike` counts them."""
    found = metrics.ranks(queries, candidates)
    best = metrics.nearest(queries, candidates)
    intervals = metrics.bootstrap(found, pairs.piece)
    wrong = found > 1
    same_piece = pairs.piece[best] == pairs.piece
    near = same_piece & (np.abs(pairs.onset[best] - pairs.onset) <= 1)
    same_work = pairs.work[best] == pairs.work
    return {
        **metrics.scores(found).to_dict(),
        "interval_95": {name: list(asdict(interval).values()) for name, interval in intervals.items()},
        "recall@1_within_one_onset": percent(near | ~wrong),
        "piece_hit@1": percent(same_piece),
        "errors": {
            "neighbouring_onset": percent(wrong & near),
            "elsewhere_in_the_piece": percent(wrong & same_piece & ~near),
            "another_piece_of_the_work": percent(wrong & same_work & ~same_piece),
            "another_work": percent(wrong & ~same_work),
        },
        "ceiling": ceiling(answers),
        "work_in_training": group(found[pairs.is_trained], pairs.piece[pairs.is_trained]),
        "work_not_in_training": group(found[~pairs.is_trained], pairs.piece[~pairs.is_trained]),
    }


def group(found: metrics.Ranks, owners: npt.NDArray[np.int64]) -> dict[str, float]:
    """Recall@1 and MRR of some of the queries, each against all candidates; only the counts if there are none."""
    counts = {"pieces": len(np.unique(owners)), "queries": len(found)}
    if not len(found):
        return {**counts}
    scores = metrics.scores(found)
    return {**counts, "recall@1": scores.recall_at_1, "mrr": scores.mrr}


def percent(right: npt.NDArray[np.bool_]) -> float:
    return float(100 * right.mean())
