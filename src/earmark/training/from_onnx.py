"""Exported weights → encoders in PyTorch, as they are or ready to go on training.

Exported weights have every batch normalisation folded into the layer before it. `load_exported` takes them as they are.
`continue_training` unfolds them again: a layer takes the folded weight, and its normalisation the mean and variance of
what comes in over some batches, with the scale and shift that cancel them. So the encoders compute what the exported
ones do. One batch is not enough: it holds few pieces, and with the statistics of others the encoders would compute
something else.

What exported weights lack begins anew: the note detectors, and every `VerticalConv` and `Residual` that the exported
network does not have. The temperature of the loss is the one that fits the last batch best.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from earmark.errors import Mismatch
from earmark.model.networks import DualEncoder, Encoder, Residual, VerticalConv, pool_lanes
from earmark.training.data.batches import PairBatch
from earmark.training.losses import MAX_LOG_SCALE, contrastive_loss

Parameters = dict[str, Tensor]
Norm = nn.BatchNorm1d | nn.BatchNorm2d
Inputs = tuple[Tensor, Tensor | None, Tensor, Tensor]
"""Long inputs, the lanes of each (none of sound), rows, centres."""
NOT_EXPORTED = "pitches."
"""What the names of parameters begin with that only training needs."""


def continue_training(model: DualEncoder, weights: Path, batches: Sequence[PairBatch]) -> None:
    """Give ``model`` the exported weights in the folder ``weights``; ``batches`` are some of those to train on.

    Raises Mismatch when they are of another network, or when the model reads heads: these begin from nothing.
    """
    if model.sheet.heads is not None:
        raise Mismatch(f"{weights}: a network that reads heads begins from nothing; train it without `start`")
    audio, sheet = (
        _unfold(encoder, weights / file, inputs)
        for encoder, file, inputs in (
            (model.audio, "audio.onnx", [(of.audio, None, of.row, of.frame) for of in batches]),
            (model.sheet, "sheet.onnx", [(of.sheet, of.lanes, of.row, of.column) for of in batches]),
        )
    )
    log_scales = torch.linspace(0, MAX_LOG_SCALE, 47, device=audio.device)
    left_out = batches[-1].indistinguishable
    losses = torch.stack([contrastive_loss(audio, sheet, scale, left_out) for scale in log_scales.exp()])
    model.log_scale.data.copy_(log_scales[losses.argmin()])


@torch.no_grad()
def load_exported(encoder: Encoder, file: Path) -> dict[Norm, Tensor]:
    """Give one encoder its exported weights as they are: in evaluation, a normalisation only adds what was folded.

    Returns every normalisation with that shift. Raises Mismatch when the weights are of another network.
    """
    taken = _take_over(encoder, _exported(file), file.parent)
    for norm, shift in taken.items():
        _set(norm, torch.zeros_like(shift), torch.ones_like(shift), shift)
    return taken


@torch.no_grad()
def _unfold(encoder: Encoder, file: Path, inputs: Sequence[Inputs]) -> Tensor:
    """Give one encoder its exported weights. Returns the embeddings of the last of ``inputs``."""
    taken = load_exported(encoder, file)
    encoder.eval()
    for module in encoder.modules():
        if isinstance(module, Norm):
            module.train(module not in taken)  # what has grown has statistics of its own only in training
    statistics = {norm: _Statistics() for norm in taken}
    with ExitStack() as hooks:
        for norm in taken:
            hooks.enter_context(norm.register_forward_pre_hook(statistics[norm]))
        for values, lanes, rows, centres in inputs:
            tokens = encoder.tokens(values)
            embeddings, _ = encoder.reader(tokens if lanes is None else pool_lanes(tokens, lanes), rows, centres)
    for norm, shift in taken.items():
        _set(norm, *statistics[norm].moments(), shift)
    out: Tensor = embeddings
    return out


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


def _take_over(encoder: Encoder, exported: Parameters, weights: Path) -> dict[Norm, Tensor]:
    """Copy the parameters; return every normalisation with the shift that was folded."""
    grown = [
        f"{name}."
        for name, module in encoder.named_modules()
        if isinstance(module, VerticalConv | Residual) and f"{name}.conv.weight" not in exported
    ]
    anew = (NOT_EXPORTED, *grown)
    normalised = {layer: norm for layer, norm in _normalised(encoder) if not layer.startswith(anew)}
    kept = {
        name: parameter
        for name, parameter in encoder.named_parameters()
        if not name.startswith((*anew, *(f"{norm}." for norm in normalised.values())))
    }
    for name in (*kept, *(f"{layer}.weight_bias" for layer in normalised)):
        if name not in exported or (name in kept and exported[name].shape != kept[name].shape):
            raise Mismatch(
                f"{weights}: {name} is not as this network has it; "
                "take weights of an equal network, or train from nothing, without `start`"
            )
    for name, parameter in kept.items():
        parameter.data.copy_(exported[name])
    found: dict[Norm, Tensor] = {}
    for layer, name in normalised.items():
        norm = encoder.get_submodule(name)
        assert isinstance(norm, Norm)
        found[norm] = exported[f"{layer}.weight_bias"].to(norm.bias.device)
    return found


def _normalised(encoder: Encoder) -> Iterator[tuple[str, str]]:
    """The names of every layer that is normalised and of its normalisation: in each module, the one before it."""
    before = ""
    for name, module in encoder.named_modules():
        if isinstance(module, Norm):
            yield before, name
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            before = name


class _Statistics:
    """A hook that sums up what a normalisation is given."""

    def __init__(self) -> None:
        self.count, self.sum, self.squares = 0, torch.zeros(()), torch.zeros(())

    def __call__(self, _norm: nn.Module, inputs: tuple[Tensor]) -> None:
        x = inputs[0].double()
        axes = [axis for axis in range(x.ndim) if axis != 1]
        self.count += x.numel() // x.shape[1]
        self.sum = self.sum.to(x.device) + x.sum(axes)
        self.squares = self.squares.to(x.device) + x.square().sum(axes)

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and variance of each channel."""
        mean = self.sum / self.count
        return mean, self.squares / self.count - mean.square()


def _set(norm: Norm, mean: Tensor, variance: Tensor, shift: Tensor) -> None:
    """Let a normalisation expect this mean and variance, and make x + ``shift`` of x all the same."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_((norm.running_var + norm.eps).sqrt())
    norm.bias.copy_(norm.running_mean + shift)
