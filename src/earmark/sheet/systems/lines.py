"""What staff lines look like on a page: how far apart they lie, how they lean, and where thin ink is.

All measures are taken from grey values, relative to the paper around, so that uneven light, low contrast, show-through
and noise cost little. Lengths are in px of the image that is given; a *line distance* is that from one staff line to
the next.

The line distance is the lag at which the rows of thin ink resemble each other at one, two and three lags and not half
way between; octave by octave on the page halved again and again. If columns do so more than rows, the page lies on its
side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from earmark.schema import FloatArray, Image

MIN_DISTANCE_PX = 2.7
_LEVELS = 4
_STRIP_PX = 8  # columns averaged before rows are compared: evens out noise, and a skew of 10 degrees is 1.4 px in it
_CANDIDATES = 3
_LARGE_PX = 2000
_HAIRLINE = 64  # grey values by which a line is darker than paper; what is darker (noteheads) counts no more
_FINER = 4
_FEW_ROWS = 50
_MIN_STRENGTH = 0.1  # music has 0.15 to 0.6, noise and photographs less than 0.1
_MAX_SKEW_DEGREES = 10.0


@dataclass(frozen=True)
class Period:
    """A likely line distance in px, and how strongly the rows repeat at it (1 = perfectly)."""

    distance: float
    strength: float


def find_periods(image: Image) -> tuple[list[Period], list[Period]]:
    """The likeliest line distances of a page image whose staff lines run roughly along its rows, best first; and the
    same if they run along its columns.

    The rows' autocorrelation, summed over narrow vertical strips of thin ink, is high at one, two and three line
    distances and low half way between (after Fujinaga 2004, "Staff detection and removal", who takes run lengths). Each
    octave of distances is looked for in the image halved as often as makes it 4 to 8 px.
    """
    along_rows: list[Period] = []
    along_columns: list[Period] = []
    # On large pages, lines are not so close that they need the first level.
    firsts = [0 if size <= _LARGE_PX else 1 for size in image.shape[::-1]]
    for level in range(_LEVELS):
        for found, first, turned in ((along_rows, firsts[0], False), (along_columns, firsts[1], True)):
            if level >= first:
                at_level = np.ascontiguousarray(image.T) if turned else image
                found += _periods_of_octave(at_level, MIN_DISTANCE_PX if level == first else 4.0, 2**level)
        if min(image.shape) < 16 * _STRIP_PX:
            break
        halved = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)
        image = np.asarray(halved, np.uint8)
    return _likeliest(along_rows), _likeliest(along_columns)


def _likeliest(found: list[Period]) -> list[Period]:
    best: list[Period] = []
    for period in sorted(found, key=lambda period: -period.strength):
        if all(abs(np.log(period.distance / other.distance)) > 0.1 for other in best):
            best.append(period)
    return best[:_CANDIDATES]


def _periods_of_octave(image: Image, shortest: float, scale: int) -> Iterator[Period]:
    """The peaks among distances from ``shortest`` to 8 px of this image, which has been reduced ``scale`` times."""
    height, width = image.shape
    if height < 64 or width < 4 * _STRIP_PX:
        return
    thin = np.minimum(cv2.morphologyEx(image, cv2.MORPH_BLACKHAT, np.ones((5, 1), np.uint8)), _HAIRLINE)
    strips = cv2.resize(thin, (width // _STRIP_PX, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    strips -= cv2.blur(strips, (1, 31))
    size = cv2.getOptimalDFTSize(height + 32)
    spectrum = np.fft.rfft(strips, size, axis=0)
    power = (spectrum.real**2 + spectrum.imag**2).sum(axis=1)
    correlation = np.fft.irfft(power, _FINER * size)[: 32 * _FINER]  # zeros added: interpolates between the rows
    if correlation[0] <= 0:
        return
    distances = np.geomspace(0.9 * shortest, 8.8, 120)

    def at(multiple: float) -> npt.NDArray[np.float64]:
        lags = np.arange(32 * _FINER)
        value: npt.NDArray[np.float64] = np.interp(multiple * distances * _FINER, lags, correlation / correlation[0])
        return value

    strength = (at(1) + at(2) + at(3) - at(0.5) - at(1.5) - at(2.5)) / 3
    strength *= np.minimum(1, height / (_FEW_ROWS * distances))  # in few rows, chance makes patterns
    for peak in np.flatnonzero((strength[1:-1] >= strength[:-2]) & (strength[1:-1] > strength[2:])) + 1:
        if strength[peak] > _MIN_STRENGTH:
            yield Period(float(distances[peak]) * scale, float(strength[peak]))


def darkness(image: Image, distance: float) -> FloatArray:
    """How much darker than the paper around every pixel is: float32 [height, width], 0 = paper, 1 = black.

    The paper's brightness is the brightest that there is within a few line distances; the light on it may be uneven.
    """
    height, width = image.shape
    cell = max(1, round(distance * 0.8))
    small = cv2.resize(image, (max(1, width // cell), max(1, height // cell)), interpolation=cv2.INTER_AREA)
    paper = cv2.dilate(small, np.ones((7, 7), np.uint8)).astype(np.float32)
    paper = np.asarray(cv2.blur(paper, (5, 5)), np.float32)
    paper = np.maximum(paper, max(1.0, 0.3 * float(np.percentile(small, 90))))
    even = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    dark: FloatArray = np.clip(1 - image / even, 0, 1).astype(np.float32)
    return dark


def thin_ink(dark: FloatArray, distance: float) -> tuple[FloatArray, FloatArray]:
    """What may be staff line, and what hides it: two float32 [height, width] of 0 to 1.

    The first is ink with paper close above and below, as dark as lines commonly are or darker = 1; the second is ink
    that is thicker than a line.
    """
    reach = max(3, round(0.6 * distance) | 1)
    solid = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((reach, 1), np.uint8))
    thin = dark - solid
    common = max(0.04, float(np.percentile(thin[::3, ::3], 98)) if thin.size else 0.0)
    lines: FloatArray = np.minimum(thin / np.float32(0.6 * common), 1)
    thick: FloatArray = np.minimum(solid / np.float32(0.6 * common), 1)
    return lines, thick


def find_skew(lines: FloatArray, distance: float) -> float:
    """By how many degrees the lines fall to the right (negative: rise), from the sharpest profile of rows."""
    width = max(1, round(1.6 * distance))
    size = (max(1, lines.shape[1] // width), lines.shape[0])
    strips = np.asarray(cv2.resize(lines, size, interpolation=cv2.INTER_AREA), np.float32)
    strips = np.asfortranarray(strips)
    best = 0.0
    for reach, step, every in ((_MAX_SKEW_DEGREES, 1.0, 2), (0.75, 0.25, 1), (0.15, 0.05, 1)):
        angles, some = best + np.arange(-reach, reach + step / 2, step), strips[:, ::every]
        best = float(max(angles, key=lambda angle: _sharpness(some, every * width, angle)))
    return best


def _sharpness(strips: FloatArray, width: int, degrees: float) -> float:
    """How unlike the sums along lines that fall by so many degrees are."""
    height, count = strips.shape
    fall = np.rint(np.tan(np.radians(degrees)) * width * (np.arange(count) - count / 2)).astype(np.int64)
    sums = np.zeros(height, np.float32)
    for strip, by in zip(strips.T, np.clip(fall, -height, height).tolist(), strict=True):
        sums[max(0, -by) : height - max(0, by)] += strip[max(0, by) : height - max(0, -by)]
    return float((sums**2).sum())
