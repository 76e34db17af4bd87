"""Spectrograms with 8 bits a value, half of what a corpus keeps: those of a whole training fit into memory.

The scale is logarithmic in the magnitude above 0.05: half a step is 1.4 % of the magnitude there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BEND, LOUDEST = 0.05, 60.0
"""Magnitudes: where the scale turns from linear to logarithmic, and its upper end."""
Half = npt.NDArray[np.float16]
Bytes = npt.NDArray[np.uint8]

VALUES = np.log10(1 + BEND * np.expm1(np.arange(256) / 255 * np.log1p(LOUDEST / BEND))).astype(np.float32)
"""What each byte stands for: log10(1 + magnitude), float32 [256], rising from 0."""


def _nearest() -> Bytes:
    """The byte of every float16, by its bits: uint8 [65536]. What is no number is silence."""
    halves = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float64)
    magnitude = np.expm1(np.nan_to_num(halves).clip(0, np.log10(1 + LOUDEST)) * np.log(10))
    nearest: Bytes = np.rint(255 * np.log1p(magnitude / BEND) / np.log1p(LOUDEST / BEND)).astype(np.uint8)
    return nearest


_BYTES = _nearest()


def to_bytes(spectrogram: Half) -> Bytes:
    """log10(1 + magnitude) float16 [...] → the nearest bytes, uint8 [...]; what is louder than `LOUDEST` is as loud."""
    return _BYTES[spectrogram.view(np.uint16)]


def from_bytes(packed: Bytes) -> Half:
    """The inverse of `to_bytes`, as near as 8 bits are."""
    spectrogram: Half = VALUES[packed].astype(np.float16)
    return spectrogram
