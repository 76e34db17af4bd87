"""The best path of a query through each of the pieces that were proposed, and the stretch of it that is worth most.

Steps 2 to 4 of `earmark.search.rank`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.results.places import Kind
from earmark.schema import FloatArray, IntArray
from earmark.search.path import FASTEST_PX_PER_S, JUMP_COST, follow_each, groups

SLOWEST_PX_PER_S = 8.0
"""Minims at 40 to the minute take about 12."""
TOLL = 0.015
"""What an excerpt costs, in units of cosine, per ``ln(excerpts / TOLL_FREE)``."""
TOLL_FREE = 40
"""Excerpts of a query that costs nothing: ten seconds of sound."""
STILL = 16
"""Excerpts in which a path that stays at one place has evidence: 4 s of sound. Few chords are held longer, but talking
and applause are like one place of some piece for as long as they last."""
SUPPORT_S = 2.0
"""Half the width of the window in which a place must be supported, in seconds."""


@dataclass(frozen=True)
class Pace:
    """How a query runs against the places: ``fastest``, by how much a place may move forward per unit of the query,
    and ``support``, half the width of the window (in units of the query) in which a place must be supported. The
    unit is the second on a recording's side and the strip px on sheet music's."""

    fastest: float
    support: float


PACES: dict[tuple[Kind, Kind], Pace] = {
    ("recording", "score"): Pace(FASTEST_PX_PER_S, SUPPORT_S),
    ("score", "score"): Pace(2.5, 100.0),
    ("score", "recording"): Pace(1 / SLOWEST_PX_PER_S, 100.0),
    ("recording", "recording"): Pace(2.5, SUPPORT_S),
}
"""By the kinds of the query and of the piece. Another edition's notes are at most two and a half times as far apart,
another recording at most two and a half times as slow; sheet music is supported by two snippets to each side."""
DEFAULT_PACE = PACES["recording", "score"]


@dataclass(frozen=True)
class Followed:
    """The best path through each of the pieces in ``order``, best first; arrays [n, pieces] have them in that order.

    ``path`` int64, the place's ordinal per excerpt; ``evidence`` float32 on the path, 0 where it stays (`STILL`);
    ``gains``, the same less jumps; ``nearest`` int64 and ``most`` float32, the piece's nearest place and its evidence,
    path or not. The excerpts ``starts`` to ``ends`` (not included) of a piece's path are worth most: ``worths`` in all.
    """

    order: list[int]
    path: IntArray
    evidence: FloatArray
    gains: FloatArray
    nearest: IntArray
    most: FloatArray
    worths: FloatArray
    starts: IntArray
    ends: IntArray

    def of(self, chosen: Set[int]) -> Followed:
        """What following these pieces only would have found."""
        return self.only([i for i, piece in enumerate(self.order) if piece in chosen])

    def only(self, numbers: Sequence[int]) -> Followed:
        """The pieces of these numbers, in this order."""
        kept = list(numbers)
        return Followed(
            [self.order[i] for i in kept],
            path=self.path[:, kept],
            evidence=self.evidence[:, kept],
            gains=self.gains[:, kept],
            nearest=self.nearest[:, kept],
            most=self.most[:, kept],
            worths=self.worths[kept],
            starts=self.starts[kept],
            ends=self.ends[kept],
        )


def toll(excerpts: int) -> float:
    """What each of so many excerpts costs."""
    return TOLL * max(0.0, float(np.log(excerpts / TOLL_FREE)))


def follow_pieces(
    excerpts: FloatArray,
    positions: npt.NDArray[np.float64],
    background: FloatArray,
    pieces: Mapping[int, FloatArray],
    place_hop: float,
    pace: Pace = DEFAULT_PACE,
) -> Followed:
    """The best path of ``excerpts`` float32 [n, dimension] through every one of ``pieces``, embeddings of places.

    ``positions`` float64 [n], ascending, are the excerpts' times in the recording; places are ``place_hop`` strip px
    apart. Where the query is sheet music or recordings are sought, px stand for seconds or seconds for px, as ``pace``
    says. ``background`` float32 [n] is the excerpts'. There is at least one piece; those without evidence are left out.
    """
    if len(positions) != len(excerpts):
        raise ValueError(f"{len(positions)} times for {len(excerpts)} excerpts")
    reach: IntArray = np.ceil(np.diff(positions) * pace.fastest / place_hop).astype(np.int64)
    parts = [_best_paths(excerpts, background, group, reach) for group in groups(pieces.values(), len(excerpts))]
    path, nearest = (np.concatenate([part[i] for part in parts], axis=1) for i in (0, 2))
    evidence, most = (np.concatenate([part[i] for part in parts], axis=1) for i in (1, 3))
    steps = np.diff(path, axis=0)
    jumps = np.zeros(path.shape, np.float32)
    jumps[1:] = JUMP_COST * ((steps < 0) | (steps > reach[:, None]))
    evidence = np.where(_still(steps) < STILL, evidence, np.float32(0.0))
    gains, cost = evidence - jumps, np.float32(toll(len(excerpts)))
    stretches = [best_stretch(evidence[:, i] - cost, jumps[:, i]) for i in range(len(pieces))]
    worths, starts, ends = (np.array(values) for values in zip(*stretches, strict=True))
    followed = Followed(list(pieces), path, evidence, gains, nearest, most, worths, starts, ends)
    best_first = np.lexsort((np.array(followed.order), -worths)).tolist()
    return followed.only([i for i in best_first if evidence[:, i].any()])


def _best_paths(
    excerpts: FloatArray, background: FloatArray, pieces: list[FloatArray], reach: IntArray
) -> tuple[IntArray, FloatArray, IntArray, FloatArray]:
    """`Followed`'s path, evidence, nearest and most of these pieces, in this order."""
    evidence = np.maximum(excerpts @ np.concatenate(pieces).T - background[:, None], np.float32(0.0))
    starts = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])])
    path = follow_each(evidence, starts[:-1], reach)
    own = [evidence[:, start:end] for start, end in itertools.pairwise(starts)]
    nearest = np.stack([piece.argmax(axis=1) for piece in own], axis=1)
    most = np.stack([piece.max(axis=1) for piece in own], axis=1)
    return path - starts[:-1], np.take_along_axis(evidence, path, axis=1), nearest, most


def _still(steps: IntArray) -> IntArray:
    """Steps between the places of a path [n - 1, pieces] → for how many excerpts before each it has been where it is:
    int64 [n, pieces]."""
    moved = np.pad(steps != 0, ((1, 0), (0, 0)), constant_values=True)
    rows = np.arange(len(moved))[:, None]
    return rows - np.maximum.accumulate(np.where(moved, rows, 0), axis=0)


def best_stretch(gains: npt.NDArray[np.floating], jumps: npt.NDArray[np.floating]) -> tuple[float, int, int]:
    """The most that consecutive excerpts gain, and which: ``start`` to ``end``. Jumps between them are paid."""
    totals = np.concatenate([[0.0], np.cumsum(gains - jumps, dtype=np.float64)])
    before = totals[:-1] - jumps
    worths = totals[1:] - np.minimum.accumulate(before)
    last = int(worths.argmax())
    return float(worths[last]), int(before[: last + 1].argmin()), last + 1
