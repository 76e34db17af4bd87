"""Random numbers for a batch: drawn on the processor, so that every device is given the same ones."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

CPU = torch.device("cpu")
GRAINS = 1 << 22
"""Numbers in the table that fields of noise are windows of: drawing them anew costs more than a training step."""

Numbers = npt.NDArray[np.float64]


class Chances:
    """What chance has in store for a batch. Methods draw from ``rng``; tensors are float32 and lie on ``device``."""

    def __init__(self, rng: np.random.Generator, device: torch.device = CPU) -> None:
        self.rng, self.device = rng, device

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Evenly from ``low`` to ``high``."""
        return self.send(self.rng.uniform(low, high, shape))

    def normal(self, *shape: int) -> Tensor:
        """Normal, of unit variance."""
        return self.send(self.rng.standard_normal(shape, np.float32))

    def below(self, limit: int, *shape: int) -> Tensor:
        """Whole numbers from 0 to ``limit - 1``, int64."""
        return send(self.rng.integers(limit, size=shape), self.device)

    def happens(self, share: float, *shape: int) -> Tensor:
        """True in this share of the cases."""
        return send(self.rng.random(shape) < share, self.device)

    def grain(self, count: int, *shape: int) -> Tensor:
        """``count`` fields of normal noise [count, …], each a window of one table that never changes."""
        size = int(np.prod(shape))
        start = self.below(GRAINS - size, count)
        at = start[:, None] + torch.arange(size, device=self.device)
        return _table(self.device)[at].view(count, *shape)

    def curves(self, count: int, length: int, knots: int) -> Tensor:
        """Curves of unit variance at their knots, linear between: [count, length]."""
        values = self.normal(count, 1, knots)
        return F.interpolate(values, size=length, mode="linear", align_corners=True)[:, 0]

    def cloud(self, count: int, shape: tuple[int, int], row_px: int, column_px: int) -> Tensor:
        """Smooth normal noise that changes about every ``row_px`` rows and ``column_px`` columns: [count, *shape]."""
        rows, columns = shape
        knots = self.grain(count, 2 + rows // row_px, 2 + columns // column_px)
        across = _between_knots(columns, knots.shape[2], self.device).T
        return _between_knots(rows, knots.shape[1], self.device) @ (knots @ across)

    def send(self, values: npt.NDArray[np.floating]) -> Tensor:
        """Numbers of the caller's own, as float32."""
        return send(values.astype(np.float32), self.device)


def send(values: npt.NDArray[np.generic], device: torch.device) -> Tensor:
    """An array → a tensor on a device; a GPU need not have finished what it is doing."""
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)


@lru_cache(maxsize=2)
def _table(device: torch.device) -> Tensor:
    return send(np.random.default_rng(0).standard_normal(GRAINS, np.float32), device)


@lru_cache(maxsize=32)
def _between_knots(length: int, knots: int, device: torch.device) -> Tensor:
    """What each of the knots gives to each of ``length`` px that bicubic interpolation puts between: [length, knots].

    Two such products take a fifth of the time of interpolating every field.
    """
    identity = torch.eye(knots, device=device)[None, None]
    return F.interpolate(identity, size=(length, knots), mode="bicubic", align_corners=False)[0, 0]
