"""Weights and validation pieces → how sure a search may be, written into the weights' folder.

Questions about the validation pieces (`earmark.training.evaluation.questions`) are asked of libraries of many sizes
(`earmark.training.evaluation.libraries`), of each once with the piece that is asked for, in one or two editions, and
once without: half of the questions have no right answer. What `earmark.search` says first of each is what
`earmark.training.evaluation.confidence` explains. What is printed is of pieces that were not fitted on: the validation
pieces are halved at random, and each half is judged by what the other says.

Of every validation split up to `MOST_PIECES` are taken, so that no kind of music outweighs another by its number.

The other way, stretches of the validation pieces' strips are searched among recordings of parts of these pieces.

The background (`earmark.model.calibration.Background`) is that of the training pieces' pages and of the validation
pieces' recordings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.corpus.format import MIDI, audio_file
from earmark.embed.windows import PLACE_HOP_PX, QUERY_HOP_FRAMES, centres_between
from earmark.errors import BadInput
from earmark.files import replacing, write_json
from earmark.model.calibration import Background, Calibration, Confidence
from earmark.model.encoders import BACKGROUND_FILE, KINDS, Model
from earmark.schema import AudioSpec, FloatArray, SheetSpec
from earmark.search.follow import PACES, Followed, follow_pieces
from earmark.search.query import Query, spread
from earmark.search.rank import CANDIDATES
from earmark.search.signs import read_signs
from earmark.training.data.dataset import built_folders, read_piece
from earmark.training.evaluation.confidence import Answer, Promise, Trial, fit, promises, try_out
from earmark.training.evaluation.libraries import SIZES, Libraries
from earmark.training.evaluation.questions import Question, ask_about, editions, embed_places
from earmark.training.experiment import Experiment

MOST_PIECES = 20
"""Validation pieces of a split that are asked about, evenly taken."""
STRETCH_PX = 2400
"""Strip px of a query that is sheet music: about a page."""
PART_S = 60.0
"""Longest recording among which such queries are searched: it may play less than the stretch, or other bars."""
TWO_EDITIONS = 0.3
"""Share of the questions that are asked of a library with two editions of their piece."""
SEED = 5
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Calibrated:
    """What was written, what it was fitted on, and what holds of it for pieces that it was not fitted on."""

    calibration: Calibration
    trial: Trial
    promises: Sequence[Promise]


@dataclass(frozen=True)
class _Piece:
    """A validation piece: its editions' places, the excerpts of a part of its rendering, and what is asked about it."""

    editions: list[FloatArray]
    part: FloatArray
    questions: list[Question]


@dataclass(frozen=True)
class _Encoder:
    """Encodes pieces of corpora, given by their folders, and keeps the embeddings in the folder ``work``."""

    model: Model
    renderings: Sequence[str]
    work: Path

    def pages(self, folder: Path) -> FloatArray:
        """The places of a piece as engraved."""
        path = self.work / "pages" / f"{folder.name}.npz"
        if not path.exists():
            read = read_piece(folder, [], SheetSpec())
            _save(path, {"places": embed_places(self.model, read.ink())})
        with np.load(path) as kept:
            places: FloatArray = kept["places"]
            return places

    def piece(self, folder: Path, own: int) -> _Piece:
        """A validation piece, which is number ``own``. Raises BadInput when it has none of the renderings."""
        path = self.work / "questions" / f"{folder.name}.npz"
        if not path.exists():
            rendering = next((of for of in self.renderings if (folder / audio_file(of)).exists()), self.renderings[0])
            read = read_piece(folder, [rendering], SheetSpec())
            heard = read.audio[rendering].astype(np.float32)
            asked = list(ask_about(self.model, own, folder.name, heard, folder / MIDI, rendering))
            arrays = {"kinds": np.array([one.kind for one in asked]), "part": _part(self.model, heard)}
            for i, edition in enumerate(editions(self.model, read)):
                arrays[f"edition {i}"] = edition
            for i, one in enumerate(asked):
                arrays |= {f"embeddings {i}": one.query.embeddings, f"positions {i}": one.query.positions}
            _save(path, arrays)
        with np.load(path) as kept:
            questions = [
                Question(own, str(kind), Query(kept[f"embeddings {i}"], kept[f"positions {i}"]))
                for i, kind in enumerate(kept["kinds"])
            ]
            return _Piece([kept[key] for key in kept if key.startswith("edition")], kept["part"], questions)


def calibrate(
    weights: Path,
    model: Model,
    recipe: Experiment,
    work: Path,
    sizes: Sequence[int] = SIZES,
    report: Report = lambda done, total: None,
) -> Calibrated:
    """Fit and write ``background.npy`` and ``model.json["confidence"]`` of the weights in folder ``weights``.

    ``recipe`` says which corpora and splits the training and the validation pieces are of, and how these are heard.
    ``work`` keeps what has been encoded with these weights, so that what was interrupted goes on. ``report`` is told
    how many steps are done, and of how many. Raises BadInput when the corpora lack a split or a rendering, or have too
    few validation pieces.
    """
    corpora, definitions = [Path(corpus) for corpus in recipe.corpora], (AudioSpec(), SheetSpec())
    trained = built_folders(corpora, recipe.splits, *definitions)
    by_split = [built_folders(corpora, [split], *definitions) for split in recipe.validation_splits]
    held_out = [folders[i] for folders in by_split for i in spread(len(folders), MOST_PIECES)]
    if len(held_out) < 2:
        raise BadInput(corpora[0], "has fewer than two validation pieces", "use a corpus with more")
    encoder = _Encoder(model, recipe.validation_renderings, work / model.model_id)
    total = 2 * (len(trained) + len(held_out))
    train, valid = [], list[_Piece]()
    for own, folder in enumerate(held_out):
        report(own, total)
        valid.append(encoder.piece(folder, own))
    for done, folder in enumerate(trained, start=len(held_out)):
        report(done, total)
        train.append(encoder.pages(folder))
    score, recording = _background(train), _background([piece.part for piece in valid])
    libraries = Libraries(train, score, sizes)

    def searched(done: int, of: int) -> None:
        report(total // 2 + done * (total // 2) // of, total)

    answers = list(_answers(libraries, valid, searched))
    recordings = _fit_recordings(valid, recording)
    calibration = Calibration({"score": score, "recording": recording}, fit(answers), recordings)
    _write(weights, calibration)
    trial = try_out(answers)
    return Calibrated(calibration, trial, promises(trial))


def _background(pieces: Sequence[FloatArray]) -> Background:
    every = np.concatenate(pieces)
    return Background(every.mean(axis=0), np.cov(every.T).astype(np.float32))


def _answers(libraries: Libraries, pieces: Sequence[_Piece], report: Callable[[int, int], None]) -> Iterator[Answer]:
    """What is said first to every question in every library, with the piece that is right and without.

    With it are one of its editions, or two; the others of its candidates are as many fewer.
    """
    rng = np.random.default_rng(SEED)
    questions = [question for piece in pieces for question in piece.questions if len(question.query.embeddings)]
    candidates = libraries.candidates([question.query.embeddings for question in questions], report)
    for question, by_size in zip(questions, candidates, strict=True):
        editions = pieces[question.own].editions
        count = 1 + (rng.random() < TWO_EDITIONS)
        own = {-1 - int(i): editions[i] for i in rng.permutation(len(editions))[:count]}
        others = {number: libraries.piece(number) for numbers in by_size.values() for number in numbers}
        query = question.query
        levels = libraries.background.levels(query.embeddings)
        followed = follow_pieces(query.embeddings, query.positions, levels, {**own, **others}, PLACE_HOP_PX)
        for size, numbers in by_size.items():
            for present in (True, False):
                known = {*own, *numbers[: CANDIDATES - len(own)]} if present else {*numbers}
                answer = _answer(followed.of(known), question, present, size)
                if answer:
                    yield answer


def _answer(followed: Followed, question: Question, present: bool, size: int) -> Answer | None:
    """What is said first; None when nothing is. The piece that is asked for has numbers below 0, in all editions."""
    if not followed.order:
        return None
    own = np.array(followed.order) < 0
    signs = read_signs(followed, 0, np.flatnonzero(~own) if own[0] else np.arange(1, len(own)))
    return Answer(signs, question.own, present, bool(own[0]), size, question.kind)


def _part(model: Model, heard: FloatArray) -> FloatArray:
    """The excerpts of the middle of a rendering."""
    frames = int(PART_S * AudioSpec().frames_per_second)
    start = max(0, (len(heard) - frames) // 2)
    part = heard[start : start + frames]
    return model.embed_audio(part, centres_between(0, len(part), QUERY_HOP_FRAMES))[0]


def _fit_recordings(pieces: Sequence[_Piece], background: Background) -> Confidence | None:
    """The confidence of sheet music among recordings; None where these pieces cannot tell right from wrong."""
    hop_s, pace = QUERY_HOP_FRAMES / AudioSpec().frames_per_second, PACES["score", "recording"]
    recordings, answers = {number: piece.part for number, piece in enumerate(pieces)}, []
    for own, piece in enumerate(pieces):
        places, length = piece.editions[0], STRETCH_PX // PLACE_HOP_PX
        for start in range(0, len(places), length):
            stretch = places[start : start + length]
            positions = np.arange(len(stretch), dtype=np.float64) * PLACE_HOP_PX
            followed = follow_pieces(stretch, positions, background.levels(stretch), recordings, hop_s, pace)
            for present in (True, False):
                found = followed.of({*recordings} if present else {*recordings} - {own})
                if found.order:
                    signs = read_signs(found, 0, np.arange(1, len(found.order)))
                    right = found.order[0] == own
                    answers.append(Answer(signs, own, present, right, len(recordings), "stretch"))
    return fit(answers) if len({answer.right for answer in answers}) == 2 else None


def _save(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _write(weights: Path, calibration: Calibration) -> None:
    parts = [calibration.backgrounds[kind] for kind in KINDS]
    background = weights / BACKGROUND_FILE
    with replacing(background) as file:
        np.save(file, np.stack([np.vstack([part.mean, part.covariance]) for part in parts]).astype(np.float32))
    path = weights / "model.json"
    about: dict[str, Any] = json.loads(path.read_text())
    recordings = asdict(calibration.recordings) if calibration.recordings else None
    about["confidence"] = {"pages": asdict(calibration.pages), "recordings": recordings}
    about["sha256"] = {**about["sha256"], BACKGROUND_FILE: hashlib.sha256(background.read_bytes()).hexdigest()}
    write_json(path, about)
