"""The average is the mean of exported weights, and only what has a mean is averaged."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="training needs the [train] extra")
torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from onnx import numpy_helper  # noqa: E402
from torch import Tensor  # noqa: E402

from earmark.errors import BadInput, Mismatch  # noqa: E402
from earmark.library.library import DEFAULT_MODEL  # noqa: E402
from earmark.model.encoders import OnnxModel, find, load  # noqa: E402
from earmark.model.networks import DualEncoder, EncoderSize, NetworkConfig  # noqa: E402
from earmark.schema import AudioSpec, SheetSpec  # noqa: E402
from earmark.training.average import average  # noqa: E402
from earmark.training.experiment import Experiment  # noqa: E402
from earmark.training.export import export, export_average  # noqa: E402
from earmark.training.from_onnx import load_exported  # noqa: E402
from earmark.training.train import TrainingRun  # noqa: E402

TINY = NetworkConfig(
    dimension=16,
    audio=EncoderSize(layer_channels=(4, 8, 8, 8), token_channels=16, window_tokens=20, hidden=32),
    sheet=EncoderSize(layer_channels=(4, 8, 8, 8, 8), token_channels=16, window_tokens=20, hidden=32),
)
ROWS = Path(__file__).parents[2] / "experiments" / "balke2019" / "weights"


def exported(folder: Path, name: str, network: NetworkConfig) -> Path:
    """A run that has not learnt anything yet: its seed alone says what its weights are."""
    settings = {
        "corpora": ("c",),
        "renderings": ("a@1",),
        "validation_renderings": ("b@1",),
        "steps": 4,
        "cooldown_steps": 1,
    }
    run = TrainingRun(Experiment(**settings, name=name, seed=1, network=network), torch.device("cpu"))  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(1)
    for module in run.average.modules():  # statistics as after training, not the identity
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    run.pairs, run.minutes, run.hardware = 100, 1.5, "a machine"
    run.save(folder / f"{name}.pt")
    return export([folder / f"{name}.pt"], folder / name)


def twin_of(weights: Path, name: str) -> Path:
    """Weights of an equal network with other values, as another seed would give: PyTorch's exporter takes long."""
    folder = weights.parent / name
    shutil.copytree(weights, folder)
    rng = np.random.default_rng(2)
    about = json.loads((folder / "model.json").read_text())
    for file in about["sha256"]:
        model = onnx.load(folder / file)
        for tensor in model.graph.initializer:
            values = numpy_helper.to_array(tensor)
            if values.ndim and values.dtype.kind == "f" and tensor.name != "reader.offsets":  # which is no weight
                changed = values * rng.uniform(0.5, 1.5, values.shape)
                tensor.CopyFrom(numpy_helper.from_array(changed.astype(values.dtype), tensor.name))
        onnx.save(model, folder / file)
        about["sha256"][file] = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    about["name"] = name
    about["training"] |= {"pairs": 200}
    about["training"]["experiment"] |= {"name": name, "seed": 2}
    (folder / "model.json").write_text(json.dumps(about))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    one = exported(tmp_path_factory.mktemp("weights"), "one", TINY)
    return one, twin_of(one, "twin")


def as_exported(folder: Path) -> dict[str, Tensor]:
    dual = DualEncoder(AudioSpec(), SheetSpec(), TINY)
    load_exported(dual.audio, folder / "audio.onnx")
    load_exported(dual.sheet, folder / "sheet.onnx")
    return dual.state_dict()


def test_each_encoder_is_the_mean_of_its_own_weights(made: tuple[Path, Path]) -> None:
    one, twin = made
    dual, made_of = average([one, one, twin], [twin])
    first, second, mean = as_exported(one), as_exported(twin), dual.state_dict()
    for layer in ("audio.trunk.convolutions.0.weight", "audio.trunk.norm.bias", "audio.reader.dense.weight"):
        assert not torch.allclose(first[layer], second[layer], atol=1e-3)
        torch.testing.assert_close(mean[layer], (2 * first[layer] + second[layer]) / 3)
    torch.testing.assert_close(mean["sheet.reader.dense.weight"], second["sheet.reader.dense.weight"])
    ids = [load(folder).model_id for folder in (one, twin)]
    assert made_of["mean_of"] == {"audio": [ids[0], ids[0], ids[1]], "sheet": [ids[1]]}
    assert (made_of["seeds"], made_of["pairs"], made_of["minutes"]) == ([1, 2], 300, 3.0)


def test_encoders_of_two_weights_go_together_and_stay_what_they_were(made: tuple[Path, Path], tmp_path: Path) -> None:
    one, twin = made
    both = OnnxModel(export_average([one], [twin], tmp_path / "both"))
    assert both.name == "both"
    noise = np.random.default_rng(0)
    spectrogram, strip = noise.random((400, 92), np.float32), noise.random((1, 80, 400), np.float32)
    centres = np.array([150.0, 200.0])
    for found, expected in zip(
        both.embed_audio(spectrogram, centres), load(one).embed_audio(spectrogram, centres), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(
        both.embed_strip(strip, centres)[0], load(twin).embed_strip(strip, centres)[0], atol=1e-4
    )


def test_what_has_no_mean_is_refused(made: tuple[Path, Path], tmp_path: Path) -> None:
    one, _ = made
    other = find(DEFAULT_MODEL)
    with pytest.raises(Mismatch, match=r"earmark-1: .* is not as"):
        average([one, other], [one])
    with pytest.raises(Mismatch, match="bl2-sc: not weights of an experiment"):
        average([one], [ROWS / "bl2-sc"])
    with pytest.raises(BadInput, match=r"model\.json"):
        average([one], [tmp_path])


def test_the_shipped_weights_are_read_and_averaged_with_themselves() -> None:
    shipped = find(DEFAULT_MODEL)
    dual, made_of = average([shipped], [shipped])
    assert json.loads(json.dumps(made_of["experiment"])) == load(shipped).training["experiment"]
    spectrogram = np.random.default_rng(0).random((400, 92), np.float32)
    with torch.no_grad():
        found, _ = dual.audio(torch.from_numpy(spectrogram), torch.tensor([200.0]))
    expected, _ = load(shipped).embed_audio(spectrogram, np.array([200.0]))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


def test_audio_encoders_that_prepare_their_input_otherwise_are_not_averaged(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    one, twin = made
    louder = tmp_path / "louder"
    shutil.copytree(twin, louder)
    stated = json.loads((louder / "model.json").read_text())
    stated["training"]["experiment"]["network"]["audio_gain"] = 40.0
    (louder / "model.json").write_text(json.dumps(stated))
    with pytest.raises(Mismatch, match=r"louder: .*40\.0.* differ"):
        average([one, louder], [one])
