"""A checkpoint → ONNX: the graphs compute what the networks do, for inputs of any length and any number of lanes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")
pytest.importorskip("onnxscript", reason="exporting needs the [train] extra")

from earmark.model.encoders import load  # noqa: E402
from earmark.model.size import EncoderSize, NetworkConfig  # noqa: E402
from earmark.schema import AudioSpec, SheetSpec  # noqa: E402
from earmark.training.experiment import Experiment  # noqa: E402
from earmark.training.export import export  # noqa: E402
from earmark.training.train import TrainingRun, read_checkpoint  # noqa: E402
from tests.ink import in_systems  # noqa: E402

# The exporter's time goes by the number of layers: one of each kind.
SIZE = EncoderSize((4, 8), 16, window_tokens=20, hidden=32, vertical_layers=(1,))
EXPERIMENT = Experiment(
    corpora=("c",),
    renderings=("a@1",),
    validation_renderings=("b@1",),
    name="tiny",
    steps=4,
    cooldown_steps=1,
    seed=1,
    network=NetworkConfig(dimension=16, audio=SIZE, sheet=replace(SIZE, head_channels=(4,))),
)


def test_onnx_agrees_with_pytorch(tmp_path: Path) -> None:
    run = TrainingRun(EXPERIMENT, torch.device("cpu"))
    generator = torch.Generator().manual_seed(1)
    torch.nn.init.normal_(run.average.sheet.heads.say.weight, std=0.1, generator=generator)  # type: ignore[union-attr]
    for module in run.average.modules():  # statistics as after training, not the identity
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    run.pairs, run.minutes, run.hardware = 100, 1.5, "a machine"
    run.save(tmp_path / "checkpoint.pt")
    folder = export([tmp_path / "checkpoint.pt"], tmp_path / "tiny")
    exported = load(folder)
    about = json.loads((folder / "model.json").read_text())
    assert (about["name"], about["dimension"], about["training"]["pairs"]) == ("tiny", 16, 100)
    _, dual, _ = read_checkpoint(tmp_path / "checkpoint.pt")
    dual.eval()
    rng = np.random.default_rng(0)
    for length, lanes in ((300, 1), (777, 2)):
        centres = np.linspace(100, length - 100, 7)
        spectrogram = rng.random((length, AudioSpec().bands), np.float32)
        strip = rng.random((lanes, SheetSpec().strip_height_px, length), np.float32)
        ink = in_systems(strip, range(0, length, 250))
        at = centres.astype(np.float32)
        for encoder, found, inputs in (
            (dual.audio, exported.embed_audio(spectrogram, centres), (spectrogram, at)),
            (dual.sheet, exported.embed_strip(ink, centres), (strip, at, ink.heads.ink, ink.heads.begins)),
        ):
            with torch.no_grad():
                expected = encoder(*map(torch.from_numpy, inputs))
            for ours, theirs in zip(expected, found, strict=True):
                np.testing.assert_allclose(ours.numpy(), theirs, atol=2e-3)  # weights are stored as float16
