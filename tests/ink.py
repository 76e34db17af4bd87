"""Strips of ink as the sheet encoder sees them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from earmark.schema import FloatArray, Ink
from earmark.sheet.strips import heads_of


def one_system(strip: FloatArray) -> Ink:
    """What is seen of a strip float32 [lanes, rows, columns] that is one system."""
    return in_systems(strip, [0])


def in_systems(strip: FloatArray, begins: Sequence[int]) -> Ink:
    """What is seen of a strip in which systems begin at these columns."""
    pixels = np.round(255 * (1 - strip)).astype(np.uint8)
    return Ink(strip, heads_of(pixels, np.array(begins)))
