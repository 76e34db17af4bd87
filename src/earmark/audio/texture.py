"""Music, talking, applause or silence, told by the spectrogram alone.

Notes last, so the mean spectrum of some seconds has their peaks; voices glide and claps are noise, so theirs is smooth.
Of these two, talking swells and fades with syllables and pauses, and applause is steady. So is the noise of a tape on
which nothing is heard, but it is far softer than what else is on it. The limits lie between what validation pieces,
made-up talking and applause, in rooms and under hiss, and speakers of two languages have.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earmark.results.identified import Sound
from earmark.schema import FloatArray

AROUND = 50
"""Frames before and after a moment that it is told by: 2.5 s each."""
PEAKS = 0.28
"""Roughness of the mean spectrum that music has at least."""
SWING = 0.4
"""Deviation of the loudness, against its mean, that talking has at least."""
SOFT = 0.1
"""Loudness, against the loud moments of the recording, below which what is steady and smooth is its own noise."""
LOUD = 0.9
"""The quantile of a recording's loudness that its loud moments have."""


def textures(frames: FloatArray, centres: npt.NDArray[np.float64]) -> FloatArray:
    """Roughness of the mean spectrum, swing of the loudness, and loudness around each moment: float32 [n, 3], 0 and
    more.

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
    shares = np.divide(told, level[:, None], out=np.zeros_like(told), where=level[:, None] > 0)
    return np.column_stack([shares, level]).astype(np.float32)


def sounds(textures: FloatArray) -> list[Sound | None]:
    """What each of these `textures` [n, 3], those of a whole recording, is; None where it is nothing but noise."""
    soft = SOFT * np.quantile(textures[:, 2], LOUD) if len(textures) else 0.0
    return [
        "music" if peaks >= PEAKS else "talking" if swing >= SWING else None if level < soft else "applause"
        for peaks, swing, level in textures.tolist()
    ]
