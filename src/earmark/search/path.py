"""The best path through the places of a piece (Viterbi): forward at any speed, elsewhere at the price of a jump."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from earmark.schema import FloatArray, IntArray

Rows = Callable[[slice], FloatArray]


FASTEST_PX_PER_S = 160.0
"""Strip px per second; semiquavers at 160 to the minute take about 125."""


JUMP_COST = 1.0
"""In units of cosine; three or four excerpts that fit."""


BLOCK = 1024
"""Excerpts whose evidence is in memory at once."""


def follow(evidence: Rows, reach: IntArray, jump_cost: float = JUMP_COST) -> tuple[float, IntArray]:
    """The best path through a piece: its mean evidence per excerpt, and its place per excerpt, int64 [n].

    ``evidence(rows)`` gives rows, float32 [rows, m], of the [n, m] over all places. ``reach`` int64 [n - 1]: from
    excerpt ``t`` to ``t + 1`` the place moves forward by 0 to ``reach[t]`` free of charge, anywhere else at
    ``jump_cost``. Of long queries only every ``BLOCK``-th row is kept; the others are computed again on the way back.
    """
    count = len(reach) + 1
    steps = np.concatenate([[0], reach])
    blocks = [slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]
    entries: list[FloatArray | None] = [None]
    for block in blocks:
        totals = _totals(evidence(block), entries[-1], steps[block], jump_cost)
        entries.append(totals[-1].copy())
    best, path = float(totals[-1].max()), np.empty(count, np.int64)
    path[-1] = totals[-1].argmax()
    for block, entry in zip(reversed(blocks), reversed(entries[:-1]), strict=True):
        if block is not blocks[-1]:
            totals = _totals(evidence(block), entry, steps[block], jump_cost)
        for t in reversed(range(block.start, min(block.stop, count - 1))):
            path[t] = _came_from(totals[t - block.start], int(path[t + 1]), int(reach[t]), jump_cost)
    return best / count, path


def _totals(evidence: FloatArray, before: FloatArray | None, steps: IntArray, jump_cost: float) -> FloatArray:
    """The most evidence that a path to each place has gathered, float32 [rows, m]; ``before`` is the row before
    these, if any, and ``steps`` the reach into each of them."""
    totals = np.empty_like(evidence)
    for t, row in enumerate(evidence):
        if before is None:
            totals[t] = row
        else:
            totals[t] = row + np.maximum(_trailing_maximum(before, int(steps[t])), before.max() - jump_cost)
        before = totals[t]
    return totals


def _came_from(totals: FloatArray, place: int, reach: int, jump_cost: float) -> int:
    """The place before ``place`` on the best path, given the totals of the excerpt before."""
    start = max(0, place - reach)
    near = start + int(totals[start : place + 1].argmax())
    anywhere = int(totals.argmax())
    return near if totals[near] >= totals[anywhere] - jump_cost else anywhere


def _trailing_maximum(values: FloatArray, reach: int) -> FloatArray:
    """``out[j] = max(values[j - reach : j + 1])``, by doubling the window."""
    out = values.copy()
    width = 1
    while width <= reach:
        shift = min(width, reach + 1 - width)
        out[shift:] = np.maximum(out[shift:], out[:-shift])
        width += shift
    return out
