"""The one scale at which pages are analysed, and a staff on a flat page at that scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Curve = npt.NDArray[np.float64]

DISTANCE = 10
"""Px from one staff line to the next on the images that staves are looked for in; also the step along a staff."""


@dataclass(frozen=True)
class Level:
    """One straight, level staff: left and right end, rows of the centres of its top and bottom line, in px."""

    x0: float
    x1: float
    top: float
    bottom: float
