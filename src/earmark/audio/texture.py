"""Music, talking or applause, told by the spectrogram alone.

Notes last, so the mean spectrum of some seconds has their peaks; voices glide and claps are noise, so theirs is smooth.
Of these two, talking swells and fades with syllables and pauses, and applause is steady. The limits lie midway between
12 validation pieces on a piano, 3 minutes each of made-up talking and of made-up applause.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earmark.results import Sound
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
    told = np.zeros((len(centres), 2), np.float32)
    for row, centre in zip(told, centres, strict=True):
        part = frames[max(0, int(centre) - AROUND) : max(0, int(centre) + AROUND)]
        if part.any():
            spectrum, loudness = part.mean(axis=0), part.mean(axis=1)
            level = loudness.mean()
            bends = 2 * spectrum[1:-1] - spectrum[:-2] - spectrum[2:]
            row[:] = np.abs(bends).mean() / level, loudness.std() / level
    return told


def sounds(textures: FloatArray) -> list[Sound]:
    """What each of these `textures` [n, 2] is."""
    return [
        "music" if peaks >= PEAKS else "talking" if swing >= SWING else "applause" for peaks, swing in textures.tolist()
    ]
