"""What turns the scores of a search into a probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Calibration:
    """What turns scores into a probability; measured on validation data, kept in
    ``model.json["confidence"]``.

    ``floor`` is the least background similarity. The confidence of a piece is ``1 / (1 + exp(-(intercept +
    score_weight * score + margin_weight * margin + agreement_weight * agreement + length_weight * ln(l) +
    question_weight * ln(n))))`` of `Ranked`, with ``l = end - start`` of the query's ``n`` excerpts; an answer is
    confident when its first piece's confidence reaches ``threshold``.

    ``recordings`` is the same for sheet music that is looked up among recordings, which often play a part of it only;
    None where it was not measured.
    """

    floor: float
    intercept: float
    score_weight: float
    margin_weight: float
    agreement_weight: float
    length_weight: float
    question_weight: float
    threshold: float
    recordings: Calibration | None = None

    def confidence(self, score: float, margin: float, agreement: float, matched: int, excerpts: int) -> float:
        """Probability, 0..1, that a piece with these of `Ranked`, found in ``matched`` of ``excerpts``, is right."""
        logit = (
            self.intercept
            + self.score_weight * score
            + self.margin_weight * margin
            + self.agreement_weight * agreement
            + self.length_weight * np.log(matched)
            + self.question_weight * np.log(excerpts)
        )
        return float(0.5 * (1.0 + np.tanh(0.5 * logit)))
