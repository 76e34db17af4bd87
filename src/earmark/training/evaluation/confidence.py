"""First answers of searches, right and wrong → how sure a search may be, and how well that holds of other pieces.

The confidence is a logistic regression (Newton's method, Hastie et al., The Elements of Statistical Learning, 4.4.1)
with a weak ridge on the standardised features. What it promises is tried on pieces that it was not fitted on.

The features are `Signs`, which `earmark.search.signs` explains. A search is sure from the least confidence, at least
one half, that at most `FALSE_ACCEPTS` of the wrong answers reached in a library of any of the sizes that were asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from earmark.model.calibration import Confidence, Signs

FALSE_ACCEPTS = 0.0025
"""Share of the wrong answers fitted on that may be called sure, in each size of library. The threshold is chosen among
few, so of other pieces' more get through: half of the 0.5 % that is aimed at leaves room for that."""
NAMES = tuple(field.name for field in fields(Signs))
ALL = "all"
HALVINGS = 10
SEED = 5
Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Answer:
    """The first piece of an answer to a query about piece ``own``, which was in the library or not (``present``).

    ``signs`` are that piece's; ``right``: it is the piece asked for, in whatever edition. The library had ``among``
    pieces; ``kind`` says what kind of query it was, for people to read.
    """

    signs: Signs
    own: int
    present: bool
    right: bool
    among: int
    kind: str


@dataclass(frozen=True)
class Trial:
    """``answers`` as calibrations that were fitted on other pieces judge them.

    ``confidences`` float64 [answers, halvings], 0..1; ``sure`` bool of the same shape: these reach the threshold.
    """

    answers: Sequence[Answer]
    confidences: Floats
    sure: Truths


@dataclass(frozen=True)
class Promise:
    """What holds of queries of one ``kind``, "all" for all, in a library of ``among`` pieces: shares, 0..1.

    Of those whose piece is there, ``present`` many, ``right`` came first, and ``found`` first and confidently; of
    those whose piece is not, ``absent`` many, ``falsely_sure`` were confident.
    """

    among: int
    kind: str
    present: int
    right: float
    found: float
    absent: int
    falsely_sure: float


def fit(answers: Sequence[Answer], names: Sequence[str] = NAMES) -> Confidence:
    """The confidence that explains which first answers were right, by the signs of these ``names`` only.

    The answers must include ones to queries whose piece is not in the library, as many as are expected in use, and
    kinds of queries as in use. Raises ValueError when all are right, or none.
    """
    chosen = [NAMES.index(name) for name in names]
    features = np.array([astuple(answer.signs) for answer in answers])[:, chosen]
    right = np.array([answer.right for answer in answers])
    if right.all() or not right.any():
        raise ValueError("a calibration needs right answers and wrong ones")
    intercept, slopes = _logistic_regression(features, right)
    weights = {**dict.fromkeys(NAMES, 0.0), **dict(zip(names, slopes, strict=True))}
    confidence = Confidence(intercept, weights, sure=0.5)
    said = np.array([confidence.of(answer.signs) for answer in answers])
    sizes = np.array([answer.among for answer in answers])
    reached = [_exceeded(said[~right & (sizes == size)]) for size in np.unique(sizes[~right])]
    return replace(confidence, sure=max(0.5, *reached))


def _exceeded(wrong: Floats) -> float:
    """Just above what all but ``FALSE_ACCEPTS`` of the confidences of wrong answers reach."""
    allowed = int(FALSE_ACCEPTS * len(wrong))
    return float(np.nextafter(np.sort(wrong)[len(wrong) - 1 - allowed], 1.0))


def _logistic_regression(features: Floats, right: Truths) -> tuple[float, list[float]]:
    """Intercept and slopes; ``features`` [n, k], ``right`` [n]."""
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-9
    design = np.column_stack([np.ones(len(features)), (features - mean) / deviation])
    count = design.shape[1]
    ridge = np.diag([0.0, *np.ones(count - 1)])
    weights = np.zeros(count)
    for _ in range(50):
        probability = 0.5 * (1.0 + np.tanh(0.5 * design @ weights))
        gradient = design.T @ (probability - right) + ridge @ weights
        curvature = (design.T * (probability * (1.0 - probability))) @ design + ridge
        weights -= np.linalg.solve(curvature + 1e-9 * np.eye(count), gradient)
    slopes = weights[1:] / deviation
    return float(weights[0] - slopes @ mean), slopes.tolist()


def try_out(answers: Sequence[Answer], names: Sequence[str] = NAMES) -> Trial:
    """The pieces are halved ``HALVINGS`` times at random; each half is judged by what was fitted on the other.

    ``names`` as in `fit`. Raises ValueError when a half has right answers only, or wrong ones only.
    """
    own = np.array([answer.own for answer in answers])
    pieces = np.unique(own)
    rng = np.random.default_rng(SEED)
    confidences = np.zeros((len(answers), HALVINGS))
    sure = np.zeros(confidences.shape, bool)
    for halving in range(HALVINGS):
        half = np.isin(own, rng.permutation(pieces)[: len(pieces) // 2])
        for judged in (half, ~half):
            confidence = fit([answers[i] for i in np.flatnonzero(~judged).tolist()], names)
            confidences[judged, halving] = [confidence.of(answers[i].signs) for i in np.flatnonzero(judged).tolist()]
            sure[judged, halving] = confidences[judged, halving] >= confidence.sure
    return Trial(answers, confidences, sure)


def calibration_error(trial: Trial, among: int) -> float:
    """Expected calibration error (Naeini et al., AAAI 2015) in a library of ``among`` pieces: in ten bins of
    confidence, how far what was said is from the share that was right."""
    rows = [i for i, answer in enumerate(trial.answers) if answer.among == among]
    said = trial.confidences[rows]
    right = np.broadcast_to([[float(trial.answers[i].right)] for i in rows], said.shape)
    bins = np.minimum((10 * said).astype(np.int64), 9).ravel()
    differences = np.bincount(bins, (said - right).ravel(), 10)
    return float(np.abs(differences).sum() / said.size)


def promises(trial: Trial) -> Sequence[Promise]:
    """What holds in each library, the largest first: of each kind of query, and of all."""
    answers = trial.answers
    sizes = np.array([answer.among for answer in answers])
    kinds = np.array([answer.kind for answer in answers])
    present = np.array([answer.present for answer in answers])
    right = np.array([answer.right for answer in answers])
    sure = trial.sure.mean(axis=1)

    def promise(among: int, kind: str) -> Promise:
        chosen = (sizes == among) & ((kinds == kind) | (kind == ALL))
        there, not_there = chosen & present, chosen & ~present
        found, falsely_sure = (sure * right)[there].mean(), sure[not_there].mean()
        shares = float(right[there].mean()), float(found)
        return Promise(among, kind, int(there.sum()), *shares, int(not_there.sum()), float(falsely_sure))

    rows = [*dict.fromkeys(answer.kind for answer in answers), ALL]
    return [promise(among, kind) for among in sorted({*sizes.tolist()}, reverse=True) for kind in rows]
