"""Encoders that read made-up melodies back, and say how sure one can be of them; `conftest` makes the melodies.

Processes that tests start import this alone, and nothing that tests need besides.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from earmark.audio.spectrogram import filterbank
from earmark.model.calibration import SELDOM, Background, Calibration, Confidence
from earmark.schema import AudioSpec, FloatArray, Ink

DEGREES = 6
NOTE_S = 0.5
NOTE_STRIP_PX = 20
LOWEST_HZ = 220.0


def flat_background(level: float, dimension: int) -> Background:
    """One that is at the same level for every embedding of unit length."""
    size = np.float32(level / SELDOM)
    return Background(np.zeros(dimension, np.float32), size**2 * np.eye(dimension, dtype=np.float32))


CALIBRATION = Calibration(
    backgrounds={"score": flat_background(0.6, 5 * DEGREES), "recording": flat_background(0.6, 5 * DEGREES)},
    pages=Confidence(-29.3, {"lead": 6.0, "heard": 20.0, "focus": 18.0}, sure=0.5),
)


class FakeEncoders:
    """A deterministic stand-in for trained encoders: the degrees of five notes around the centre, 30-d."""

    model_id = "fake-1"
    dimension = 5 * DEGREES
    attention_reach_frames = 2 * NOTE_S * 20
    training: ClassVar[dict[str, Any]] = {"pairs": 1, "minutes": 0.5}
    calibration = CALIBRATION

    def embed_audio(self, spectrogram: FloatArray, centres: npt.NDArray[np.float64]) -> tuple[FloatArray, FloatArray]:
        spec = AudioSpec()
        octaves = np.log2(frequencies_hz() / spec.min_frequency_hz)
        bins = np.rint(frequencies_hz() * spec.frame_size / spec.sample_rate_hz).astype(int)
        bands = filterbank()[bins].argmax(axis=1)
        assert len(octaves) == len(set(bands)), "degrees must differ in the spectrogram"
        return self._read(spectrogram[:, bands], centres, NOTE_S * spec.frames_per_second)

    def embed_strip(self, ink: Ink, centres: npt.NDArray[np.float64]) -> tuple[FloatArray, FloatArray]:
        strip = ink.strip.max(axis=0)
        rows = [strip[1 + 3 * degree : 4 + 3 * degree].mean(axis=0) for degree in range(DEGREES)]
        return self._read(np.stack(rows, axis=1), centres, NOTE_STRIP_PX)

    def _read(
        self, degrees: FloatArray, centres: npt.NDArray[np.float64], note: float
    ) -> tuple[FloatArray, FloatArray]:
        at = np.rint(centres[:, None] + note * np.arange(-2, 3)).astype(int)
        inside = (at >= 0) & (at < len(degrees))
        heard = degrees[np.clip(at, 0, len(degrees) - 1)] * inside[:, :, None]
        heard = heard / (np.linalg.norm(heard, axis=2, keepdims=True) + 0.05)
        embeddings = heard.reshape(len(centres), self.dimension)
        embeddings = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-6)
        return embeddings.astype(np.float32), np.full((len(centres), 5), 0.2, np.float32)


def frequencies_hz() -> npt.NDArray[np.float64]:
    return LOWEST_HZ * 2.0 ** (np.arange(DEGREES) / 2)
