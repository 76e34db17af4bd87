"""Twelve ways in which a page gets worse between the press and the file, each the same at every call.

Every way takes a page image, uint8 [height, width] at 200 dpi, and a random generator, and gives the worse image and
where every point of the page lies on it: a function from float64 [n, 2] of (x, y) px to the same of the new image.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from earmark.schema import Box, Image

Points = npt.NDArray[np.float64]
Mapping = Callable[[Points], Points]
Degraded = tuple[Image, Mapping]
PAPER = 255


def skew(image: Image, rng: np.random.Generator) -> Degraded:
    """Turned by 2 to 5 degrees, to either side."""
    return _moved(image, _turn(image, rng.uniform(2, 5) * rng.choice([-1, 1])))


def perspective(image: Image, rng: np.random.Generator) -> Degraded:
    """Photographed from aside: every corner moved inwards by up to 6 % of width and height."""
    height, width = image.shape
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    inwards = rng.uniform(0, 0.06, (4, 2)) * (width, height) * [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    matrix = cv2.getPerspectiveTransform(corners, (corners + inwards).astype(np.float32))
    return _moved(image, matrix.astype(np.float64))


def uneven_light(image: Image, rng: np.random.Generator) -> Degraded:
    """Light that falls to 30 to 45 % from one corner to the other, with the round shadow of a head."""
    height, width = image.shape
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    slope = ((x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)) / 1.42 + 0.5
    light = 1 - slope * rng.uniform(0.55, 0.7)
    away = np.hypot(x - rng.uniform(0.2, 0.8), (y - rng.uniform(0.2, 0.8)) * height / width)
    light *= 1 - 0.4 / (1 + np.exp((away - 0.25) * 30))
    return _noisy(image * light, rng, 3), _same


def borders(image: Image, rng: np.random.Generator) -> Degraded:
    """A scanner's black border of 3 to 8 % on every side, and the shadow of the gutter on one."""
    height, width = image.shape
    top, bottom = (round(height * share) for share in rng.uniform(0.02, 0.05, 2))
    left, right = (round(width * share) for share in rng.uniform(0.02, 0.05, 2))
    x = np.arange(width) / width
    shadow = 1 - 0.75 * np.exp(-(x if rng.random() < 0.5 else 1 - x) / 0.035)
    worse = cv2.copyMakeBorder(
        (image * shadow).astype(np.uint8), top, bottom, left, right, cv2.BORDER_CONSTANT, value=(12,)
    )
    return _noisy(worse, rng, 6), lambda points: points + np.array([left, top])


def show_through(image: Image, rng: np.random.Generator) -> Degraded:
    """The other side of the leaf, mirrored, blurred and shifted, at 30 % of its darkness, on yellowed paper."""
    other = cv2.GaussianBlur(np.roll(image[:, ::-1], int(rng.integers(15, 60)), axis=0), (0, 0), 2.0)
    paper = 215 - 0.3 * (PAPER - other.astype(np.float32))
    return _noisy(paper * (0.15 + 0.85 * image / PAPER), rng, 4), _same


def low_contrast(image: Image, rng: np.random.Generator) -> Degraded:
    """Pale ink on grey paper, 160 on 205, with noise."""
    return _noisy(160 + 45 * (image / PAPER), rng, 6), _same


def salt_and_pepper(image: Image, rng: np.random.Generator) -> Degraded:
    """One bit a pixel, 4 % of them wrong."""
    worse = np.where(image < 150, 0, PAPER).astype(np.uint8)
    wrong = rng.random(image.shape) < 0.04
    worse[wrong] = PAPER - worse[wrong]
    return worse, _same


def dpi_75(image: Image, rng: np.random.Generator) -> Degraded:
    """75 dots per inch."""
    return _scaled(image, 75 / 200)


def dpi_600(image: Image, rng: np.random.Generator) -> Degraded:
    """600 dots per inch."""
    return _scaled(image, 3.0)


def curl(image: Image, rng: np.random.Generator) -> Degraded:
    """A thick book's open page: lines bend by up to 2.5 % of the width towards the gutter and wave by 0.5 %."""
    height, width = image.shape
    bend, wave = rng.uniform(0.012, 0.025) * rng.choice([-1, 1]), rng.uniform(0.002, 0.005)
    phase, mirrored = rng.uniform(0, 2 * np.pi), rng.random() < 0.5

    def shift(x: Points) -> Points:
        share = 1 - x / width if mirrored else x / width
        shifted: Points = width * (bend * share**3 + wave * np.sin(2 * np.pi * 1.5 * share + phase))
        return shifted

    columns = np.arange(width, dtype=np.float64)
    y = np.arange(height)[:, None] - shift(columns + 0.5)[None]
    x = np.broadcast_to(columns, y.shape)
    worse = cv2.remap(image, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderValue=(float(PAPER),))
    return worse.astype(np.uint8), lambda points: points + np.stack([0 * points[:, 0], shift(points[:, 0])], axis=1)


def blur_and_jpeg(image: Image, rng: np.random.Generator) -> Degraded:
    """Out of focus (a Gaussian of 2 px) and saved as JPEG of quality 20."""
    blurred = _noisy(np.asarray(cv2.GaussianBlur(image, (0, 0), 2.0), np.float32), rng, 4)
    return _jpeg(blurred, 20), _same


def turned(image: Image, rng: np.random.Generator) -> Degraded:
    """Lying on its side or upside down: by 90, 180 or 270 degrees."""
    quarters = int(rng.integers(1, 4))
    height, width = image.shape

    def place(points: Points) -> Points:
        x, y = points.T
        both = {1: (y, width - x), 2: (width - x, height - y), 3: (height - y, x)}[quarters]
        return np.stack(both, axis=1)

    return np.ascontiguousarray(np.rot90(image, quarters)), place


def photograph(image: Image, rng: np.random.Generator) -> Degraded:
    """Perspective, uneven light, a little blur and JPEG together: a page photographed by hand."""
    worse, place = perspective(image, rng)
    worse, _ = uneven_light(worse, rng)
    return _jpeg(np.asarray(cv2.GaussianBlur(worse, (0, 0), 1.0), np.uint8), 50), place


WAYS: dict[str, Callable[[Image, np.random.Generator], Degraded]] = {
    way.__name__: way
    for way in (
        skew,
        perspective,
        uneven_light,
        borders,
        show_through,
        low_contrast,
        salt_and_pepper,
        dpi_75,
        dpi_600,
        curl,
        blur_and_jpeg,
        turned,
        photograph,
    )
}


def degrade(image: Image, way: str, name: str) -> Degraded:
    """``image`` worse in one of the `WAYS`; how much, is decided by the page's ``name``."""
    return WAYS[way](image, np.random.default_rng(zlib.crc32(f"{way} {name}".encode())))


def moved_box(box: Box, place: Mapping) -> Box:
    """The box that holds all of ``box``'s outline where it lies now."""
    x0, y0, x1, y1 = box
    along = np.linspace(0, 1, 21)[:, None]
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)])
    outline = np.concatenate([a + (b - a) * along for a, b in pairwise(corners)])
    points = place(outline)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _same(points: Points) -> Points:
    return points


def _jpeg(image: Image, quality: int) -> Image:
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)


def _noisy(image: npt.NDArray[np.floating] | Image, rng: np.random.Generator, sigma: float) -> Image:
    grain = rng.normal(0, sigma, image.shape).astype(np.float32)
    noisy: Image = np.clip(np.rint(image + grain), 0, 255).astype(np.uint8)
    return noisy


def _turn(image: Image, degrees: float) -> Points:
    """The matrix [3, 3] of a turn about the middle of the page."""
    height, width = image.shape
    return np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0), (0, 0, 1)])


def _moved(image: Image, matrix: Points) -> Degraded:
    """The image under a projective map of its px."""
    half = np.array([(1, 0, 0.5), (0, 1, 0.5), (0, 0, 1)])
    height, width = image.shape
    by_index = np.linalg.inv(half) @ matrix @ half
    worse = cv2.warpPerspective(image, by_index, (width, height), borderValue=(float(PAPER),))

    def place(points: Points) -> Points:
        moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
        placed: Points = moved[:, :2] / moved[:, 2:]
        return placed

    return worse.astype(np.uint8), place


def _scaled(image: Image, scale: float) -> Degraded:
    height, width = round(image.shape[0] * scale), round(image.shape[1] * scale)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    factors = np.array([width / image.shape[1], height / image.shape[0]])
    return cv2.resize(image, (width, height), interpolation=how).astype(np.uint8), lambda points: points * factors
