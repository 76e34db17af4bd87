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
from earmark.model.encoders import ENCODER_FILES, find, load  # noqa: E402
from earmark.model.networks import DualEncoder, NetworkConfig  # noqa: E402
from earmark.schema import AudioSpec, SheetSpec  # noqa: E402
from earmark.training.average import average  # noqa: E402
from earmark.training.export import export_average  # noqa: E402
from earmark.training.from_onnx import NOT_EXPORTED, load_exported  # noqa: E402

SHIPPED = find(DEFAULT_MODEL)
NETWORK = NetworkConfig.from_dict(load(SHIPPED).training["experiment"]["network"])
ROWS = Path(__file__).parents[2] / "experiments" / "balke2019" / "weights"


def twin_of_the_shipped(folder: Path, seed: int) -> Path:
    """Weights of the shipped network with other values, as a seed would give: PyTorch's exporter takes long."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    about = json.loads((SHIPPED / "model.json").read_text())
    for file in ENCODER_FILES:
        model = onnx.load(SHIPPED / file)
        for tensor in model.graph.initializer:
            values = numpy_helper.to_array(tensor)
            if values.ndim and values.dtype.kind == "f" and tensor.name != "reader.offsets":  # which is no weight
                changed = values * rng.uniform(0.5, 1.5, values.shape)
                tensor.CopyFrom(numpy_helper.from_array(changed.astype(values.dtype), tensor.name))
        onnx.save(model, folder / file)
        about["sha256"][file] = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    network = about["training"]["experiment"]["network"]
    about["name"] = folder.name
    about["training"] = {
        "experiment": {"name": folder.name, "seed": seed, "network": network},
        "pairs": 100 * seed,
        "minutes": 1.5,
        "hardware": "a machine",
    }
    shutil.copy(SHIPPED / "background.npy", folder)
    (folder / "model.json").write_text(json.dumps(about))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("weights")
    return twin_of_the_shipped(folder / "one", 1), twin_of_the_shipped(folder / "twin", 2)


def as_exported(folder: Path) -> dict[str, Tensor]:
    dual = DualEncoder(AudioSpec(), SheetSpec(), NETWORK)
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


@pytest.mark.usefixtures("no_graphs")
def test_encoders_of_two_weights_go_together_and_stay_what_they_were(made: tuple[Path, Path], tmp_path: Path) -> None:
    one, twin = made
    both = export_average([one], [twin], tmp_path / "both")
    assert json.loads((both / "model.json").read_text())["name"] == "both"
    for of, folder in (("audio", one), ("sheet", twin)):
        written, wanted = torch.load(both / f"{of}.onnx"), as_exported(folder)
        for name, values in written.items():
            if not name.startswith(NOT_EXPORTED):
                torch.testing.assert_close(values, wanted[f"{of}.{name}"])


def test_what_has_no_mean_is_refused(made: tuple[Path, Path], tmp_path: Path) -> None:
    one, _ = made
    other = tmp_path / "other"
    shutil.copytree(one, other)
    stated = json.loads((other / "model.json").read_text())
    stated["training"]["experiment"]["network"]["audio"]["hidden"] = 32
    (other / "model.json").write_text(json.dumps(stated))
    with pytest.raises(Mismatch, match=r"other: .* is not as"):
        average([other], [one])
    with pytest.raises(Mismatch, match="bl2-sc: not weights of an experiment"):
        average([one], [ROWS / "bl2-sc"])
    with pytest.raises(BadInput, match=r"model\.json"):
        average([one], [tmp_path])


def test_the_shipped_weights_are_read_and_averaged_with_themselves() -> None:
    dual, made_of = average([SHIPPED], [SHIPPED])
    shipped = load(SHIPPED)
    made, stated = (
        {**of, "network": NetworkConfig.from_dict(of["network"])}
        for of in (json.loads(json.dumps(made_of["experiment"])), shipped.training["experiment"])
    )
    assert made == stated
    spectrogram = np.random.default_rng(0).random((400, 92), np.float32)
    with torch.no_grad():
        found, _ = dual.audio(torch.from_numpy(spectrogram), torch.tensor([200.0]))
    expected, _ = shipped.embed_audio(spectrogram, np.array([200.0]))
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
