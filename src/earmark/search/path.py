"""The best path through the places of a piece (Viterbi): forward at any speed, elsewhere at the price of a jump."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from earmark.schema import FloatArray, IntArray

Rows = Callable[[slice], FloatArray]


FASTEST_PX_PER_S = 160.0
"""Strip px per second; semiquavers at 160 to the minute take about 125."""


JUMP_COST = 1.0
"""In units of cosine; three or four excerpts that fit."""


BLOCK = 1024
"""Excerpts whose evidence is in memory at once."""


MOST_CELLS = 2**23
"""Excerpts times places whose evidence is in memory at once: 32 MB."""


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
            totals[t] = row + np.maximum(trailing_maximum(before, int(steps[t])), before.max() - jump_cost)
        before = totals[t]
    return totals


def _came_from(totals: FloatArray, place: int, reach: int, jump_cost: float) -> int:
    """The place before ``place`` on the best path, given the totals of the excerpt before."""
    start = max(0, place - reach)
    near = start + int(totals[start : place + 1].argmax())
    anywhere = int(totals.argmax())
    return near if totals[near] >= totals[anywhere] - jump_cost else anywhere


def trailing_maximum(values: FloatArray, reach: int) -> FloatArray:
    """``out[j] = max(values[j - reach : j + 1])``, by doubling the window."""
    out = values.copy()
    width = 1
    while width <= reach:
        shift = min(width, reach + 1 - width)
        out[shift:] = np.maximum(out[shift:], out[:-shift])
        width += shift
    return out


def follow_each(evidence: FloatArray, starts: IntArray, reach: IntArray, jump_cost: float = JUMP_COST) -> IntArray:
    """The best path through each of several pieces, as `follow` finds it: int64 [n, pieces], a place's column.

    ``evidence`` float32 [n, m] has the places of all pieces side by side, each piece's from its column in ``starts``,
    ascending from 0, to the next one's. ``reach`` int64 [n - 1] as in `follow`. For short queries and many pieces: all
    rows are in memory, and one step is made in all pieces at once.
    """
    count, width = evidence.shape
    farthest = int(reach.max(initial=0))
    gap = np.arange(len(starts)) * farthest  # no path reaches from one piece into the next
    columns = np.arange(width) + np.repeat(gap, np.diff([*starts, width]))
    firsts = starts + gap
    totals = np.full((count, width + int(gap[-1])), -np.inf, np.float32)
    totals[:, columns] = evidence
    best = np.empty((count, len(starts)), np.float32)
    for t in range(count):
        if t:
            before = trailing_maximum(totals[t - 1], int(reach[t - 1]))
            elsewhere = np.repeat(best[t - 1] - np.float32(jump_cost), np.diff([*firsts, totals.shape[1]]))
            totals[t] += np.maximum(before, elsewhere)
        best[t] = np.maximum.reduceat(totals[t], firsts)
    ends = np.append(firsts[1:], totals.shape[1])
    path = np.empty((count, len(starts)), np.int64)
    path[-1] = [first + int(totals[-1, first:end].argmax()) for first, end in zip(firsts, ends, strict=True)]
    for t in range(count - 2, -1, -1):
        near = path[t + 1, :, None] + np.arange(-int(reach[t]), 1)
        values = np.where(near >= firsts[:, None], totals[t, np.maximum(near, 0)], -np.inf)
        path[t] = near[np.arange(len(starts)), values.argmax(axis=1)]
        for piece in np.flatnonzero(values.max(axis=1) < best[t] - np.float32(jump_cost)):
            path[t, piece] = firsts[piece] + int(totals[t, firsts[piece] : ends[piece]].argmax())
    return path - gap


def groups(pieces: Iterable[FloatArray], excerpts: int) -> Iterator[list[FloatArray]]:
    """The embeddings of ``pieces`` [places, dimension], in order, as many together as `follow_each` may have."""
    group: list[FloatArray] = []
    for embeddings in pieces:
        if group and excerpts * (sum(map(len, group)) + len(embeddings)) > MOST_CELLS:
            yield group
            group = []
        group.append(embeddings)
    if group:
        yield group
