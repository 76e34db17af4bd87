"""Calibration with encoders that read made-up melodies, so that the right answers are known."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import pytest

from earmark.errors import BadInput
from earmark.model.calibration import Signs
from earmark.training.evaluation.calibrate import calibrate

if TYPE_CHECKING:
    from tests.conftest import FakeEncoders


SIZES = (2, 150)
KINDS = ["5 s", "10 s", "20 s", "20 s among noise", "40 s", "whole", "whole among noise", "all"]


def test_calibration_tells_present_from_absent_pieces(melodies: Path, encoders: FakeEncoders, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "model.json").write_text(json.dumps({"name": "kept", "sha256": {"audio.onnx": "kept"}}))
    calibrated = calibrate(weights, encoders, melodies, "sines@1", tmp_path / "work", SIZES)
    calibration = calibrated.calibration
    written = json.loads((weights / "model.json").read_text())
    assert written["name"] == "kept"
    assert written["confidence"]["pages"] == asdict(calibration.pages)
    assert set(written["sha256"]) == {"audio.onnx", "background.npy"}
    background = np.load(weights / "background.npy")
    assert background.shape == (2, 1 + encoders.dimension, encoders.dimension)
    assert np.array_equal(background[0, 0], calibration.backgrounds["score"].mean)
    for confidence in (calibration.pages, calibration.recordings):
        assert confidence is not None
        assert confidence.of(Signs(lead=3.5, length=4.4, heard=1.0, focus=1.0)) > confidence.sure
        assert confidence.of(Signs(lead=-2.3, length=2.0, heard=0.05, focus=0.1)) < confidence.sure
    said = [(promise.among, promise.kind) for promise in calibrated.promises]
    assert said == [(among, kind) for among in sorted(SIZES, reverse=True) for kind in KINDS]
    everything = calibrated.promises[len(KINDS) - 1]
    assert everything.present == 2 * 2 * 7  # two pieces, as rendered and as badly recorded: they have no MIDI file
    assert everything.found <= everything.right


def test_what_was_encoded_is_not_encoded_again(melodies: Path, encoders: FakeEncoders, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps({"sha256": {}}))
    first = calibrate(tmp_path, encoders, melodies, "sines@1", tmp_path / "work", SIZES)
    with patch.object(type(encoders), "embed_strip", side_effect=AssertionError("encoded again")):
        again = calibrate(tmp_path, encoders, melodies, "sines@1", tmp_path / "work", SIZES)
    assert again.calibration.pages == first.calibration.pages


def test_calibration_needs_pieces_to_hold_out(melodies: Path, encoders: FakeEncoders) -> None:
    splits = json.loads((melodies / "splits.json").read_text())
    (melodies / "splits.json").write_text(json.dumps({**splits, "valid": ["d"]}))
    with pytest.raises(BadInput, match="fewer than two validation pieces"):
        calibrate(melodies, encoders, melodies, "sines@1", melodies / "work", SIZES)
