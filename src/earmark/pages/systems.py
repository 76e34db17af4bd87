"""The systems of a page, found from its image alone, by classical staff-line analysis.

1. The commonest distance between the tops of two runs of ink one above the other, over all columns, is the
   distance between staff lines (Fujinaga 2004, "Staff detection and removal"; Cardoso & Rebelo 2010).
2. Ink that is thin vertically is what may be staff line. A comb of five such lines at that distance gives
   evidence of a staff at every pixel.
3. From the strongest evidence a staff is followed left and right, stripe by stripe: it may slope or bend.
4. Staves that a vertical line joins (system start, bar lines) are one system.

Made for clean pages: engraved PDFs and good scans. Staves much smaller than the page's usual staff (ossias,
cues) are not found, and neither are staves of other than five lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.schema import Image, System

Mask = npt.NDArray[np.bool_]
Evidence = npt.NDArray[np.floating[Any]]

# All lengths below are in line distances (from one staff line to the next).
_STRIPE = 6.0  # a staff is followed in steps of this width
_MIN_LENGTH = 8.0  # of a staff, which is at least this share of the page too:
_MIN_WIDTH = 0.1
_DRIFT = 0.2  # how far a staff may rise or fall in one stripe
_MIN_DISTANCE_PX, _MAX_DISTANCE_PX = 4, 80
_MAX_GAP = 3.0  # between two parts of a staff; staves beside each other are farther apart
_MIN_INKED = 0.75  # share of every staff line that is there; ledger lines have gaps
_MIN_CONTRAST = 0.5  # by which that is more than the share of the spaces that is inked, unlike in a photo's grain
# Share of a stripe's columns in which all five lines must be seen (four count a third).
_MIN_EVIDENCE = 0.15


@dataclass(frozen=True)
class _Lines:
    """What staff lines look like on a page, in px."""

    distance: float
    thickness: float


@dataclass(frozen=True)
class _Staff:
    """Left and right end, centre of top and bottom line, in px."""

    x0: float
    x1: float
    top: float
    bottom: float


def find_systems(image: Image) -> list[System]:
    """The systems of one page image, uint8 [height, width], 255 = paper, in reading order.

    Boxes are in px of the image; y is exact to about half a px, x to about 3. A page without music gives [].
    """
    ink = _ink(image)
    for lines in _guess_lines(ink):
        staves = _find_staves(image, ink, lines)
        if staves:
            return _systems(ink, staves, lines)
    return []


def _ink(image: Image) -> Mask:
    """What is darker than the paper. Hairlines are only half dark, so the threshold is near the paper."""
    paper = np.median(image[::4, ::4]) if image.size else 0
    return image < 0.8 * paper


def _guess_lines(ink: Mask) -> Iterator[_Lines]:
    """The likeliest looks of the staff lines, the best first."""
    columns = np.ascontiguousarray(ink[:, ::4].T)
    padded = np.zeros((columns.shape[0], columns.shape[1] + 2), np.int8)
    padded[:, 1:-1] = columns
    edges = np.diff(padded, axis=1).ravel()
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if len(starts) < 2:
        return
    thicknesses, distances = (ends - starts)[:-1], np.diff(starts)
    thin = (distances <= _MAX_DISTANCE_PX) & (thicknesses * 2 < distances)
    counts = np.bincount(distances[thin], minlength=_MAX_DISTANCE_PX + 2).astype(float)
    counts[:_MIN_DISTANCE_PX] = 0
    for _ in range(3):
        peak = int(np.argmax(counts[:-1] + counts[1:]))
        near = slice(max(0, peak - 1), peak + 3)
        if counts[near].sum() < 100:
            return
        distance = float(np.average(np.arange(len(counts))[near], weights=counts[near]))
        alike = thin & (np.abs(distances - distance) <= 1.5)
        yield _Lines(distance, float(np.median(thicknesses[alike])))
        counts[near] = 0


def _find_staves(image: Image, ink: Mask, lines: _Lines) -> list[_Staff]:
    height, width = ink.shape
    d = lines.distance
    if height < 6 * d or width < _MIN_LENGTH * d:
        return []
    thin = _thin(ink, round(lines.thickness + max(1.0, 0.15 * d)))
    comb = _comb(_spread(thin), d)
    stripe = round(_STRIPE * d)
    edges = np.arange(0, width, stripe)
    weight = (comb == 4) + np.uint8(3) * (comb == 5)
    evidence = np.add.reduceat(weight, edges, axis=1, dtype=np.float32) / np.float32(3 * stripe)
    staves: list[_Staff] = []
    while True:
        path = _follow(evidence, d)
        if path is None:
            return staves
        first, rows = path
        staff = _measure(image, thin, ink, edges[first] + stripe / 2, stripe, rows, d)
        # What overlaps a found staff is the same staff seen shifted by some lines.
        last, top, bottom = first + len(rows) - 1, min(rows), max(rows)
        if staff is not None:
            staves = _add(staves, staff, d)
            first, last = min(first, int(staff.x0) // stripe), max(last, int(staff.x1 - 1) // stripe)
            top, bottom = min(top, staff.top), max(bottom, staff.top)
        evidence[max(0, round(top - 4.5 * d)) : round(bottom + 4.5 * d) + 1, first : last + 1] = 0


def _add(staves: list[_Staff], staff: _Staff, d: float) -> list[_Staff]:
    """The staves with one more, joined with those that are parts of it: a bent staff is followed in parts."""
    gap = _MAX_GAP * d

    def is_part(other: _Staff) -> bool:
        return abs(other.top - staff.top) < 2 * d and other.x0 - gap < staff.x1 and staff.x0 < other.x1 + gap

    parts = [staff, *filter(is_part, staves)]
    longest = max(parts, key=lambda part: part.x1 - part.x0)
    whole = replace(longest, x0=min(part.x0 for part in parts), x1=max(part.x1 for part in parts))
    return [*(other for other in staves if not is_part(other)), whole]


def _thin(ink: Mask, limit: int) -> Mask:
    """Ink in vertical runs of at most ``limit`` px."""
    inside = ink[: -limit or None].copy()
    for shift in range(1, limit + 1):
        inside &= ink[shift : shift + len(inside)]
    thin = ink.copy()
    for shift in range(limit + 1):
        thin[shift : shift + len(inside)] &= ~inside
    return thin


def _spread(mask: Mask) -> Mask:
    """The mask grown by 1 px up and down."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    return grown


def _comb(lines: Mask, distance: float) -> npt.NDArray[np.uint8]:
    """How many of a staff's five lines are there if its top line is at this pixel: uint8 [h - 4 d, w]."""
    offsets = [round(line * distance) for line in range(5)]
    rows = len(lines) - offsets[-1]
    count = np.zeros((rows, lines.shape[1]), np.uint8)
    for offset in offsets:
        count += lines[offset : offset + rows]
    return count


def _follow(evidence: Evidence, distance: float) -> tuple[int, list[float]] | None:
    """The strongest staff left in the evidence [row, stripe]: its first stripe and its row in every
    stripe."""
    # Five stripes together: in one alone, ledger lines or a beam may look as good as the staff.
    together = np.pad(np.cumsum(evidence, axis=1), ((0, 0), (3, 2)), mode="edge")
    together[:, :3] = 0
    total = np.where(evidence >= _MIN_EVIDENCE, together[:, 5:] - together[:, :-5], 0)
    row, seed = np.unravel_index(int(np.argmax(total)), total.shape)
    if total[row, seed] == 0:
        return None
    drift = max(1, round(_DRIFT * distance))
    rows = {int(seed): float(row)}
    for step in (-1, 1):
        stripe, last, missing = int(seed), int(row), 0
        while 0 <= stripe + step < evidence.shape[1] and missing < 4:
            stripe += step
            top = max(0, last - drift)
            near = evidence[top : last + drift + 1, stripe]
            if near.max() < _MIN_EVIDENCE:
                missing += 1
                continue
            # The middle of the best rows: growing the lines made them three alike.
            rows[stripe] = top + float(np.flatnonzero(near > 0.99 * near.max()).mean())
            last, missing = round(rows[stripe]), 0
    stripes = range(min(rows), max(rows) + 1)
    known = sorted(rows)
    return stripes[0], [float(np.interp(stripe, known, [rows[k] for k in known])) for stripe in stripes]


def _measure(
    image: Image, thin: Mask, ink: Mask, first_centre: float, stripe: int, rows: list[float], d: float
) -> _Staff | None:
    """The exact ends and lines of a staff that was followed in stripes; None when it turns out to be none."""
    height, width = image.shape
    centres = first_centre + stripe * np.arange(len(rows))
    columns = np.arange(width)
    followed = (columns >= centres[0] - stripe / 2) & (columns < centres[-1] + stripe / 2)
    tilt = np.polyfit(centres, rows, 1)[0] if len(rows) > 1 else 0.0
    beyond = columns - np.clip(columns, centres[0], centres[-1])
    path = np.rint(np.interp(columns, centres, rows) + tilt * beyond).astype(int)

    def along(mask: Mask, line: int) -> Mask:
        rows = np.clip(path + round(line * d), 1, height - 2)
        values: Mask = mask[rows - 1, columns] | mask[rows, columns] | mask[rows + 1, columns]
        return values

    def four_of_five(mask: Mask) -> Mask:
        counts: npt.NDArray[np.int64] = np.sum([along(mask, line) for line in range(5)], axis=0)
        return counts >= 4

    # Ledger lines in a dense passage can look like the staff's sixth line; the staff's own are there all
    # along.
    shares = [along(ink, line)[followed].mean() for line in range(-2, 7)]
    shift = int(np.argmax(np.convolve(shares, np.ones(5), mode="valid"))) - 2
    path += round(shift * d)
    seen = np.flatnonzero(followed & four_of_five(thin))
    if len(seen) == 0:
        return None
    # Where there is no thin ink (bar lines, dense passages) the staff goes on as long as its lines are inked.
    inked = four_of_five(ink)
    gap = max(1, round(0.15 * d))
    left, right = _walk(inked, int(seen[0]), -1, gap), _walk(inked, int(seen[-1]), 1, gap)
    staff = slice(left, right + 1)
    whole = min(along(ink, line)[staff].mean() for line in range(5))
    spaces = path[staff] + np.rint(d * np.array([[0.5], [1.5], [2.5], [3.5]])).astype(int)
    between = ink[np.clip(spaces, 0, height - 1), columns[staff]].mean()
    if right - left < max(_MIN_LENGTH * d, _MIN_WIDTH * width):
        return None
    if whole < max(_MIN_INKED, between + _MIN_CONTRAST):
        return None
    # Darkness around each line, averaged along the staff where all is thin, gives its centre to a part of a
    # px.
    offsets = np.arange(-round(0.35 * d), round(0.35 * d) + 1)
    middles = []
    for line in range(5):
        around = path[seen] + round(line * d) + offsets[:, None]
        darkness = 255.0 - image[np.clip(around, 0, height - 1), seen].mean(axis=1)
        darkness -= darkness.min()
        middles.append(round(line * d) + np.average(offsets, weights=darkness + 1e-9))
    spacing, top = np.polyfit(np.arange(5), middles, 1)
    y = float(path[seen].mean()) + 0.5 + float(top)
    return _Staff(float(left), float(right + 1), y, y + 4 * float(spacing))


def _walk(inked: Mask, start: int, step: int, gap: int) -> int:
    """The last inked index from ``start`` on in steps, with at most ``gap`` that are not inked between."""
    last = here = start
    while 0 <= here + step < len(inked) and abs(here + step - last) <= gap + 1:
        here += step
        if inked[here]:
            last = here
    return last


def _systems(ink: Mask, staves: list[_Staff], lines: _Lines) -> list[System]:
    """Staves → systems in reading order: top to bottom, beside each other left to right."""
    groups: list[list[_Staff]] = []
    for staff in sorted(staves, key=lambda staff: staff.top):
        above = [group for group in groups if _joined(ink, group[-1], staff, lines)]
        if above:
            above[-1].append(staff)
        else:
            groups.append([staff])
    systems = []
    for group in groups:
        box = (min(s.x0 for s in group), group[0].top, max(s.x1 for s in group), group[-1].bottom)
        mean_height = sum(s.bottom - s.top for s in group) / len(group)
        systems.append(System(box, tuple((s.top, s.bottom) for s in group), mean_height))
    return systems


def _joined(ink: Mask, upper: _Staff, lower: _Staff, lines: _Lines) -> bool:
    """Whether a vertical line runs from the upper staff to the lower, at the left or right end of both."""
    d = lines.distance
    top, bottom = round(upper.bottom), round(lower.top)
    if bottom <= top:
        return False
    for x_upper, x_lower in ((upper.x0, lower.x0), (upper.x1, lower.x1)):
        if abs(x_upper - x_lower) > d:
            continue
        left = max(0, round(min(x_upper, x_lower) - d))
        between = ink[top:bottom, left : round(max(x_upper, x_lower) + d)]
        # A line that leans passes from one column to the next.
        grown = between.copy()
        grown[:, 1:] |= between[:, :-1]
        if (grown.mean(axis=0) > 0.97).any():
            return True
    return False
