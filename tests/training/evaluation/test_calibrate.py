"""Calibration with encoders that read made-up melodies, so that the right answers are known."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import pytest

from earmark.errors import BadInput
from earmark.model.calibration import Signs
from earmark.training.evaluation.calibrate import Calibrated, calibrate
from earmark.training.experiment import Experiment

if TYPE_CHECKING:
    from tests.fake_encoders import FakeEncoders


SIZES = (2, 30)
KINDS = ["5 s", "10 s", "20 s", "20 s among noise", "40 s", "whole", "whole among noise", "all"]


def recipe_of(*corpora: Path) -> Experiment:
    """A recipe that trains and validates on the melodies."""
    return Experiment(
        corpora=tuple(map(str, corpora)), renderings=("sines@1",), validation_renderings=("sines@1",), steps=1
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the weights are, and what was encoded."""
    return tmp_path_factory.mktemp("calibrated")


@pytest.fixture(scope="module")
def calibrated(made_melodies: Path, folder: Path) -> Calibrated:
    from tests.fake_encoders import FakeEncoders

    (folder / "model.json").write_text(json.dumps({"name": "kept", "sha256": {"audio.onnx": "kept"}}))
    return calibrate(folder, FakeEncoders(), recipe_of(made_melodies), folder / "work", SIZES)


def test_calibration_tells_present_from_absent_pieces(
    calibrated: Calibrated, folder: Path, encoders: FakeEncoders
) -> None:
    calibration = calibrated.calibration
    written = json.loads((folder / "model.json").read_text())
    assert written["name"] == "kept"
    assert written["confidence"]["pages"] == asdict(calibration.pages)
    assert set(written["sha256"]) == {"audio.onnx", "background.npy"}
    background = np.load(folder / "background.npy")
    assert background.shape == (2, 1 + encoders.dimension, encoders.dimension)
    assert np.array_equal(background[0, 0], calibration.backgrounds["score"].mean)
    for confidence in (calibration.pages, calibration.recordings):
        assert confidence is not None
        assert confidence.of(Signs(lead=3.5, heard=1.0, focus=1.0)) > confidence.sure
        assert confidence.of(Signs(lead=-2.3, heard=0.05, focus=0.1)) < confidence.sure
    said = [(promise.among, promise.kind) for promise in calibrated.promises]
    assert said == [(among, kind) for among in sorted(SIZES, reverse=True) for kind in KINDS]
    everything = calibrated.promises[len(KINDS) - 1]
    assert everything.present == 2 * 2 * 7  # two pieces, as rendered and as badly recorded: they have no MIDI file
    assert everything.found <= everything.right


def test_splits_of_several_corpora_count_alike(melodies: Path, encoders: FakeEncoders, tmp_path: Path) -> None:
    """Of a second corpus, whose splits have other names, as many validation pieces are asked about, and no more."""
    (tmp_path / "model.json").write_text(json.dumps({"sha256": {}}))
    second = tmp_path / "second"
    shutil.copytree(melodies, second)
    splits = json.loads((melodies / "splits.json").read_text())
    (second / "splits.json").write_text(json.dumps({"others": splits["train"], "others-valid": splits["valid"] * 3}))
    recipe = replace(recipe_of(melodies, second), validation_splits=("valid", "others-valid"))
    with patch("earmark.training.evaluation.calibrate.MOST_PIECES", 2):
        calibrated = calibrate(tmp_path, encoders, recipe, tmp_path / "work", SIZES)
    assert calibrated.promises[len(KINDS) - 1].present == 2 * 2 * 2 * 7


def test_what_was_encoded_is_not_encoded_again(
    calibrated: Calibrated, made_melodies: Path, folder: Path, encoders: FakeEncoders
) -> None:
    with patch.object(type(encoders), "embed_strip", side_effect=AssertionError("encoded again")):
        again = calibrate(folder, encoders, recipe_of(made_melodies), folder / "work", SIZES)
    assert again.calibration.pages == calibrated.calibration.pages


def test_calibration_needs_pieces_to_hold_out(melodies: Path, encoders: FakeEncoders) -> None:
    splits = json.loads((melodies / "splits.json").read_text())
    (melodies / "splits.json").write_text(json.dumps({**splits, "valid": ["d"]}))
    with pytest.raises(BadInput, match="fewer than two validation pieces"):
        calibrate(melodies, encoders, recipe_of(melodies), melodies / "work", SIZES)
