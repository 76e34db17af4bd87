"""Weights and validation pieces -> how sure a search may be, written into the weights' ``model.json``.

Clips of the validation pieces, in a rendering never trained on, are searched among all training and validation pieces
of the corpus, once as they are and once with their own piece taken out: half of the queries have no right answer.
What `search.rank` says of each is what `search.fit_confidence` explains.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earmark.atomic import write_json
from earmark.embed import PLACE_HOP_PX, QUERY_HOP_FRAMES
from earmark.pages.strips import ink
from earmark.schema import AudioSpec, BadInput, FloatArray, SheetSpec
from earmark.search import NEIGHBOURS, Calibration, Neighbours, fit_confidence, rank
from earmark.training.pieces import TrainingPiece, read_pieces, read_splits
from earmark.weights import Encoders

CLIP_LENGTHS_S = (5.0, 10.0, 20.0, 40.0)
CLIPS_PER_PIECE_AND_LENGTH = 4
FLOOR_QUANTILE = 0.5


@dataclass(frozen=True)
class _Answer:
    """What a search said first: its score, its margin, over how many excerpts, and whether it was right."""

    score: float
    margin: float
    excerpts: int
    right: bool


class _Shelf:
    """All places of many pieces in one exact index."""

    def __init__(self, encoders: Encoders, pieces: list[TrainingPiece], report: Callable[[int, int], None]) -> None:
        import faiss

        self.index = faiss.IndexFlatIP(encoders.dimension)
        self.starts = [0]
        for done, piece in enumerate(pieces):
            report(done, len(pieces))
            centres = np.arange(PLACE_HOP_PX / 2, piece.strip.shape[1], PLACE_HOP_PX)
            self.index.add(encoders.embed_strip(ink(piece.strip), centres)[0])
            self.starts.append(self.index.ntotal)

    def nearest(self, vectors: FloatArray, without: int | None = None) -> Neighbours:
        """The nearest places, those of piece ``without`` taken out."""
        import faiss

        parameters = None
        if without is not None:
            own = faiss.IDSelectorRange(self.starts[without], self.starts[without + 1])
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorNot(own))  # type: ignore[call-arg]
        similarities, found = self.index.search(np.ascontiguousarray(vectors), NEIGHBOURS, params=parameters)
        pieces = np.searchsorted(self.starts, found, side="right") - 1
        return Neighbours(similarities, pieces, found - np.array(self.starts)[pieces])


def _clips(spectrogram: FloatArray) -> Iterator[FloatArray]:
    """Stretches of a spectrogram, evenly spread, of every length that fits."""
    for length_s in CLIP_LENGTHS_S:
        frames = int(length_s * AudioSpec().frames_per_second)
        if frames <= len(spectrogram):
            starts = np.linspace(0, len(spectrogram) - frames, CLIPS_PER_PIECE_AND_LENGTH).astype(int)
            for start in np.unique(starts):
                yield spectrogram[start : start + frames]


def calibrate(
    weights: Path,
    encoders: Encoders,
    corpus: Path,
    rendering: str,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Calibration:
    """Fit and write ``model.json["confidence"]`` of the weights in folder ``weights``; returns it.

    Raises BadInput when the corpus lacks a split or the rendering.
    """
    spec = AudioSpec()
    splits = read_splits(corpus)
    heard = read_pieces(corpus, splits["valid"], [rendering], spec, SheetSpec())
    shelf = _Shelf(encoders, [*heard, *read_pieces(corpus, splits["train"], [], spec, SheetSpec())], report)
    queries = []
    for own, piece in enumerate(heard):
        for clip in _clips(piece.audio[rendering].astype(np.float32)):
            centres = np.arange(QUERY_HOP_FRAMES / 2, len(clip), QUERY_HOP_FRAMES)
            vectors, _ = encoders.embed_audio(clip, centres)
            times_s = centres / spec.frames_per_second
            queries += [(own, vectors, times_s, without) for without in (None, own)]
    if not queries:
        raise BadInput(corpus, "no validation piece is long enough", "use a corpus with longer pieces")
    found = [shelf.nearest(vectors, without) for _, vectors, _, without in queries]
    floor = float(np.quantile(np.concatenate([neighbours.similarities[:, -1] for neighbours in found]), FLOOR_QUANTILE))
    unfitted = Calibration(floor, 0.0, 0.0, 0.0, 0.0, 0.5)
    answers = []
    for neighbours, (own, _, times_s, without) in zip(found, queries, strict=True):
        ranked = rank(neighbours, times_s, PLACE_HOP_PX, unfitted, top=1)
        for first in ranked:
            right = without is None and first.piece == own
            answers.append(_Answer(first.score, first.margin, len(times_s), right))
    calibration = fit_confidence(
        np.array([answer.score for answer in answers], np.float32),
        np.array([answer.margin for answer in answers], np.float32),
        np.array([answer.excerpts for answer in answers]),
        np.array([answer.right for answer in answers]),
        floor,
    )
    _write(weights / "model.json", calibration)
    return calibration


def _write(path: Path, calibration: Calibration) -> None:
    about: dict[str, Any] = json.loads(path.read_text())
    about["confidence"] = asdict(calibration)
    write_json(path, about)
