"""Loading models, and running them over long inputs, with a tiny model made here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from earmark.errors import BadInput, Mismatch
from earmark.model.encoders import BACKGROUND_FILE, CHUNK, ENCODER_FILES, available, load
from earmark.schema import AudioSpec, FloatArray, SheetSpec
from tests.ink import one_system

onnx = pytest.importorskip("onnx", reason="needs the [train] extra")

DIMENSION = 8
STRIDE = 2


def write_encoder(path: Path, name: str, height: int, axis: int, window: int, seed: int) -> None:
    """Reads every other column of the window, from columns of its own grid, and projects them to unit vectors."""
    from onnx import TensorProto, helper, numpy_helper

    offsets = np.arange(-(window // 2) + STRIDE, window // 2 - STRIDE, STRIDE)
    rng = np.random.default_rng(seed)
    constants: dict[str, npt.NDArray[Any]] = {
        "two": np.array(STRIDE, np.float32),
        "offsets": offsets.astype(np.int64)[None],
        "axes": np.array([1], np.int64),
        "shape": np.array([-1, len(offsets) * height], np.int64),
        "matrix": rng.normal(size=(len(offsets) * height, DIMENSION)).astype(np.float32),
        "bias": rng.normal(size=DIMENSION).astype(np.float32),
        "even": np.full((len(offsets) * height, 3), 1e-4, np.float32),
    }
    columns = "columns" if axis == 1 else name
    nodes = [helper.make_node("Transpose", [name], ["columns"], perm=[1, 0])] if axis == 1 else []
    nodes += [
        helper.make_node("Div", ["centres", "two"], ["halved"]),
        helper.make_node("Floor", ["halved"], ["token"]),
        helper.make_node("Mul", ["token", "two"], ["column"]),
        helper.make_node("Cast", ["column"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Unsqueeze", ["whole", "axes"], ["tall"]),
        helper.make_node("Add", ["tall", "offsets"], ["at"]),
        helper.make_node("Gather", [columns, "at"], ["window"], axis=0),
        helper.make_node("Reshape", ["window", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["projected"]),
        helper.make_node("Add", ["projected", "bias"], ["shifted"]),
        helper.make_node("LpNormalization", ["shifted"], ["embeddings"], axis=1, p=2),
        helper.make_node("MatMul", ["flat", "even"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["attention"], axis=1),
    ]
    shape: list[str | int] = [height, "length"] if axis == 1 else ["length", height]
    graph = helper.make_graph(
        nodes,
        name,
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("centres", TensorProto.FLOAT, ["n"]),
        ],
        [
            helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", DIMENSION]),
            helper.make_tensor_value_info("attention", TensorProto.FLOAT, ["n", 3]),
        ],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def checksums_in(folder: Path) -> dict[str, str]:
    files = (*ENCODER_FILES, BACKGROUND_FILE)
    return {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    np.save(folder / "background.npy", np.zeros((2, 1 + DIMENSION, DIMENSION), np.float32))
    audio, sheet = AudioSpec(), SheetSpec()
    write_encoder(folder / "audio.onnx", "spectrogram", audio.bands, 0, audio.window_frames, seed=1)
    write_encoder(folder / "sheet.onnx", "strip", sheet.strip_height_px, 1, sheet.window_px, seed=2)
    stated = {
        "format": 1,
        "name": "tiny",
        "dimension": DIMENSION,
        "attention_reach_frames": 40.0,
        "audio": audio.to_dict(),
        "sheet": sheet.to_dict(),
        "sha256": checksums_in(folder),
        "confidence": {
            "pages": {
                "intercept": -3.0,
                "weights": {"lead": 2.0, "heard": 3.0, "focus": 1.0},
                "sure": 0.6,
            },
            "recordings": None,
        },
    }
    (folder / "model.json").write_text(json.dumps(stated))
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    copy = tmp_path / "tiny"
    copy.mkdir()
    for file in original.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    return copy


def change(folder: Path, **values: Any) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_model_says_who_it_is(folder: Path) -> None:
    encoders = load(folder)
    assert encoders.model_id.startswith("tiny-")
    assert len(encoders.model_id) == len("tiny-") + 12
    assert encoders.dimension == DIMENSION
    assert encoders.calibration.pages.sure == 0.6
    write_encoder(folder / "sheet.onnx", "strip", SheetSpec().strip_height_px, 1, SheetSpec().window_px, seed=3)
    change(folder, sha256=checksums_in(folder))
    assert load(folder).model_id != encoders.model_id


@pytest.mark.parametrize("side", ["audio", "sheet"])
def test_a_long_input_gives_what_its_windows_give_alone(original: Path, side: str) -> None:
    encoders = load(original)
    rng = np.random.default_rng(0)
    length = 2 * CHUNK + 300
    centres = np.sort(rng.uniform(0, length, 200))
    centres[0], centres[-1] = 0.0, length
    order = rng.permutation(200)

    def embed(columns: FloatArray, at: Any) -> tuple[FloatArray, FloatArray]:
        if side == "audio":
            return encoders.embed_audio(columns, np.asarray(at))
        return encoders.embed_strip(one_system(columns.T[None]), np.asarray(at))

    height, window = (AudioSpec().bands, 168) if side == "audio" else (SheetSpec().strip_height_px, 100)
    columns = rng.random((length, height), np.float32)
    embeddings, attention = embed(columns, centres[order])
    assert embeddings.shape == (200, DIMENSION)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(attention.sum(axis=1), 1, atol=1e-5)
    padded = np.pad(columns, ((window, window), (0, 0)))
    for i in range(0, 200, 7):
        centre = centres[order[i]]
        start = int(centre) // STRIDE * STRIDE
        alone = padded[start + window // 2 : start + window // 2 + window + STRIDE]
        expected, _ = embed(alone, [window / 2 + centre - start])
        np.testing.assert_allclose(embeddings[i], expected[0], atol=1e-5)


def test_no_centres_give_no_vectors(original: Path) -> None:
    embeddings, attention = load(original).embed_audio(np.zeros((10, 92), np.float32), np.zeros(0))
    assert embeddings.shape == (0, DIMENSION)
    assert attention.shape == (0, 3)


def test_centres_must_lie_in_the_input(original: Path) -> None:
    with pytest.raises(ValueError, match="outside of the input's 10 columns"):
        load(original).embed_audio(np.zeros((10, 92), np.float32), np.array([11.0]))


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(BadInput, match="no such model; give a folder"):
        load("no-such-model")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": 2}, "is not of format 1"),
        ({"sha256": {}}, "lacks or misstates"),
        ({"audio": {"unheard_of": 1}}, "lacks or misstates"),
    ],
)
def test_a_wrong_model_json_says_what_is_wrong(folder: Path, values: dict[str, Any], message: str) -> None:
    change(folder, **values)
    with pytest.raises(BadInput, match=message):
        load(folder)


@pytest.mark.parametrize("pages", [{"floor": 0.5, "threshold": 0.6}, {"intercept": 0, "weights": {}, "sure": 0.5}])
def test_a_calibration_of_an_older_earmark_says_how_to_renew_it(folder: Path, pages: dict[str, Any]) -> None:
    change(folder, confidence={"pages": pages, "recordings": None})
    with pytest.raises(BadInput, match="is not calibrated for this Earmark; run: earmark model calibrate"):
        _ = load(folder).calibration


@pytest.mark.parametrize("content", [b"", b"not numpy", None], ids=["empty", "other", "missing"])
def test_a_damaged_background_is_refused(folder: Path, content: bytes | None) -> None:
    path = folder / "background.npy"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(BadInput, match=r"background\.npy"):
        _ = load(folder).calibration


def test_a_model_that_is_not_calibrated_embeds_but_cannot_say_how_sure_it_is(folder: Path) -> None:
    change(folder, confidence={})
    encoders = load(folder)
    assert encoders.embed_audio(np.zeros((10, 92), np.float32), np.array([5.0]))[0].shape == (1, DIMENSION)
    with pytest.raises(BadInput, match="is not calibrated for this Earmark; run: earmark model calibrate"):
        _ = encoders.calibration


def test_weights_for_other_input_are_refused(folder: Path) -> None:
    change(folder, audio={**AudioSpec().to_dict(), "frames_per_second": 25})
    with pytest.raises(Mismatch, match="other spectrograms or strips"):
        load(folder)


def test_damaged_weights_are_refused(folder: Path) -> None:
    data = bytearray((folder / "audio.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "audio.onnx").write_bytes(data)
    with pytest.raises(BadInput, match=r"audio\.onnx: is damaged"):
        load(folder)


def test_missing_weights_are_named(folder: Path) -> None:
    (folder / "sheet.onnx").unlink()
    with pytest.raises(BadInput, match=r"sheet\.onnx: cannot be read"):
        load(folder)


def test_a_file_that_is_no_onnx_model_is_named(folder: Path) -> None:
    (folder / "audio.onnx").write_bytes(b"nothing")
    change(folder, sha256=checksums_in(folder))
    with pytest.raises(BadInput, match="is not an ONNX model that can be run"):
        load(folder).embed_audio(np.zeros((10, 92), np.float32), np.array([5.0]))


def test_shipped_models_load() -> None:
    for name in available():
        assert load(name).model_id.startswith(name)


def test_weights_from_before_lanes_read_each_lane_alone(original: Path) -> None:
    encoders = load(original)
    lanes = np.random.default_rng(0).random((3, SheetSpec().strip_height_px, 400), np.float32)
    centres = np.array([120.0, 200.0])
    together, attention = encoders.embed_strip(one_system(lanes), centres)
    mean = np.mean([encoders.embed_strip(one_system(lane[None]), centres)[0] for lane in lanes], axis=0)
    np.testing.assert_allclose(together, mean / np.linalg.norm(mean, axis=1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(attention.sum(axis=1), 1, atol=1e-5)
