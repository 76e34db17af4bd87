"""What a model's similarities are worth: how high chance reaches, and what makes signs a probability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np

from earmark.results.places import Kind
from earmark.schema import FloatArray

SELDOM = 3.0
"""Standard deviations above the mean: of music that has nothing to do with an excerpt, one place in a thousand is as
similar."""


@dataclass(frozen=True)
class Background:
    """Embeddings of many places of many pieces: their ``mean`` float32 [d] and ``covariance`` float32 [d, d].

    These belong to the model and to no library, so that what a search finds is worth the same in a library of one page
    and in one of ten million.
    """

    mean: FloatArray
    covariance: FloatArray

    def levels(self, embeddings: FloatArray) -> FloatArray:
        """What the similarity of each of ``embeddings`` [n, d] to unrelated music seldom reaches: float32 [n]."""
        variances = np.einsum("nd,de,ne->n", embeddings, self.covariance, embeddings, optimize=True)
        levels: FloatArray = embeddings @ self.mean + np.float32(SELDOM) * np.sqrt(np.maximum(variances, 0.0))
        return levels.astype(np.float32)


@dataclass(frozen=True)
class Signs:
    """What tells whether the piece that a search names is right; `earmark.search.signs` says why, and reads them.

    ``lead`` is the logarithm of a sum of cosines; ``heard`` and ``focus`` are shares, 0..1.
    """

    lead: float
    heard: float
    focus: float


@dataclass(frozen=True)
class Confidence:
    """A logistic regression: the probability that a piece with these signs is right.

    ``weights`` are those of `Signs`' fields, by name. A search is sure from the probability ``sure`` on.
    """

    intercept: float
    weights: Mapping[str, float]
    sure: float

    def __post_init__(self) -> None:
        if set(self.weights) != {field.name for field in fields(Signs)}:
            raise TypeError(f"weights of {sorted(self.weights)}")

    def of(self, signs: Signs) -> float:
        """The probability, 0..1."""
        logit = self.intercept + sum(self.weights[name] * value for name, value in asdict(signs).items())
        return float(0.5 * (1.0 + np.tanh(0.5 * logit)))


@dataclass(frozen=True)
class Calibration:
    """All that a model says of its similarities, measured on validation data.

    ``backgrounds`` are those of places of sheet music and of excerpts of recordings. ``pages`` says how sure a search
    is, ``recordings`` the same for sheet music that is looked up among recordings, which often play a part of it only;
    None where it was not measured.
    """

    backgrounds: Mapping[Kind, Background]
    pages: Confidence
    recordings: Confidence | None = None
