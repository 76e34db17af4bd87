"""The rows of the paper are tested on the made-up corpus of the training's tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from earmark.model.calibration import Calibration, Confidence
from earmark.schema import AudioSpec, FloatArray, Ink, SheetSpec
from earmark.training.data.dataset import TrainingPiece, read_pieces
from tests.fake_encoders import flat_background
from tests.training.conftest import corpus

__all__ = ["attentive", "corpus", "piece"]

POSITIONS = 41


class Attentive:
    """Attention as wide as there are few sounds in the window; embeddings of the window's bands."""

    model_id = "attentive-1"
    dimension = 8
    attention_reach_frames = 40.0
    training: dict[str, object] = {}  # noqa: RUF012
    calibration = Calibration(
        {"score": flat_background(0.5, 8), "recording": flat_background(0.5, 8)},
        Confidence(0.0, {"lead": 1.0, "heard": 0.0, "focus": 1.0}, sure=0.5),
    )
    even = False

    def embed_audio(self, spectrogram: FloatArray, centres: npt.NDArray[np.float64]) -> tuple[FloatArray, FloatArray]:
        padded = np.pad(spectrogram, ((60, 60), (0, 0)))
        windows = np.stack([padded[60 + c - 40 : 60 + c + 41] for c in np.rint(centres).astype(int)])
        rises = (np.diff(windows.sum(axis=2), axis=1) > 0.2).sum(axis=1)
        offset = np.linspace(-1, 1, POSITIONS)
        weights = np.exp(-(offset**2) * (0.1 + rises[:, None]) * (not self.even))
        embeddings = windows[:, 40, :64].reshape(-1, 8, 8).sum(axis=2) + 1e-3
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        return embeddings.astype(np.float32), (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)

    def embed_strip(self, ink: Ink, centres: npt.NDArray[np.float64]) -> tuple[FloatArray, FloatArray]:
        columns = ink.strip[0][:, np.clip(np.rint(centres).astype(int), 0, ink.columns - 1)].T
        embeddings = columns.reshape(-1, 8, 10).sum(axis=2) + 1e-3
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        return embeddings.astype(np.float32), np.full((len(centres), 5), 0.2, np.float32)


@pytest.fixture
def attentive() -> Attentive:
    return Attentive()


@pytest.fixture
def piece(corpus: Path) -> TrainingPiece:
    return read_pieces(corpus, ["piece4"], ["one@1"], AudioSpec(), SheetSpec())[0]
