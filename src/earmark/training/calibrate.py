"""Weights and validation pieces -> how sure a search may be, written into the weights' ``model.json``.

Clips of the validation pieces, in a rendering never trained on, are searched among all training and validation pieces
of the corpus, once as they are and once with their own piece taken out: half of the queries have no right answer.
What `search.rank` says of each is what `search.fit_confidence` explains.

The other way, stretches of the validation pieces' strips are searched among recordings of parts of these pieces.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from earmark.atomic import write_json
from earmark.embed import PLACE_HOP_PX, QUERY_HOP_FRAMES
from earmark.pages.strips import ink
from earmark.schema import AudioSpec, BadInput, FloatArray, SheetSpec
from earmark.search import LOOKING_UP, NEIGHBOURS, Calibration, Neighbours, fit_confidence, rank
from earmark.training.pieces import TrainingPiece, read_pieces, read_splits
from earmark.weights import Encoders

CLIP_LENGTHS_S = (5.0, 10.0, 20.0, 40.0)
CLIPS_PER_PIECE_AND_LENGTH = 4
FLOOR_QUANTILE = 0.5
STRETCH_PX = 2400
"""Strip px of a question that is sheet music: about a page."""
PART_S = 60.0
"""Longest recording among which such questions are searched: it may play less than the stretch, or other bars."""
RECORDINGS_FLOOR = 0.4


@dataclass(frozen=True)
class _Answer:
    """What a search said first: its score, its margin, over how many excerpts, and whether it was right."""

    score: float
    margin: float
    excerpts: int
    right: bool


class _Shelf:
    """All places, or excerpts, of many pieces in one exact index; an array [n, dimension] of each."""

    def __init__(self, dimension: int, pieces: Iterable[FloatArray]) -> None:
        import faiss

        self.index = faiss.IndexFlatIP(dimension)
        self.starts = [0]
        for vectors in pieces:
            self.index.add(vectors)
            self.starts.append(self.index.ntotal)

    def piece(self, number: int) -> FloatArray:
        """All vectors of one piece."""
        start, end = self.starts[number : number + 2]
        vectors: FloatArray = self.index.reconstruct_n(start, end - start)
        return vectors

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


def _places(
    encoders: Encoders, pieces: Sequence[TrainingPiece], report: Callable[[int, int], None]
) -> Iterator[FloatArray]:
    for done, piece in enumerate(pieces):
        report(done, len(pieces))
        centres = np.arange(PLACE_HOP_PX / 2, piece.strip.shape[1], PLACE_HOP_PX)
        yield encoders.embed_strip(ink(piece.strip), centres)[0]


def _parts(encoders: Encoders, pieces: Sequence[TrainingPiece], rendering: str) -> Iterator[FloatArray]:
    """The excerpts of the middle of every piece's rendering."""
    for piece in pieces:
        spectrogram = piece.audio[rendering].astype(np.float32)
        frames = int(PART_S * AudioSpec().frames_per_second)
        start = max(0, (len(spectrogram) - frames) // 2)
        part = spectrogram[start : start + frames]
        yield encoders.embed_audio(part, np.arange(QUERY_HOP_FRAMES / 2, len(part), QUERY_HOP_FRAMES))[0]


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
    pieces = [*heard, *read_pieces(corpus, splits["train"], [], spec, SheetSpec())]
    shelf = _Shelf(encoders.dimension, _places(encoders, pieces, report))
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
    recordings = _Shelf(encoders.dimension, _parts(encoders, heard, rendering))
    calibration = replace(_fit(answers, floor), recordings=_fit_recordings(shelf, recordings))
    _write(weights / "model.json", calibration)
    return calibration


def _fit_recordings(places: _Shelf, recordings: _Shelf) -> Calibration | None:
    """The calibration of sheet music among recordings; None where these pieces cannot tell right from wrong."""
    unfitted = Calibration(RECORDINGS_FLOOR, 0.0, 0.0, 0.0, 0.0, 0.5)
    hop_s = QUERY_HOP_FRAMES / AudioSpec().frames_per_second
    answers = []
    for own in range(len(recordings.starts) - 1):
        vectors = places.piece(own)
        for start in range(0, len(vectors), STRETCH_PX // PLACE_HOP_PX):
            stretch = vectors[start : start + STRETCH_PX // PLACE_HOP_PX]
            positions = np.arange(len(stretch), dtype=np.float64) * PLACE_HOP_PX
            for without in (None, own):
                neighbours = recordings.nearest(stretch, without)
                for first in rank(neighbours, positions, hop_s, unfitted, 1, LOOKING_UP):
                    right = without is None and first.piece == own
                    answers.append(_Answer(first.score, first.margin, len(stretch), right))
    if len({answer.right for answer in answers}) < 2:
        return None
    return _fit(answers, RECORDINGS_FLOOR)


def _fit(answers: Sequence[_Answer], floor: float) -> Calibration:
    return fit_confidence(
        np.array([answer.score for answer in answers], np.float32),
        np.array([answer.margin for answer in answers], np.float32),
        np.array([answer.excerpts for answer in answers]),
        np.array([answer.right for answer in answers]),
        floor,
    )


def _write(path: Path, calibration: Calibration) -> None:
    about: dict[str, Any] = json.loads(path.read_text())
    about["confidence"] = asdict(calibration)
    write_json(path, about)
