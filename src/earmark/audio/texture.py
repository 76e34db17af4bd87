"""Music, talking or applause, told by the spectrogram alone.

Notes last, so the mean spectrum of some seconds has their peaks; voices glide and claps are noise, so theirs is smooth.
Of these two, talking swells and fades with syllables and pauses, and applause is steady. The limits lie midway between
12 validation pieces on a piano, 3 minutes each of made-up talking and of made-up applause.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earmark.results.identified import Sound
from earmark.schema import FloatArray

AROUND = 50
"""Frames before and after a moment that it is told by: 2.5 s each."""
PEAKS = 0.3
"""Roughness of the mean spectrum that music has at least."""
SWING = 0.46
"""Deviation of the loudness, against its mean, that talking has at least."""


def textures(frames: FloatArray, centres: npt.NDArray[np.float64]) -> FloatArray:
    """Roughness of the mean spectrum and swing of the loudness around each moment, float32 [n, 2], 0 and more.

    ``frames`` is a spectrogram [frames, bands], ``centres`` float64 [n] are moments in its frames.
    """
    at = centres.astype(np.int64)
    start, end = (np.clip(at + side, 0, len(frames)) for side in (-AROUND, AROUND))
    loudness = frames.mean(axis=1, dtype=np.float64)
    # Sums up to each frame, so that those around a moment are one difference.
    sums = np.cumsum(np.column_stack([frames, loudness**2]), axis=0, dtype=np.float64)
    sums = np.vstack([np.zeros_like(sums[:1]), sums])
    means = (sums[end] - sums[start]) / np.maximum(end - start, 1)[:, None]
    spectrum, squares = means[:, :-1], means[:, -1]
    level = spectrum.mean(axis=1)
    bends = 2 * spectrum[:, 1:-1] - spectrum[:, :-2] - spectrum[:, 2:]
    swing = np.sqrt(np.maximum(squares - level**2, 0))
    told = np.stack([np.abs(bends).mean(axis=1), swing], axis=1)
    shares: FloatArray = np.divide(told, level[:, None], out=np.zeros_like(told), where=level[:, None] > 0).astype("f4")
    return shares


def sounds(textures: FloatArray) -> list[Sound]:
    """What each of these `textures` [n, 2] is."""
    return [
        "music" if peaks >= PEAKS else "talking" if swing >= SWING else "applause" for peaks, swing in textures.tolist()
    ]
