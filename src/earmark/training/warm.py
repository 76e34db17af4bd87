"""Weights for searching -> encoders that go on training.

Exported weights have every batch normalisation folded into the layer before it. Here it is unfolded again: a layer
takes the folded weight, and its normalisation, fed with one batch, the scale and shift that cancel what it is about to
normalise by, so that on that batch the encoders compute what the exported ones do. Of what only training needs, the
temperature is the one that fits that batch best; the note detectors start anew, and so does every `Tall` that the
exported network lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from earmark.networks import MAX_LOG_SCALE, Encoder, Encoders, Tall
from earmark.schema import Mismatch
from earmark.training.losses import contrastive_loss
from earmark.training.pairs import Batch

Parameters = dict[str, Tensor]
ANEW = "pitches."


def warm_start(model: Encoders, weights: Path, batch: Batch) -> None:
    """Give ``model`` the exported weights in the folder ``weights``; ``batch`` is one to be trained on.

    Raises Mismatch when they are of another network.
    """
    sides: tuple[tuple[Encoder, str, Tensor, Tensor], ...] = (
        (model.audio, "audio.onnx", batch.audio, batch.frame),
        (model.sheet, "sheet.onnx", batch.sheet, batch.column),
    )
    embedded: list[Tensor] = []
    for encoder, file, inputs, centres in sides:
        shifts = _take_over(encoder, _exported(weights / file), weights)
        encoder.train()
        encoder.reader.drop.eval()  # exported weights drop nothing
        with torch.no_grad(), ExitStack() as hooks:
            for norm, shift in shifts:
                hooks.enter_context(norm.register_forward_pre_hook(_cancelling(shift)))
            embedded.append(encoder.reader(encoder.tokens(inputs), batch.row, centres)[0])
    audio, sheet = embedded
    log_scales = torch.linspace(0, MAX_LOG_SCALE, 47, device=audio.device)
    losses = torch.stack([contrastive_loss(audio, sheet, scale, batch.same) for scale in log_scales.exp()])
    model.log_scale.data.copy_(log_scales[losses.argmin()])


def _exported(path: Path) -> Parameters:
    """The parameters in an ONNX file by PyTorch's names; a folded normalisation's shift is ``LAYER.weight_bias``."""
    graph = onnx.load(path).graph
    values = {tensor.name.removesuffix(".half"): numpy_helper.to_array(tensor) for tensor in graph.initializer}
    # The exporter stores a linear layer over more than a vector transposed, and without its name.
    products = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul"}
    for node in graph.node:
        if node.op_type != "Add":
            continue
        for bias, product in (tuple(node.input), tuple(node.input)[::-1]):
            if product in products and bias.endswith(".bias"):
                values[bias.removesuffix("bias") + "weight"] = values[products[product]].T
    return {name: torch.from_numpy(value.astype(np.float32)) for name, value in values.items() if value.ndim}


def _take_over(encoder: Encoder, exported: Parameters, weights: Path) -> list[tuple[nn.Module, Tensor]]:
    """Copy the parameters; return every normalisation with the shift that was folded."""
    grown = [
        f"{name}."
        for name, module in encoder.named_modules()
        if isinstance(module, Tall) and f"{name}.conv.weight" not in exported
    ]
    anew = (ANEW, *grown)
    normalised = {layer: norm for layer, norm in _normalised(encoder) if not layer.startswith(anew)}
    kept = {
        name: parameter
        for name, parameter in encoder.named_parameters()
        if not name.startswith((*anew, *(f"{norm}." for norm in normalised.values())))
    }
    for name in (*kept, *(f"{layer}.weight_bias" for layer in normalised)):
        if name not in exported or (name in kept and exported[name].shape != kept[name].shape):
            raise Mismatch(f"{weights}: {name} is not as this network has it; leave out `start` to train from nothing")
    for name, parameter in kept.items():
        parameter.data.copy_(exported[name])
    return [(encoder.get_submodule(norm), exported[f"{layer}.weight_bias"]) for layer, norm in normalised.items()]


def _normalised(encoder: Encoder) -> Iterator[tuple[str, str]]:
    """The names of every layer that is normalised and of its normalisation: in each module, the one before it."""
    before = ""
    for name, module in encoder.named_modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            yield before, name
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            before = name


def _cancelling(shift: Tensor) -> Callable[[nn.Module, tuple[Tensor]], None]:
    """A hook that sets a normalisation so that of its next input x it makes x + ``shift``."""

    def hook(norm: nn.Module, inputs: tuple[Tensor]) -> None:
        assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
        x = inputs[0].float()
        variance, mean = torch.var_mean(x, dim=[axis for axis in range(x.ndim) if axis != 1], correction=0)
        for buffer, value in ((norm.running_mean, mean), (norm.running_var, variance)):
            assert buffer is not None
            buffer.copy_(value)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(shift.to(mean.device) + mean)

    return hook
