"""A checkpoint, or the mean of several weights → weights for searching: two ONNX files and ``model.json``.

Weights are rounded to float16 for storage and computed in float32, which halves the files; the graphs cast them back
when they are loaded.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from earmark.errors import Mismatch
from earmark.files import write_json
from earmark.model.encoders import ENCODER_FILES, FORMAT
from earmark.model.networks import DualEncoder
from earmark.schema import HEAD_PX, AudioSpec, SheetSpec
from earmark.training.train import read_checkpoint

WORK = ("pairs", "minutes")
"""What the record of a run counts."""
SMALLEST_HALVED = 64  # scalars and short embeddings stay float32


@dataclass(frozen=True)
class Input:
    """An example of an input; along some axes inputs may be of ``any_size``, whose names they share."""

    example: torch.Tensor
    any_size: Mapping[int, str]


def round_to_half(module: torch.nn.Module) -> None:
    """Round the parameters that are stored as float16, in place, so that PyTorch and ONNX hold equal weights."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.numel() >= SMALLEST_HALVED:
                parameter.copy_(parameter.half().float())


def store_as_half(model: onnx.ModelProto) -> None:
    """Replace large float32 initialisers by float16 ones and a cast, in place."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < SMALLEST_HALVED:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def to_onnx(encoder: torch.nn.Module, inputs: Mapping[str, Input], path: Path) -> None:
    """Write one encoder as ONNX with these inputs, in the encoder's order, and outputs (embeddings, attention)."""
    sizes = {
        name: torch.export.Dim(name, min=least, max=1 << 24)
        for name, least in (("length", 256), ("lanes", 1), ("count", 2), ("systems", 1))
    }
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it says which of torchvision's operators it lacks
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            encoder.eval(),
            tuple(of.example for of in inputs.values()),
            input_names=list(inputs),
            output_names=["embeddings", "attention"],
            dynamic_shapes=tuple({axis: sizes[name] for axis, name in of.any_size.items()} for of in inputs.values()),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    store_as_half(model)
    del model.metadata_props[:]
    for node in model.graph.node:  # the exporter notes source lines of this machine there
        del node.metadata_props[:]
        node.doc_string = ""
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def export(checkpoints: Sequence[Path], out: Path) -> Path:
    """Write the encoders of a run as ``out/{audio.onnx, sheet.onnx, model.json}``, the last one last.

    They are the moving average of the weights. Of several checkpoints it is their mean, and the weights are named as
    the run that they are the ends of. Raises Mismatch when they are not all of one.
    """
    ends = [read_checkpoint(path) for path in checkpoints]
    experiment, dual, record = ends[0]
    if len(ends) == 1:
        return _write_dual(dual, experiment.name, {"experiment": experiment.to_dict(), **record}, out)
    for path, (other, _, _) in zip(checkpoints, ends, strict=True):
        if not experiment.shared_run or replace(other, seed=experiment.seed, name=experiment.name) != experiment:
            raise Mismatch(f"{path}: is no end of the run that {checkpoints[0]} is one of; their mean is no model")
    states = [other.state_dict() for _, other, _ in ends]
    dual.load_state_dict({name: _mean([state[name] for state in states]) for name in states[0]})
    training = {
        "experiment": replace(experiment, name=experiment.shared_run).to_dict(),
        **record,
        "seeds": [other.seed for other, _, _ in ends],
        **{of: sum(one[of] for _, _, one in ends) - (len(ends) - 1) * record[f"shared_{of}"] for of in WORK},
    }
    return _write_dual(dual, experiment.shared_run, training, out)


def _mean(values: Sequence[torch.Tensor]) -> torch.Tensor:
    """Of weights and statistics; what counts batches is the same everywhere."""
    return torch.stack(list(values)).mean(0) if values[0].is_floating_point() else values[0]


def _write_dual(dual: DualEncoder, name: str, training: dict[str, Any], out: Path) -> Path:
    about = {
        "name": name,
        "dimension": dual.config.dimension,
        "attention_reach_frames": dual.audio.reader.reach,
        "training": training,
    }
    return write_weights(dual.audio, dual.sheet, about, out)


def write_weights(audio: torch.nn.Module, sheet: torch.nn.Module, about: dict[str, Any], out: Path) -> Path:
    """Write the folder ``out`` of two encoders: ``audio.onnx``, ``sheet.onnx`` and at last ``model.json``.

    ``about`` is what ``model.json`` says besides the specs and checksums: name, dimension, training and the like.
    """
    specs = AudioSpec(), SheetSpec()
    for encoder in (audio, sheet):
        round_to_half(encoder)
    out.mkdir(parents=True, exist_ok=True)
    rows = specs[1].strip_height_px
    centres = Input(torch.linspace(100, 150, 5), {0: "count"})
    spectrogram = Input(torch.zeros(400, specs[0].bands), {0: "length"})
    strip = Input(torch.zeros(2, rows, 400), {0: "lanes", 2: "length"})
    heads = {
        "heads": Input(torch.zeros(3, 2, rows, HEAD_PX), {0: "systems", 1: "lanes"}),
        "begins": Input(torch.tensor([0, 100, 300]), {0: "systems"}),
    }
    reads_heads = getattr(sheet, "heads", None) is not None
    to_onnx(audio, {"spectrogram": spectrogram, "centres": centres}, out / "audio.onnx")
    to_onnx(sheet, {"strip": strip, "centres": centres, **(heads if reads_heads else {})}, out / "sheet.onnx")
    stated = about | {
        "format": FORMAT,
        "audio": specs[0].to_dict(),
        "sheet": specs[1].to_dict(),
        "sha256": {file: hashlib.sha256((out / file).read_bytes()).hexdigest() for file in ENCODER_FILES},
    }
    write_json(out / "model.json", stated)
    return out
