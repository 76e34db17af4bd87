"""Weights and validation pieces → how sure a search may be, written into the weights' ``model.json``.

Clips of the validation pieces, the whole of them, and both between talking and applause are the queries, in a rendering
never trained on, every second one as if badly recorded. They are searched in a large library (all training and
validation pieces of the corpus) and in a small one (the validation pieces), in each once with and once without their
own piece: half of the queries have no right answer. What `earmark.search.rank` says first of each is what
`earmark.training.evaluation.confidence` explains.

Two libraries, because the smaller a library is, the nearer the best wrong place lies to the background: one library
alone would promise too much for others. What is printed is of pieces that were not fitted on: the validation pieces are
halved twenty times, and each half is judged by what the other says.

The other way, stretches of the validation pieces' strips are searched among recordings of parts of these pieces.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from earmark.audio.noise import SAMPLE_RATE_HZ as RATE_HZ
from earmark.audio.noise import applause, babble
from earmark.audio.spectrogram import spectrogram
from earmark.corpus.format import read_splits
from earmark.embed.recording import EmbeddedRecording
from earmark.embed.windows import PLACE_HOP_PX, QUERY_HOP_FRAMES, centres_between
from earmark.errors import BadInput
from earmark.files import write_json
from earmark.model.calibration import Calibration
from earmark.model.encoders import Model
from earmark.schema import AudioSpec, FloatArray, SheetSpec
from earmark.search.index import Neighbours
from earmark.search.query import Query, query_of
from earmark.search.rank import NEIGHBOURS, PACES, rank
from earmark.sheet.strips import ink
from earmark.training.data.augment_audio import augment_audio
from earmark.training.data.chances import Chances
from earmark.training.data.dataset import TrainingPiece, read_pieces
from earmark.training.evaluation.confidence import Answer, Promise, Trial, fit, promises, try_out

CLIP_LENGTHS_S = (5.0, 10.0, 20.0, 40.0)
CLIPS_PER_PIECE_AND_LENGTH = 4
AMONG_NOISE_S = 20.0
"""Length of the clips that are also queries between talking and applause."""
MOST_NOISE_S = 60.0
EXCERPTS_PER_BACKGROUND = 8
STRETCH_PX = 2400
"""Strip px of a query that is sheet music: about a page."""
PART_S = 60.0
"""Longest recording among which such queries are searched: it may play less than the stretch, or other bars."""
RECORDINGS_FLOOR = 0.4
SEED = 5


@dataclass(frozen=True)
class Calibrated:
    """What was written, and what holds of it for pieces that it was not fitted on."""

    calibration: Calibration
    trial: Trial
    promises: Sequence[Promise]


@dataclass(frozen=True)
class _Labelled:
    """A query of a ``kind``, and the number of the piece that is right."""

    own: int
    kind: str
    query: Query


class _Index:
    """All places, or excerpts, of many pieces in one exact index; an array [n, dimension] of each."""

    def __init__(self, dimension: int, pieces: Iterable[FloatArray]) -> None:
        import faiss

        self.index = faiss.IndexFlatIP(dimension)
        self.starts = [0]
        for embeddings in pieces:
            self.index.add(embeddings)
            self.starts.append(self.index.ntotal)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def piece(self, number: int) -> FloatArray:
        """All embeddings of one piece."""
        start, end = self.starts[number : number + 2]
        embeddings: FloatArray = self.index.reconstruct_n(start, end - start)
        return embeddings

    def backgrounds(self, embeddings: FloatArray) -> FloatArray:
        """How near the farthest of the nearest places is to each, float32 [n]."""
        similarities, _ = self.index.search(embeddings, min(NEIGHBOURS, self.index.ntotal))
        farthest: FloatArray = similarities[:, -1]
        return farthest

    def nearest(self, embeddings: FloatArray, own: int) -> dict[bool, Neighbours]:
        """True: the nearest places; False: the nearest that are not of piece ``own``."""
        count = self.starts[own + 1] - self.starts[own]
        similarities, found = self.index.search(embeddings, min(NEIGHBOURS + count, self.index.ntotal))
        pieces = np.searchsorted(self.starts, found, side="right") - 1
        every = Neighbours(similarities, pieces, found - np.array(self.starts)[pieces])
        others_first = np.argsort(pieces == own, axis=1, kind="stable")[:, : min(NEIGHBOURS, self.index.ntotal - count)]
        nearest_first = np.broadcast_to(np.arange(NEIGHBOURS), (len(embeddings), NEIGHBOURS))[:, : found.shape[1]]
        return {True: _columns(every, nearest_first), False: _columns(every, others_first)}


def _columns(neighbours: Neighbours, chosen: npt.NDArray[np.int64]) -> Neighbours:
    return Neighbours(
        np.take_along_axis(neighbours.similarities, chosen, axis=1),
        np.take_along_axis(neighbours.pieces, chosen, axis=1),
        np.take_along_axis(neighbours.places, chosen, axis=1),
    )


def _places(model: Model, pieces: Sequence[TrainingPiece], report: Callable[[int], None]) -> Iterator[FloatArray]:
    for done, piece in enumerate(pieces):
        report(done)
        yield model.embed_strip(ink(piece.strip), centres_between(0, piece.strip.shape[2], PLACE_HOP_PX))[0]


def _parts(model: Model, pieces: Sequence[TrainingPiece], rendering: str) -> Iterator[FloatArray]:
    """The excerpts of the middle of every piece's rendering."""
    for piece in pieces:
        spectrogram = piece.audio[rendering].astype(np.float32)
        frames = int(PART_S * AudioSpec().frames_per_second)
        start = max(0, (len(spectrogram) - frames) // 2)
        part = spectrogram[start : start + frames]
        yield model.embed_audio(part, centres_between(0, len(part), QUERY_HOP_FRAMES))[0]


def _queries(model: Model, pieces: Sequence[TrainingPiece], rendering: str) -> Iterator[_Labelled]:
    """Clips of every length that fits, evenly spread, whole pieces, and both among noise; every second one badly
    recorded."""
    rng, badly = np.random.default_rng(SEED), False
    for own, piece in enumerate(pieces):
        for kind, clip in _clips(rng, piece.audio[rendering].astype(np.float32)):
            yield _Labelled(own, kind, _query(model, _badly_recorded(rng, clip) if badly else clip))
            badly = not badly


def _clips(rng: np.random.Generator, whole: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """The clips of one piece, and of which kind they are: spectrograms [frames, bands]."""
    for length_s in CLIP_LENGTHS_S:
        frames = int(length_s * AudioSpec().frames_per_second)
        last = len(whole) - frames
        starts = np.linspace(0, last, CLIPS_PER_PIECE_AND_LENGTH) if last >= 0 else np.zeros(0)
        clips = [whole[start : start + frames] for start in np.unique(starts.astype(int))]
        yield from ((f"{length_s:g} s", clip) for clip in clips)
        if length_s == AMONG_NOISE_S:
            yield from ((f"{length_s:g} s among noise", _among_noise(rng, clip)) for clip in clips)
    yield "whole", whole
    yield "whole among noise", _among_noise(rng, whole)


def _among_noise(rng: np.random.Generator, clip: FloatArray) -> FloatArray:
    """Talking before and applause after, up to a minute of each, soft or loud."""
    kinds = (babble, applause)
    before, after = (
        spectrogram(rng.uniform(0.01, 0.3) * _to_unit(make(rng, round(rng.uniform(1, MOST_NOISE_S) * RATE_HZ))))
        for make in kinds
    )
    return np.concatenate([before, clip, after])


def _to_unit(samples: FloatArray) -> FloatArray:
    """The same with a root mean square of 1."""
    scaled: FloatArray = samples / np.sqrt(np.mean(samples**2))
    return scaled


def _badly_recorded(rng: np.random.Generator, spectrogram: FloatArray) -> FloatArray:
    clip = torch.from_numpy(spectrogram[None])
    out: FloatArray = augment_audio(Chances(rng), clip, clip)[0].numpy()
    return out


def _query(model: Model, spectrogram: FloatArray) -> Query:
    """What `earmark.search.query` makes of a recording with this spectrogram."""
    centres = centres_between(0, len(spectrogram), QUERY_HOP_FRAMES)
    rate = AudioSpec().frames_per_second
    embeddings, _ = model.embed_audio(spectrogram, centres)
    return query_of(EmbeddedRecording(embeddings, centres / rate, len(spectrogram) / rate))


def calibrate(
    weights: Path,
    model: Model,
    corpus: Path,
    rendering: str,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Calibrated:
    """Fit and write ``model.json["confidence"]`` of the weights in folder ``weights``.

    ``report`` is told how many pieces and queries are done, and of how many. Raises BadInput when the corpus lacks a
    split or the rendering, or has too few validation pieces.
    """
    spec = AudioSpec()
    splits = read_splits(corpus)
    valid = read_pieces(corpus, splits["valid"], [rendering], spec, SheetSpec())
    pieces = [*valid, *read_pieces(corpus, splits["train"], [], spec, SheetSpec())]
    queries = list(_queries(model, valid, rendering))
    if len({one.own for one in queries}) < 2:
        raise BadInput(corpus, "has fewer than two validation pieces", "use a corpus with more")
    total = len(pieces) + len(queries)
    large = _Index(model.dimension, _places(model, pieces, lambda done: report(done, total)))
    small = _Index(model.dimension, map(large.piece, range(len(valid))))
    sample = np.concatenate([one.query.embeddings for one in queries])[::EXCERPTS_PER_BACKGROUND]
    floor = float(np.median(large.backgrounds(sample)))
    answers = []
    for done, one in enumerate(queries, start=len(pieces)):
        report(done, total)
        answers += [answer for index in (large, small) for answer in _answers(index, one, floor)]
    calibration = replace(
        fit(answers, floor),
        recordings=_fit_recordings(large, _Index(model.dimension, _parts(model, valid, rendering))),
    )
    _write(weights / "model.json", calibration)
    trial = try_out(answers, floor)
    return Calibrated(calibration, trial, promises(trial))


def _answers(index: _Index, labelled: _Labelled, floor: float) -> Iterator[Answer]:
    """What is said first, with the piece that is right and without."""
    query = labelled.query
    for present, neighbours in index.nearest(query.embeddings, labelled.own).items():
        ranked = query.rank(neighbours, "score", _unfitted(floor), top=1)
        if ranked:
            yield Answer(ranked[0], len(query.embeddings), labelled.own, present, len(index), labelled.kind)


def _fit_recordings(places: _Index, recordings: _Index) -> Calibration | None:
    """The calibration of sheet music among recordings; None where these pieces cannot tell right from wrong."""
    unfitted, hop_s = _unfitted(RECORDINGS_FLOOR), QUERY_HOP_FRAMES / AudioSpec().frames_per_second
    answers = []
    for own in range(len(recordings)):
        embeddings = places.piece(own)
        for start in range(0, len(embeddings), STRETCH_PX // PLACE_HOP_PX):
            stretch = embeddings[start : start + STRETCH_PX // PLACE_HOP_PX]
            positions = np.arange(len(stretch), dtype=np.float64) * PLACE_HOP_PX
            for present, neighbours in recordings.nearest(stretch, own).items():
                for first in rank(neighbours, positions, hop_s, unfitted, 1, PACES["score", "recording"]):
                    answers.append(Answer(first, len(stretch), own, present, len(recordings), "stretch"))
    return fit(answers, RECORDINGS_FLOOR) if len({answer.right for answer in answers}) == 2 else None


def _unfitted(floor: float) -> Calibration:
    return Calibration(floor, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5)


def _write(path: Path, calibration: Calibration) -> None:
    about: dict[str, Any] = json.loads(path.read_text())
    about["confidence"] = asdict(calibration)
    write_json(path, about)
