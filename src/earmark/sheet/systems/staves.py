"""Staves on a page: where their top and bottom lines run, straight or bent, and where they end.

The page is given roughly level, with ``DISTANCE`` px from line to line. A comb of five lines gives evidence of a staff
at every place; from the strongest on, a staff is followed to both sides, step by step; its lines are then measured to a
part of a px and smoothed along the staff.

Lines that beams or notes hide count as unknown, not as missing. Letters are told from lines by their gaps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from earmark.schema import FloatArray
from earmark.sheet.systems.scale import DISTANCE, Curve

_HEIGHT = 4 * DISTANCE
_SPACINGS = np.array([0.88, 0.94, 1.0, 1.06, 1.12])  # of a staff relative to the page's usual, under perspective
_UNUSUAL = 0.7  # by how much the evidence of an unusual spacing is discounted
_MIN_EVIDENCE = 0.22
_MIN_SEED = 0.4
_REACH = 2  # rows that a staff may rise or fall in a step
_MAX_MISSING = 12  # steps without evidence, in which dense music hides the lines
_MIN_STEPS = 8
_MAX_FAILURES = 15
_MAX_GAP = 40 * DISTANCE  # between parts of one staff
_MIN_LINE, _MIN_HIDDEN = 0.42, 0.2  # share of its lines that is seen; beams may hide more of one
_MIN_OTHERS = 0.8  # of the other four, where one between them is not there at all
_SAME_END = 3 * DISTANCE  # so close to each other begin, and end, the staves of a page
_MIN_CONTRAST = 0.2  # by which that is more than in the spaces between
_MIN_UNBROKEN = 0.6  # of what is seen of the lines; letters reach 0.2, noisy lines 0.9
_STIFFNESS = 30.0  # against bending within a few steps
_END_STEPS = 12  # that say how a staff goes on beyond its end


@dataclass(frozen=True, eq=False)
class Staff:
    """One staff, in px: ``top`` and ``bottom`` float64 [nodes] are the rows of its outer lines at the page's nodes.

    Node ``i`` lies at x = (i + 0.5) * DISTANCE; the curves go on, straight, where the staff (``x0`` to ``x1``) has
    ended.
    """

    x0: float
    x1: float
    top: Curve
    bottom: Curve
    is_whole: bool = True
    """Whether all its lines are seen: a picture that was badly reduced may have lost one."""

    @cached_property
    def nodes(self) -> slice:
        """The nodes that lie on the staff."""
        return slice(int(self.x0 / DISTANCE), max(int(self.x0 / DISTANCE) + 1, round(self.x1 / DISTANCE)))

    @cached_property
    def middle(self) -> float:
        """The mean row of its middle line."""
        return float((self.top[self.nodes].mean() + self.bottom[self.nodes].mean()) / 2)

    @cached_property
    def height(self) -> float:
        """The mean distance from top to bottom line."""
        return float((self.bottom[self.nodes] - self.top[self.nodes]).mean())


@dataclass(frozen=True)
class _Views:
    """Of the columns around every node where nothing thicker hides it, the share in which a line is seen: float32
    [height, nodes], each.

    ``exact`` has every row as it is, ``seen`` also counts the rows above and below, and ``unbroken`` only ink that runs
    on for almost a line distance: a staff line does, letters do not.
    """

    exact: FloatArray
    seen: FloatArray
    unbroken: FloatArray


def find_staves(lines: FloatArray, thick: FloatArray) -> list[Staff]:
    """All staves of a page, the clearest first, from `lines.thin_ink`'s two images, float32 [height, width]."""
    if lines.shape[0] < 6 * DISTANCE or lines.shape[1] < _MIN_STEPS * DISTANCE:
        return []
    wide = cv2.dilate(lines, np.ones((3, 1), np.uint8))
    unbroken = np.asarray(cv2.morphologyEx(wide, cv2.MORPH_OPEN, np.ones((1, DISTANCE - 1), np.uint8)), np.float32)
    clear = 1 - thick
    room = np.maximum(_around_nodes(clear), np.float32(0.3))
    exact, seen, long = (np.asarray(_around_nodes(view * clear) / room, np.float32) for view in (lines, wide, unbroken))
    views = _Views(exact, seen, long)
    staves: list[Staff] = []
    failures = 0
    for first, rows, spacing in _paths(*_comb(views.seen)):
        staff = _measure(views, first, rows, spacing) or _measure(views, first, rows, 1.0)
        if staff is not None:
            staves.append(staff)
        else:
            failures += 1
            if failures > _MAX_FAILURES:  # the rest is weaker still
                break
    staves = _joined(views, staves)
    whole = [staff for staff in staves if staff.is_whole]
    return [staff for staff in staves if staff.is_whole or any(_end_alike(staff, other) for other in whole)]


def _end_alike(one: Staff, other: Staff) -> bool:
    """Whether two staves begin and end at the same place."""
    return abs(one.x0 - other.x0) < _SAME_END and abs(one.x1 - other.x1) < _SAME_END


def _joined(views: _Views, staves: list[Staff]) -> list[Staff]:
    """The staves, those made one that go on in each other: in dense music a staff is followed in parts."""
    for one in staves:
        for other in staves:
            if one.x0 < other.x0 and _goes_on(one, other):
                nodes = np.arange(one.nodes.start, max(one.nodes.stop, other.nodes.stop))
                path = np.where(nodes < (one.x1 + other.x0) / 2 / DISTANCE, one.top[nodes], other.top[nodes])
                whole = _measure(views, int(nodes[0]), path - 0.5, one.height / _HEIGHT)
                if whole is not None:
                    rest = [staff for staff in staves if staff not in (one, other)]
                    return _joined(views, [whole, *rest])
    return staves


def _goes_on(one: Staff, other: Staff) -> bool:
    """Whether the right staff is the left one's other part, by where each would meet the other."""
    gap = other.x0 - one.x1
    if gap > _MAX_GAP:
        return False
    left, right = one.nodes.stop - 1, other.nodes.start
    apart = (one.top[right] - other.top[right], one.top[left] - other.top[left])
    return bool(np.abs(apart).mean() < 0.6 * DISTANCE + 0.03 * max(0.0, gap))


def _around_nodes(ink: FloatArray) -> FloatArray:
    """The mean of the columns around every node, and of the rows above and below: float32 [height, nodes]."""
    nodes = (ink.shape[1] // DISTANCE, ink.shape[0])
    columns = cv2.resize(ink[:, : nodes[0] * DISTANCE], nodes, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(columns, (3, 1)), np.float32)


def _comb(seen: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Evidence that a staff's top line is here, and its spacing: float32 [height, nodes]; one line may be hidden."""
    height = len(seen)
    best, spacings = np.zeros_like(seen), np.ones_like(seen)
    for spacing in _SPACINGS:
        offsets = [round(line * DISTANCE * spacing) for line in range(5)]
        rows = height - offsets[-1]
        weakest = seen[:rows]
        next_weakest = np.full_like(weakest, np.inf)
        for offset in offsets[1:]:
            line = seen[offset : offset + rows]
            next_weakest = np.minimum(next_weakest, np.maximum(weakest, line))
            weakest = np.minimum(weakest, line)
        half = round(DISTANCE * spacing / 2)
        spaces = np.sum([seen[offset + half : offset + half + rows] for offset in offsets[:4]], axis=0)
        clear = (2 * weakest + next_weakest) / np.float32(3) - spaces / np.float32(8)
        clear *= np.float32(1 - _UNUSUAL * abs(spacing - 1))
        np.copyto(spacings[:rows], np.float32(spacing), where=clear > best[:rows])
        np.maximum(best[:rows], clear, out=best[:rows])
    return best, spacings


def _paths(evidence: FloatArray, spacings: FloatArray) -> Iterator[tuple[int, Curve, float]]:
    """Top lines from the strongest evidence on: the first node, the row at every node from there, and the spacing."""
    left = evidence.copy()
    together = cv2.blur(left, (5, 3), borderType=cv2.BORDER_CONSTANT)
    while True:
        row, seed = np.unravel_index(int(np.argmax(together)), together.shape)
        if together[row, seed] < _MIN_SEED * 0.6:
            return
        rows = {int(seed): float(row)}
        for step in (-1, 1):
            rows |= _follow(left, int(seed), int(row), step)
        known = sorted(rows)
        nodes = np.arange(known[0], known[-1] + 1)
        path = np.interp(nodes, known, [rows[node] for node in known])
        if len(path) >= _MIN_STEPS:
            at = np.clip(np.rint(path), 0, len(left) - 1).astype(np.int64)
            yield known[0], path, float(np.median(spacings[at, nodes]))
        # What overlaps a staff is the same staff seen shifted by some lines.
        for node, here in zip(nodes, path, strict=True):
            near = slice(max(0, round(here - 1.1 * _HEIGHT)), round(here + 1.1 * _HEIGHT) + 1)
            left[near, node] = 0
        top, bottom = max(0, int(path.min() - 1.2 * _HEIGHT)), int(path.max() + 1.2 * _HEIGHT) + 2
        together[top:bottom] = cv2.blur(left[top:bottom], (5, 3), borderType=cv2.BORDER_CONSTANT)


def _follow(evidence: FloatArray, node: int, row: int, step: int) -> dict[int, float]:
    """{node: row} of the line that goes on to the right (step 1) or left (-1)."""
    count = evidence.shape[1]
    found: dict[int, float] = {}
    here, slope, missing = float(row), 0.0, 0
    while 0 <= node + step < count and missing < _MAX_MISSING:
        node += step
        expected = here + slope
        first = max(0, round(expected) - _REACH)
        near = evidence[first : round(expected) + _REACH + 1, node].tolist()
        if not near:
            break
        most = max(near)
        if most < _MIN_EVIDENCE:
            missing += 1
            here = expected
            continue
        strong = [row for row, value in enumerate(near) if value > 0.97 * most]
        best = first + sum(strong) / len(strong)
        slope = 0.75 * slope + 0.25 * (best - here) if not missing else slope
        here, missing = 0.4 * expected + 0.6 * best, 0
        found[node] = here
    return found


def _measure(views: _Views, first: int, path: Curve, spacing: float) -> Staff | None:
    """The staff along a path: its lines' rows, smoothed; None when it turns out to be none."""
    seen = views.seen
    height, count = seen.shape
    nodes = np.arange(first, first + len(path))
    # Ledger lines in a dense passage can look like the staff's sixth line; its own are there all along.
    offsets = np.arange(-3, 8) * DISTANCE * spacing
    rows = np.rint(path + offsets[:, None]).astype(np.int64)
    shares = np.where((rows >= 0) & (rows < height), seen[np.clip(rows, 0, height - 1), nodes], 0).mean(axis=1)
    shift = int(np.argmax(np.convolve(shares, np.ones(5), mode="valid"))) - 3
    path = path + shift * DISTANCE * spacing
    found = _fit(views.exact, first, path, count, spacing)
    if found is None:
        return None
    top, bottom = found
    line = np.linspace(top[nodes], bottom[nodes], 5)
    space = (line[1:] + line[:-1]) / 2

    def share(view: FloatArray, rows: Curve) -> Curve:
        inside: Curve = view[np.clip(np.rint(rows - 0.5), 0, height - 1).astype(np.int64), nodes].mean(axis=1)
        return inside

    whole, between = share(seen, line), share(seen, space)
    if np.median(share(views.unbroken, line) / np.maximum(whole, 1e-6)) < _MIN_UNBROKEN:
        return None
    weakest, next_weakest = np.sort(whole)[:2]
    is_whole = bool(weakest >= _MIN_HIDDEN)
    least = max(_MIN_LINE, float(between.mean()) + _MIN_CONTRAST) if is_whole else _MIN_OTHERS
    if next_weakest < least or not (is_whole or 0 < whole.argmin() < 4):
        return None
    return Staff(float(first * DISTANCE), float((first + len(path)) * DISTANCE), top, bottom, is_whole)


def _fit(exact: FloatArray, first: int, path: Curve, count: int, spacing: float) -> tuple[Curve, Curve] | None:
    """The curves of the top and bottom line, from the darkness around each of the five lines."""
    height = len(exact)
    nodes = np.arange(first, first + len(path))
    offsets = np.arange(-4, 5)
    rows = np.rint(path + DISTANCE * spacing * np.arange(5)[:, None]).astype(np.int64)  # [line, node]
    near = np.clip(rows + offsets[:, None, None], 0, height - 1)
    dark = exact[near, nodes]  # [offset, line, node]
    dark = np.maximum(dark - 0.5 * dark.max(axis=0), 0)
    weight = dark.sum(axis=0) + 1e-6
    centre = rows + 0.5 + (dark * offsets[:, None, None]).sum(axis=0) / weight
    sure = dark.max(axis=0) > 0.1
    if sure.sum() < 2 * len(path):
        return None
    at_line, at_node = np.nonzero(sure)
    away = at_line - 2.0
    x = (at_node - len(path) / 2) / len(path)
    # Unknown are the middle line's row at every node, which hardly bends, and a spacing that changes along the staff.
    spacings = np.stack([away, away * x, away * x**2])
    stiffness = _stiffness(len(path))
    target, trust = centre[sure], np.ones(len(away))
    equations, right = np.empty_like(stiffness), np.empty(len(path) + 3)
    for _ in range(4):  # reweighted: what lies off the lines (ledger lines, beams) loses its say
        weighted = spacings * trust
        equations[:] = stiffness
        equations[range(len(path)), range(len(path))] += np.bincount(at_node, trust, len(path))
        both = np.stack([np.bincount(at_node, one, len(path)) for one in weighted])
        equations[-3:, :-3] += both
        equations[:-3, -3:] += both.T
        equations[-3:, -3:] += weighted @ spacings.T
        right[:-3] = np.bincount(at_node, trust * target, len(path))
        right[-3:] = weighted @ target
        solution = np.linalg.solve(equations, right)
        trust = 1 / (1 + ((target - solution[at_node] - solution[-3:] @ spacings) / 0.7) ** 2)
    x = (np.arange(len(path)) - len(path) / 2) / len(path)
    half = 2 * (solution[-3] + solution[-2] * x + solution[-1] * x**2)
    middle = solution[:-3]
    return _continued(middle - half, first, count), _continued(middle + half, first, count)


def _stiffness(nodes: int) -> Curve:
    """What bending costs: float64 [nodes + 3, nodes + 3], the last three rows for the spacing."""
    stiffness = np.zeros((nodes + 3, nodes + 3))
    second = np.diff(np.eye(nodes), 2, axis=0)
    stiffness[:-3, :-3] = _STIFFNESS * second.T @ second
    stiffness[-1, -1] = nodes
    return stiffness


def _continued(curve: Curve, first: int, count: int) -> Curve:
    """The curve, from node ``first`` on, at all of the page's nodes: beyond its ends it goes on as it last went."""
    ends = min(len(curve), _END_STEPS)
    fall = (curve[ends - 1] - curve[0]) / (ends - 1), (curve[-1] - curve[-ends]) / (ends - 1)
    before = curve[0] - fall[0] * np.arange(first, 0, -1)
    after = curve[-1] + fall[1] * np.arange(1, count - first - len(curve) + 1)
    return np.concatenate([before, curve, after])
