"""Calibration with encoders that read made-up melodies, so that the right answers are known."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earmark.errors import BadInput
from earmark.training.evaluation.calibrate import calibrate

if TYPE_CHECKING:
    from tests.conftest import FakeEncoders


def test_calibration_tells_present_from_absent_pieces(melodies: Path, encoders: FakeEncoders) -> None:
    weights = melodies / "weights"
    weights.mkdir()
    (weights / "model.json").write_text(json.dumps({"name": "kept"}))
    calibrated = calibrate(weights, encoders, melodies, "sines@1")
    calibration = calibrated.calibration
    written = json.loads((weights / "model.json").read_text())
    assert written["name"] == "kept"
    assert written["confidence"] == asdict(calibration)
    assert calibration.recordings is not None
    assert calibration.recordings.confidence(0.7, 0.6, 0.9, 200, 200) > calibration.recordings.threshold
    assert calibration.recordings.confidence(0.02, 0.0, 0.0, 200, 200) < calibration.recordings.threshold
    assert calibration.confidence(0.7, 0.6, 0.9, 80, 80) > calibration.threshold
    assert calibration.confidence(0.02, 0.0, 0.0, 80, 80) < calibration.threshold
    clips = ["5 s", "10 s", "20 s", "20 s among noise", "40 s"]
    kinds = [*clips, "whole", "whole among noise", "all"]
    said = [(promise.among, promise.kind) for promise in calibrated.promises]
    assert said == [(among, kind) for among in (5, 2) for kind in kinds]
    everything = calibrated.promises[len(kinds) - 1]
    assert everything.present == everything.absent == 2 * (5 * 4 + 2)
    assert everything.found <= everything.right


def test_calibration_needs_pieces_to_hold_out(melodies: Path, encoders: FakeEncoders) -> None:
    splits = json.loads((melodies / "splits.json").read_text())
    (melodies / "splits.json").write_text(json.dumps({**splits, "valid": ["d"]}))
    with pytest.raises(BadInput, match="fewer than two validation pieces"):
        calibrate(melodies, encoders, melodies, "sines@1")
