"""First answers of searches, right and wrong → how sure a search may be, and how well that holds of other pieces.

The confidence is a logistic regression (Newton's method, Hastie et al., The Elements of Statistical Learning, 4.4.1)
with a weak ridge on the standardised features. What it promises is tried on pieces that it was not fitted on.

Features: score, margin and agreement of the first piece (`earmark.search.rank.Ranked`), and the logarithms of the
stretch's and the query's length. A search is confident from the least confidence, at least one half, that at most
`FALSE_ACCEPTS` of the wrong answers reached. A margin says little where a library holds two editions of one work: both
are found, neither surely. In a library of one piece there is none, and more is left unsure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from earmark.model.calibration import Calibration
from earmark.search.rank import Ranked

FALSE_ACCEPTS = 0.005
"""Share of the wrong answers fitted on that may be called confident. The threshold is chosen among few, so of other
pieces' more get through: half of the 1 % that is aimed at leaves room for that."""
ALL = "all"
HALVINGS = 20
SEED = 5
Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Answer:
    """The ``first`` of a ranking over the ``excerpts`` of a query about piece ``own``, which was in the library or not
    (``present``). The library had ``among`` pieces; ``kind`` says what kind of query it was, for people to read."""

    first: Ranked
    excerpts: int
    own: int
    present: bool
    among: int
    kind: str

    @property
    def right(self) -> bool:
        """Whether the piece that the query is about came first."""
        return self.present and self.first.piece == self.own

    def confidence(self, calibration: Calibration) -> float:
        """How sure a model so calibrated would have been."""
        found = self.first
        return calibration.confidence(
            found.score, found.margin, found.agreement, found.end - found.start, self.excerpts
        )


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


def fit(answers: Sequence[Answer], floor: float) -> Calibration:
    """The calibration that explains which first answers were right.

    The answers must include ones to queries whose piece is not in the library, as many as are expected in use, and
    kinds of queries as in use. The threshold is the least confidence, at least one half, that at most
    ``FALSE_ACCEPTS`` of the wrong answers reach. Raises ValueError when all are right, or none.
    """
    features = np.array([_features(answer) for answer in answers])
    right = np.array([answer.right for answer in answers])
    if right.all() or not right.any():
        raise ValueError("a calibration needs right answers and wrong ones")
    intercept, (score, margin, agreement, length, question) = _logistic_regression(features, right)
    calibration = Calibration(floor, intercept, score, margin, agreement, length, question, threshold=0.5)
    wrong = np.sort([answer.confidence(calibration) for answer in answers if not answer.right])
    allowed = int(FALSE_ACCEPTS * len(wrong))
    just_above = float(np.nextafter(wrong[len(wrong) - 1 - allowed], 1.0))
    return replace(calibration, threshold=max(0.5, just_above))


def _features(answer: Answer) -> tuple[float, ...]:
    """What `Calibration` weighs, in the order of its weights."""
    first = answer.first
    return first.score, first.margin, first.agreement, np.log(first.end - first.start), np.log(answer.excerpts)


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


def try_out(answers: Sequence[Answer], floor: float) -> Trial:
    """The pieces are halved ``HALVINGS`` times at random; each half is judged by what was fitted on the other.

    Raises ValueError when a half has right answers only, or wrong ones only.
    """
    own = np.array([answer.own for answer in answers])
    pieces = np.unique(own)
    rng = np.random.default_rng(SEED)
    confidences = np.zeros((len(answers), HALVINGS))
    sure = np.zeros(confidences.shape, bool)
    for halving in range(HALVINGS):
        half = np.isin(own, rng.permutation(pieces)[: len(pieces) // 2])
        for judged in (half, ~half):
            calibration = fit([answers[i] for i in np.flatnonzero(~judged).tolist()], floor)
            confidences[judged, halving] = [answers[i].confidence(calibration) for i in np.flatnonzero(judged).tolist()]
            sure[judged, halving] = confidences[judged, halving] >= calibration.threshold
    return Trial(answers, confidences, sure)


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
