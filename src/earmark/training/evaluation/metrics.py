"""Retrieval metrics of the paper (Section 3): one query against all candidates, exactly one of which is right.

Similarities are cosines of unit vectors. The rank of the right candidate counts from 1; a candidate that scores exactly
as high as the right one is counted as ranked before it, so ties never flatter.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from earmark.schema import FloatArray

Ranks = npt.NDArray[np.int64]
BLOCK = 1000


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, lowest and highest value."""

    low: float
    high: float


@dataclass(frozen=True)
class Scores:
    """Recall@k in percent, mean reciprocal rank in 0..1, median rank."""

    recall_at_1: float
    recall_at_5: float
    recall_at_25: float
    mrr: float
    median_rank: float
    candidates: int

    def to_dict(self) -> dict[str, float | int]:
        """The keys of a results file: ``recall@1`` …"""
        return {key.replace("_at_", "@"): value for key, value in asdict(self).items()}


def ranks(queries: FloatArray, candidates: FloatArray) -> Ranks:
    """Rank of candidate i for query i; both float32 [n, d] of unit vectors. Raises ValueError when shapes differ."""
    if queries.shape != candidates.shape:
        raise ValueError(f"queries {queries.shape} and candidates {candidates.shape} must be paired")
    found = np.empty(len(queries), np.int64)
    for start in range(0, len(queries), BLOCK):
        block = queries[start : start + BLOCK] @ candidates.T
        rows = np.arange(len(block))
        own = block[rows, start + rows]
        found[start : start + BLOCK] = (block >= own[:, None]).sum(axis=1)
    return found


def nearest(queries: FloatArray, candidates: FloatArray) -> npt.NDArray[np.int64]:
    """The number of each query's best candidate; both float32 [n, d] of unit vectors."""
    blocks = [queries[start : start + BLOCK] @ candidates.T for start in range(0, len(queries), BLOCK)]
    return np.concatenate([block.argmax(axis=1) for block in blocks])


def scores(found: Ranks) -> Scores:
    """Summarise the ranks of n queries, each against the same n candidates."""
    at_1, at_5, at_25 = (float(100 * np.mean(found <= k)) for k in (1, 5, 25))
    return Scores(
        at_1,
        at_5,
        at_25,
        mrr=float(np.mean(1 / found)),
        median_rank=float(np.median(found)),
        candidates=len(found),
    )


def bootstrap(found: Ranks, pieces: npt.NDArray[np.int64], *, draws: int = 1000, seed: int = 0) -> dict[str, Interval]:
    """95 % bootstrap intervals of recall@1 and MRR, resampling whole pieces (queries of one piece are not independent).

    ``pieces`` int64 [n] numbers the piece of every query.
    """
    _, index = np.unique(pieces, return_inverse=True)
    count = np.bincount(index).astype(float)
    hits = np.bincount(index, weights=found == 1)
    reciprocal = np.bincount(index, weights=1 / found)
    chosen = np.random.default_rng(seed).integers(0, len(count), (draws, len(count)))
    total = count[chosen].sum(axis=1)
    draws_of = {
        "recall@1": 100 * hits[chosen].sum(axis=1) / total,
        "mrr": reciprocal[chosen].sum(axis=1) / total,
    }
    return {
        name: Interval(*(float(q) for q in np.quantile(values, [0.025, 0.975]))) for name, values in draws_of.items()
    }
