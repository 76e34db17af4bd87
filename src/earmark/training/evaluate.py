"""Weights and a corpus split -> the paper's retrieval figures (Section 3), with intervals.

The window is strict: an embedding depends on the 168 frames and the 100 strip px around its onset and on nothing else
(a property of the encoders that the tests hold), so whole pieces are encoded once instead of window by window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from earmark.pages.strips import ink
from earmark.schema import AudioSpec, BadInput, SheetSpec
from earmark.training import metrics
from earmark.training.pieces import evenly_taken, read_pieces, read_splits, rendering_name
from earmark.weights import Encoders

CANDIDATES = 10_000
RECORD = ("pairs", "minutes", "refined_pairs", "hardware", "revision")


def evaluate(
    encoders: Encoders,
    corpus: Path,
    split: str,
    piano: str,
    tempo: float,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Both directions over ``CANDIDATES`` pairs taken evenly from all windows inside the pieces of a split.

    ``report`` gets pieces done and in all. The result holds ``audio_to_sheet`` and ``sheet_to_audio`` (recall in
    percent, MRR, median rank, candidates, 95 % bootstrap intervals over pieces), what was measured on, and how the
    weights were made, as far as they say. The pairs are the same whatever the encoders' own windows: those whose 168
    frames and 100 strip px lie inside their piece.
    Raises BadInput when the corpus lacks the split or the rendering.
    """
    audio, sheet = AudioSpec(), SheetSpec()
    splits = read_splits(corpus)
    if split not in splits:
        raise BadInput(corpus / "splits.json", f"no split {split!r}", f"choose one of {', '.join(splits)}")
    rendering = rendering_name(piano, tempo)
    pieces = read_pieces(corpus, splits[split], [rendering], audio, sheet)
    taken = evenly_taken(pieces, rendering, tempo, CANDIDATES, audio, sheet)
    heard, seen, owner = [], [], []
    for number, (piece, onsets) in enumerate(zip(pieces, taken, strict=True)):
        report(number, len(pieces))
        if not len(onsets):
            continue
        frame = piece.onsets.time_s[onsets] / tempo * audio.frames_per_second
        heard.append(encoders.embed_audio(piece.audio[rendering].astype(np.float32), frame)[0])
        seen.append(encoders.embed_strip(ink(piece.strip), piece.onsets.x_px[onsets].astype(np.float64))[0])
        owner.append(np.full(len(onsets), number))
    report(len(pieces), len(pieces))
    queries, candidates, owners = np.concatenate(heard), np.concatenate(seen), np.concatenate(owner)
    made = encoders.training
    recipe = made.get("recipe") or made.get("experiment") or {}
    result: dict[str, Any] = {
        "model": encoders.model_id,
        "training": {"seed": recipe.get("seed"), **{key: made.get(key) for key in RECORD}},
        "split": split,
        "piano": piano,
        "tempo": tempo,
        "pieces": len(heard),
        "pieces_missing": len(splits[split]) - len(pieces),
    }
    for direction, one, other in (
        ("audio_to_sheet", queries, candidates),
        ("sheet_to_audio", candidates, queries),
    ):
        found = metrics.ranks(one, other)
        intervals = metrics.bootstrap(found, owners)
        result[direction] = {
            **metrics.scores(found).to_dict(),
            "interval_95": {name: list(asdict(interval).values()) for name, interval in intervals.items()},
        }
    return result
