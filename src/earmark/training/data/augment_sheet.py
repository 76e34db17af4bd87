"""Random changes that make strips look like the world: other presses, old paper, cameras, scanners, files.

A strip passes through the ways in the order in which they happen: it is printed, bent, shows the other side of its
leaf, is caught out of focus and too coarsely, made black and white, photographed, and saved. Each function changes some
strips, float32 [n, rows, columns] of ink (0 = paper, 1 = ink), on whatever device they lie. It takes its chances from
the one that is handed in, and an ``amount`` [n, 1, 1] of 0 (next to nothing) to 1 (a musician can just read it). No
column moves but by the scale that the caller knows.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from earmark.training.data.chances import Chances, send

Way = Callable[..., Tensor]
"""Takes chances, strips and amounts, and for some ways another strip each."""
SEVERITIES = np.array([(0.0, 0.2), (0.2, 0.6), (0.6, 1.0)])
"""A third of the strips each is nearly clean, worse, and bad: clean ones stay what the encoder knows best."""
REACH_PX = 20  # rows in which neighbouring systems may come into view
BLOCK = 8  # a JPEG's, in px
LUMINANCE = [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
]
"""The steps to which a JPEG of quality 50 rounds frequencies (ITU T.81, table K.1)."""


def augment_sheet(chance: Chances, ink: Tensor, scale: Tensor, worst: float = 1.0) -> Tensor:
    """Strips, each worse in its own ways and as bad as chance has it.

    ``ink`` float32 [batch, rows, columns] is wider than what training gets of it, its columns and rows multiples of 8;
    ``scale`` [batch] > 1 enlarges about the centre. ``worst`` is what is made of the worst: 1 what a musician can just
    read, 0 next to nothing of any strip. Returns the same shape, 0..1: what is at distance d from the centre has moved
    to distance d * scale. Neighbouring systems and the other side of the leaf are the batch's other strips.
    """
    batch = len(ink)
    low, high = SEVERITIES[chance.rng.integers(len(SEVERITIES), size=batch)].T
    severity = worst * chance.rng.uniform(low, high)

    def amounts(share: float) -> npt.NDArray[np.float64]:
        """How much of something that befalls this share of the strips."""
        return np.where(chance.rng.random(batch) < share, chance.rng.uniform(0, severity), 0.0)

    def all_of(amount: npt.NDArray[np.float64]) -> Tensor:
        return chance.send(amount)[:, None, None]

    def some(way: Way, share: float, *others: Tensor) -> None:
        """Change those that it befalls, each with its own of ``others``; the rest stays what it is."""
        nonlocal ink
        amount = amounts(share)
        if (chosen := np.flatnonzero(amount)).size:
            index = send(chosen, chance.device)
            with_others = (other[index] for other in others)
            changed = way(chance, ink[index], chance.send(amount[chosen])[:, None, None], *with_others)
            ink = ink.index_copy(0, index, changed)

    whole = ink

    def another() -> Tensor:
        """For each strip another of the batch, as it was at first."""
        return whole.roll(1 + int(chance.rng.integers(max(1, batch - 1))), 0)

    some(add_neighbours, 0.4, another())
    some(break_lines, 0.3)
    ink = move(chance, ink, scale, all_of(amounts(0.8)))
    some(spread, 0.6)
    some(show_through, 0.3, another())
    some(defocus, 0.5)
    some(coarsen, 0.25)
    some(speckle, 0.3)
    some(make_bilevel, 0.15)
    ink = light(chance, ink, all_of(np.maximum(amounts(0.7), amounts(0.7))))
    ink = roughen(chance, ink, all_of(amounts(0.7))).clamp(0, 1)
    some(compress, 0.4)
    return ink


def add_neighbours(chance: Chances, ink: Tensor, amount: Tensor, other: Tensor) -> Tensor:
    """The systems above and below come into view, by up to `REACH_PX` rows: parts of ``other``."""
    count, rows, columns = ink.shape
    above, below = (torch.round(REACH_PX * amount * chance.uniform(0.3, 1, count, 1, 1)).long() for _ in range(2))
    # The middle of a system is 30 to 40 rows from what is above and below it: begin where its staves end.
    end = rows - chance.below(25, count, 1, 1)
    row = torch.arange(rows, device=ink.device)[None, :, None]
    is_above, is_below = row < above, row >= rows - below
    source = torch.where(is_above, end - above + row, below + row - end)
    seen = other.gather(1, source.clamp(0, rows - 1).expand(-1, -1, columns))
    return torch.where(is_above | is_below, torch.maximum(ink, seen), ink)


def break_lines(chance: Chances, ink: Tensor, amount: Tensor) -> Tensor:
    """A worn plate, a dry pen: the ink is lost or pale in patches of about half a staff."""
    count, rows, columns = ink.shape
    return ink * (1 - amount * chance.cloud(count, (rows, columns), 6, 6).clamp(0, 1))


def move(chance: Chances, ink: Tensor, scale: Tensor, amount: Tensor) -> Tensor:
    """Enlarged by ``scale`` [n]; shifted, turned, waving up and down by up to 2 px, leaning by up to 3 degrees, and up
    to a tenth too high or low for the width, as where staff heights were measured wrongly."""
    count, rows, columns = ink.shape
    x = torch.arange(columns, device=ink.device) - (columns - 1) / 2
    y = (torch.arange(rows, device=ink.device) - (rows - 1) / 2)[:, None]
    slope = chance.normal(count, 1, 1) * (0.004 + 0.006 * amount)
    lean = chance.uniform(-0.05, 0.05, count, 1, 1) * amount
    height = scale[:, None, None] * (1 + chance.uniform(-0.1, 0.1, count, 1, 1) * amount.clamp(min=0.3))
    wave = chance.cloud(count, (rows, columns), 3 * rows, columns // 8).clamp(-2, 2) * amount
    from_x = x / scale[:, None, None] + lean * y
    from_y = y / height + slope * x + wave + chance.uniform(-3, 3, count, 1, 1)
    grid = torch.stack([from_x * (2 / columns), from_y * (2 / rows)], dim=3)
    return F.grid_sample(ink[:, None], grid, align_corners=False)[:, 0]


def spread(chance: Chances, ink: Tensor, amount: Tensor) -> Tensor:
    """Ink that ran, up to 0.5 px to every side, or that did not take, up to 0.35 px."""
    runs = chance.happens(0.6, len(ink), 1, 1)
    sign = torch.where(runs, 1.0, -1.0)
    most = sign * F.max_pool2d(sign * ink, 3, stride=1, padding=1)
    return torch.lerp(ink, most, torch.where(runs, 0.5, 0.35) * amount)


def show_through(_: Chances, ink: Tensor, amount: Tensor, other: Tensor) -> Tensor:
    """The other side of the leaf, mirrored and blurred, at up to 35 % of its darkness."""
    back = _blur(other.flip(2), torch.full_like(amount, 0.8))
    return 1 - (1 - ink) * (1 - 0.35 * amount * back)


def defocus(_: Chances, ink: Tensor, amount: Tensor) -> Tensor:
    """Out of focus: a Gaussian of up to 1 px."""
    return _blur(ink, amount.clamp(min=0.2))


def coarsen(_: Chances, ink: Tensor, amount: Tensor) -> Tensor:
    """Scanned at down to half the resolution."""
    factor = 1 + amount
    # What a coarse pixel sees is a mean over ``factor`` px: whole the one in the middle, of its neighbours the rest.
    side = (factor - 1) / (2 * factor)
    for axis in (1, 2):
        before, here, after = _near(ink, axis, 1)
        ink = (1 - 2 * side) * here + side * (before + after)
    return _zoom(_zoom(ink, factor), 1 / factor)


def speckle(chance: Chances, ink: Tensor, amount: Tensor) -> Tensor:
    """Dirt and holes of about 1 to 2 px, on up to 2 % of the strip."""
    count, rows, columns = ink.shape
    size = chance.uniform(1, 2, count, 1, 1)
    row, column = (torch.arange(length, device=ink.device) for length in (rows, columns))
    cluster = (row[:, None] / size).long() * columns + (column / size).long()
    noise = chance.grain(count, rows * columns).gather(1, cluster.flatten(1)).view_as(ink)
    rare = 3.2 - 0.9 * amount  # 0.1 to 2 % of normal noise lie beyond
    ink = torch.where(noise > rare, chance.uniform(0.5, 1, count, 1, 1), ink)
    return torch.where(noise < -rare, torch.zeros_like(ink), ink)


def make_bilevel(chance: Chances, ink: Tensor, amount: Tensor) -> Tensor:
    """Black and white, at twice the strip's resolution; threshold and hardness of the edge are chance's."""
    count = len(ink)
    large = F.interpolate(ink[:, None], scale_factor=2, mode="bicubic", align_corners=False)
    threshold = (0.2 + chance.uniform(0, 1, count, 1, 1) * (0.05 + 0.15 * amount))[:, None]
    steep = torch.exp(chance.uniform(math.log(2), math.log(20), count, 1, 1, 1))
    return F.avg_pool2d(((large - threshold) * steep + 0.5).clamp(0, 1), 2)[:, 0]


def light(chance: Chances, ink: Tensor, amount: Tensor) -> Tensor:
    """Pale ink, down to a fifth of black, or a light that falls to 0.3 from place to place on stained paper; rarely
    both. Photographs are mostly darker than scans, and old paper is never white."""
    count, rows, columns = ink.shape
    is_pale = chance.happens(0.5, count, 1, 1)
    pale, dark = (amount * torch.where(mostly, 1.0, 0.3) for mostly in (is_pale, ~is_pale))
    black = chance.uniform(0.75, 1.05, count, 1, 1) * (1 - chance.uniform(0.3, 0.8, count, 1, 1) * pale)
    shadow = (0.8 + 0.5 * chance.cloud(count, (rows, columns), 2 * rows, columns // 3)).clamp(0, 1)
    stains = (0.5 + 0.5 * chance.cloud(count, (rows, columns), 20, 20)).clamp(0, 1)
    shade = (1 - dark * shadow).clamp(min=0.3) * (1 - 0.2 * dark * stains)
    return 1 - shade * (1 - black * ink)


def roughen(chance: Chances, ink: Tensor, amount: Tensor) -> Tensor:
    """The paper's fibres and the camera's noise, less where it is dark."""
    return ink + (0.02 + 0.06 * amount) * chance.grain(*ink.shape) * (1 - 0.7 * ink)


def compress(_: Chances, ink: Tensor, amount: Tensor) -> Tensor:
    """Saved as JPEG of quality 90 down to 20; ``ink`` is 0..1 and so is what comes out."""
    count, rows, columns = ink.shape
    quality = torch.round(90 - 70 * amount)
    coarseness = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    steps = send(np.array(LUMINANCE, np.float32), ink.device)
    steps = torch.floor((steps * coarseness + 50) / 100).clamp(1, 255)[:, None, None]
    cosines = _cosines(ink.device)
    grey = torch.floor(255 - 255 * ink) - 128
    blocks = grey.view(count, rows // BLOCK, BLOCK, columns // BLOCK, BLOCK).transpose(2, 3)
    rounded = torch.round(cosines @ blocks @ cosines.T / steps) * steps
    decoded = (cosines.T @ rounded @ cosines).transpose(2, 3).reshape(count, rows, columns)
    return 1 - torch.round(decoded + 128).clamp(0, 255) / 255


def _cosines(device: torch.device) -> Tensor:
    """The discrete cosine transform of a block: float32 [frequency, px]."""
    frequency, px = np.mgrid[:BLOCK, :BLOCK]
    waves = np.cos((2 * px + 1) * frequency * np.pi / (2 * BLOCK)) * np.sqrt(2 / BLOCK)
    waves[0] /= np.sqrt(2)
    return send(waves.astype(np.float32), device)


def _blur(ink: Tensor, deviation: Tensor) -> Tensor:
    """A Gaussian of ``deviation`` [n, 1, 1] px, cut at 3 px."""
    weights = [torch.exp(-0.5 * (distance / deviation) ** 2) for distance in range(4)]
    whole = weights[0] + 2 * (weights[1] + weights[2] + weights[3])
    for axis in (1, 2):
        near = _near(ink, axis, 3)
        sides = (weights[distance] * (near[3 - distance] + near[3 + distance]) for distance in (1, 2, 3))
        ink = (weights[0] * ink + sum(sides)) / whole
    return ink


def _near(ink: Tensor, axis: int, reach: int) -> list[Tensor]:
    """What is -``reach`` to ``reach`` px from each px along an axis; the outermost again beyond the end."""
    wider = (reach, reach, 0, 0) if axis == 2 else (0, 0, reach, reach)
    padded = F.pad(ink[:, None], wider, mode="replicate")[:, 0]
    return [padded.narrow(axis, first, ink.shape[axis]) for first in range(2 * reach + 1)]


def _zoom(ink: Tensor, factor: Tensor) -> Tensor:
    """What ``factor`` [n, 1, 1] times as many px show, about the upper left corner."""
    count, rows, columns = ink.shape
    theta = torch.zeros(count, 2, 3, device=ink.device)
    for axis in (0, 1):
        theta[:, axis, axis] = factor[:, 0, 0]
        theta[:, axis, 2] = factor[:, 0, 0] - 1
    grid = F.affine_grid(theta, [count, 1, rows, columns], align_corners=False)
    return F.grid_sample(ink[:, None], grid, padding_mode="border", align_corners=False)[:, 0]
