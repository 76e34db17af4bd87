"""Random changes that make strips look like the world: other presses, old paper, cameras, scanners, files.

A strip passes through the ways in the order in which they happen: it is printed, bent, shows the other side of its
leaf, is caught out of focus and too coarsely, made black and white, photographed, and saved. Each function changes one
strip, float32 [rows, columns] of ink (0 = paper, 1 = ink), draws from the generator that is handed in and takes an
``amount`` of 0 (next to nothing) to 1 (a musician can just read it). No column moves but by the scale that the caller
knows.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.schema import FloatArray

SEVERITIES = ((0.0, 0.2), (0.2, 0.6), (0.6, 1.0))
"""A third of the strips each is nearly clean, worse, and bad: clean ones stay what the encoder knows best."""
REACH_PX = 20  # rows in which neighbouring systems may come into view
AROUND = np.ones((3, 3), np.uint8)  # a px and the eight about it


def augment_sheet(rng: np.random.Generator, ink: Tensor, scale: npt.NDArray[np.floating], worst: float = 1.0) -> Tensor:
    """Strips, each worse in its own ways and as bad as chance has it.

    ``ink`` float32 [batch, rows, columns] is wider than what training gets of it; ``scale`` [batch] > 1 enlarges about
    the centre. ``worst`` is what is made of the worst: 1 what a musician can just read, 0 next to nothing of any strip.
    Returns the same shape, 0..1: what is at distance d from the centre has moved to distance d * scale.
    Neighbouring systems and the other side of the leaf are the batch's other strips.
    """
    strips = ink.numpy()
    batch, rows, columns = strips.shape
    severity = worst * rng.uniform(*np.transpose(rng.choice(SEVERITIES, batch)))
    beside, behind = ((np.arange(batch) + rng.integers(1, max(2, batch), batch)) % batch for _ in range(2))
    grain = rng.standard_normal((2 * rows, 2 * columns), np.float32)  # windows of it are cheaper than drawing anew
    worse = np.empty_like(strips)
    for i, strip in enumerate(strips):

        def amount(share: float, worst: float = severity[i]) -> float:
            """How much of something that befalls this share of the strips."""
            return float(rng.uniform(0, worst)) if rng.random() < share else 0.0

        changed = add_neighbours(rng, strip, strips[beside[i]], amount(0.4))
        changed = break_lines(rng, changed, amount(0.3))
        changed = move(rng, changed, float(scale[i]), amount(0.8))
        changed = spread(rng, changed, amount(0.6))
        changed = show_through(changed, strips[behind[i]], amount(0.3))
        changed = defocus(changed, amount(0.5))
        changed = coarsen(changed, amount(0.25))
        changed = speckle(rng, changed, _window(rng, grain, strip.shape), amount(0.3))
        changed = make_bilevel(rng, changed, amount(0.15))
        changed = light(rng, changed, max(amount(0.7), amount(0.7)))
        changed = roughen(changed, _window(rng, grain, strip.shape), amount(0.7))
        worse[i] = compress(changed, amount(0.4))
    return torch.from_numpy(worse)


def add_neighbours(rng: np.random.Generator, strip: FloatArray, other: FloatArray, amount: float) -> FloatArray:
    """The systems above and below come into view, by up to `REACH_PX` rows: parts of ``other``."""
    changed = strip.copy()
    above, below = (round(REACH_PX * amount * rng.uniform(0.3, 1)) for _ in range(2))
    # The middle of a system is 30 to 40 rows from what is above and below it: begin where its staves end.
    end = len(other) - int(rng.integers(0, 25))
    if above:
        changed[:above] = np.maximum(changed[:above], other[end - above : end])
    if below:
        changed[-below:] = np.maximum(changed[-below:], other[len(other) - end :][:below])
    return changed


def break_lines(rng: np.random.Generator, strip: FloatArray, amount: float) -> FloatArray:
    """A worn plate, a dry pen: the ink is lost or pale in patches of about half a staff."""
    if not amount:
        return strip
    wear = _cloud(rng, strip.shape, 6, 6)
    return strip * (1 - amount * np.clip(wear, 0, 1))


def move(rng: np.random.Generator, strip: FloatArray, scale: float, amount: float) -> FloatArray:
    """Enlarged by ``scale``; shifted, turned, waving up and down by up to 2 px, leaning by up to 3 degrees, and up to a
    tenth too high or low for the width, as where staff heights were measured wrongly."""
    rows, columns = strip.shape
    x = np.arange(columns, dtype=np.float32) - np.float32((columns - 1) / 2)
    y = (np.arange(rows, dtype=np.float32) - np.float32((rows - 1) / 2))[:, None]
    slope = rng.normal(0, 0.004 + 0.006 * amount)
    lean = rng.uniform(-0.05, 0.05) * amount
    height = scale * (1 + rng.uniform(-0.1, 0.1) * max(0.3, amount))
    wave = np.clip(_cloud(rng, strip.shape, 3 * rows, columns // 8), -2, 2) * np.float32(amount)
    from_x = x / np.float32(scale) + np.float32(lean) * y + np.float32((columns - 1) / 2)
    from_y = y / np.float32(height) + np.float32(slope) * x + wave + np.float32((rows - 1) / 2 + rng.uniform(-3, 3))
    return _image(cv2.remap(strip, from_x, from_y, cv2.INTER_LINEAR, borderValue=(0.0,)))


def spread(rng: np.random.Generator, strip: FloatArray, amount: float) -> FloatArray:
    """Ink that ran, up to 0.5 px to every side, or that did not take, up to 0.35 px."""
    if rng.random() < 0.6:
        return _mix(strip, _image(cv2.dilate(strip, AROUND)), 0.5 * amount)
    return _mix(strip, _image(cv2.erode(strip, AROUND)), 0.35 * amount)


def show_through(strip: FloatArray, other: FloatArray, amount: float) -> FloatArray:
    """The other side of the leaf, mirrored and blurred, at up to 35 % of its darkness."""
    if not amount:
        return strip
    back = _image(cv2.GaussianBlur(np.ascontiguousarray(other[:, ::-1]), (5, 5), 0.8))
    return 1 - (1 - strip) * (1 - np.float32(0.35 * amount) * back)


def defocus(strip: FloatArray, amount: float) -> FloatArray:
    """Out of focus: a Gaussian of up to 1 px."""
    return _image(cv2.GaussianBlur(strip, (7, 7), amount)) if amount > 0.2 else strip


def coarsen(strip: FloatArray, amount: float) -> FloatArray:
    """Scanned at down to half the resolution."""
    if not amount:
        return strip
    rows, columns = strip.shape
    factor = 1 + amount
    small = cv2.resize(strip, (round(columns / factor), round(rows / factor)), interpolation=cv2.INTER_AREA)
    return _image(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR))


def speckle(rng: np.random.Generator, strip: FloatArray, grain: FloatArray, amount: float) -> FloatArray:
    """Dirt and holes of about 1 to 2 px, on up to 2 % of the strip; ``grain`` is normal noise."""
    if not amount:
        return strip
    size = rng.uniform(1, 2)
    rows, columns = strip.shape
    cut = np.ascontiguousarray(grain[: round(rows / size), : round(columns / size)])
    clusters = cv2.resize(cut, (columns, rows), interpolation=cv2.INTER_NEAREST)
    rare = 3.2 - 0.9 * amount  # 0.1 to 2 % of normal noise lie beyond
    changed = np.where(clusters > rare, np.float32(rng.uniform(0.5, 1)), strip)
    return np.where(clusters < -rare, np.float32(0), changed)


def make_bilevel(rng: np.random.Generator, strip: FloatArray, amount: float) -> FloatArray:
    """Black and white, at twice the strip's resolution; threshold and hardness of the edge are chance's."""
    if not amount:
        return strip
    rows, columns = strip.shape
    large = cv2.resize(strip, (2 * columns, 2 * rows), interpolation=cv2.INTER_CUBIC)
    threshold = rng.uniform(0.2, 0.25 + 0.15 * amount)
    steep = np.exp(rng.uniform(np.log(2), np.log(20)))
    decided = np.clip((large - np.float32(threshold)) * np.float32(steep) + np.float32(0.5), 0, 1)
    return _image(cv2.resize(decided, (columns, rows), interpolation=cv2.INTER_AREA))


def light(rng: np.random.Generator, strip: FloatArray, amount: float) -> FloatArray:
    """Pale ink, down to a fifth of black, or a light that falls to 0.3 from place to place on stained paper; rarely
    both. Photographs are mostly darker than scans, and old paper is never white."""
    pale, dark = rng.permutation((amount, 0.3 * amount))
    black = rng.uniform(0.75, 1.05) * (1 - rng.uniform(0.3, 0.8) * pale)
    shadow = np.clip(0.8 + 0.5 * _cloud(rng, strip.shape, 2 * len(strip), strip.shape[1] // 3), 0, 1)
    stains = np.clip(0.5 + 0.5 * _cloud(rng, strip.shape, 20, 20), 0, 1)
    shade = np.maximum(1 - np.float32(dark) * shadow, np.float32(0.3)) * (1 - np.float32(0.2 * dark) * stains)
    lit: FloatArray = 1 - shade * (1 - np.float32(black) * strip)
    return lit


def roughen(strip: FloatArray, grain: FloatArray, amount: float) -> FloatArray:
    """The paper's fibres and the camera's noise, less where it is dark; ``grain`` is normal noise."""
    return strip + np.float32(0.02 + 0.06 * amount) * grain * (1 - np.float32(0.7) * strip)


def compress(strip: FloatArray, amount: float) -> FloatArray:
    """Saved as JPEG of quality 90 down to 20; cut to 0..1."""
    strip = np.clip(strip, 0, 1)
    if not amount:
        return strip
    grey = (255 - 255 * strip).astype(np.uint8)
    _, coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, round(90 - 70 * amount)])
    return 1 - np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)


def _mix(one: FloatArray, other: FloatArray, share: float) -> FloatArray:
    return one + np.float32(share) * (other - one)


def _cloud(rng: np.random.Generator, shape: tuple[int, ...], row_px: int, column_px: int) -> FloatArray:
    """Smooth normal noise that changes about every ``row_px`` rows and ``column_px`` columns."""
    rows, columns = shape
    knots = rng.standard_normal((2 + rows // row_px, 2 + columns // column_px), np.float32)
    return _image(cv2.resize(knots, (columns, rows), interpolation=cv2.INTER_CUBIC))


def _window(rng: np.random.Generator, field: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """A random part of ``field`` of this shape."""
    top, left = (int(rng.integers(whole - part + 1)) for whole, part in zip(field.shape, shape, strict=True))
    return field[top : top + shape[0], left : left + shape[1]]


def _image(made: object) -> FloatArray:
    """What OpenCV gives, by its type."""
    return np.asarray(made, np.float32)
