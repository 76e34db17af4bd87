"""A made-up corpus on disk: blobs on a page that stand where blobs of sound lie in the spectrogram.

And a way to do without PyTorch's exporter, which takes ten seconds for each encoder; `test_export` tests what it does.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from earmark.schema import AudioSpec, SheetSpec

RENDERINGS = ("one@1", "two@1", "third@1")
STAFF_PX = 28.0


def write_piece(folder: Path, rng: np.random.Generator, onsets: int = 60) -> None:
    """One page of two systems; onset i sounds at i * 0.4 s and stands evenly along the systems."""
    pitch = rng.integers(40, 80, onsets)
    page = np.full((600, 1654), 255, np.uint8)
    boxes = [(100.0, 100.0, 1550.0, 200.0), (100.0, 350.0, 1550.0, 450.0)]
    system = (np.arange(onsets) >= onsets // 2).astype(np.int32)
    place = np.arange(onsets) % (onsets // 2)
    x_px = 120 + place * 1400 / (onsets // 2)
    y_px = np.where(system == 0, 100, 350) + 100 * (80 - pitch) / 40
    for x, y in zip(x_px.astype(int), y_px.astype(int), strict=True):
        page[y - 4 : y + 4, x - 5 : x + 5] = 0
    onset_s = 2 + np.arange(onsets) * 0.4
    frames = int((onset_s[-1] + 6) * 20)
    folder.joinpath("audio").mkdir(parents=True)
    for name in RENDERINGS:
        spectrum = rng.uniform(0, 0.01, (frames, 92))
        for time_s, key in zip(onset_s, pitch, strict=True):
            at = int(time_s * 20)
            spectrum[at : at + 6, key] += 0.5 * 0.7 ** np.arange(6)
        np.save(folder / "audio" / f"{name}.npy", spectrum.astype(np.float16))
    Image.fromarray(page).save(folder / "page-001.png")
    np.savez(
        folder / "noteheads.npz",
        system=system,
        staff=np.zeros(onsets, np.int8),
        x_px=x_px.astype(np.float32),
        y_px=y_px.astype(np.float32),
        pitch=pitch.astype(np.uint8),
        tick=np.arange(onsets, dtype=np.int32),
        onset_s=onset_s,
        duration_s=np.full(onsets, 0.4),
    )
    piece = {
        "pages": [{"number": 1, "image": "page-001.png", "width_px": 1654, "height_px": 600}],
        "systems": [
            {
                "page": 1,
                "box": box,
                "staves": [[box[1], box[1] + STAFF_PX], [box[3] - STAFF_PX, box[3]]],
                "staff_height_px": STAFF_PX,
            }
            for box in boxes
        ],
    }
    (folder / "piece.json").write_text(json.dumps(piece))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pieces: three to train, one to validate, two to test."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(5)
    names = [f"piece{i}" for i in range(6)]
    for name in names:
        write_piece(folder / "pieces" / name, rng)
    splits = {"train": names[:3], "valid": names[3:4], "test": names[4:]}
    (folder / "splits.json").write_text(json.dumps(splits))
    about = {"format": 1, "audio": AudioSpec().to_dict(), "sheet": SheetSpec().to_dict()}
    (folder / "corpus.json").write_text(json.dumps(about))
    return folder


@pytest.fixture
def no_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of encoders are written as PyTorch's own where graphs with the same weights would be."""
    import torch

    def write(encoder: torch.nn.Module, inputs: object, path: Path) -> None:
        torch.save(encoder.state_dict(), path)

    monkeypatch.setattr("earmark.training.export.to_onnx", write)
