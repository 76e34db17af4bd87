"""What moves the weights: AdamW, and Muon where a weight is a matrix between hidden layers."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from earmark.training.both import both

LAST = ("project.weight", "pitches.weight")
"""How the names of weights end whose outputs are read off, not handed on to another layer: Muon is not for these."""


class Optimiser:
    """AdamW (Loshchilov and Hutter 2019), or with ``muon`` Muon (Jordan et al. 2024) and AdamW for what that leaves.

    A step of Muon turns a matrix by as much in every direction, however small the gradient is in most of them. It takes
    AdamW's learning rate and weight decay (Liu et al. 2025, "Muon is scalable for LLM training", Section 2.2). A
    convolution's weight is a matrix, too: a row for each channel that comes out. Vectors do not decay.
    Each of two threads turns one half of the matrices.
    """

    def __init__(self, model: nn.Module, weight_decay: float, muon: bool) -> None:
        named = dict(model.named_parameters())
        hidden = [name for name, weight in named.items() if muon and weight.ndim > 1 and not name.endswith(LAST)]
        others = [weight for name, weight in named.items() if name not in hidden]
        decayed = {"params": [weight for weight in others if weight.ndim > 1], "weight_decay": weight_decay}
        free = {"params": [weight for weight in others if weight.ndim <= 1], "weight_decay": 0.0}
        self._parts: list[torch.optim.Optimizer] = [torch.optim.AdamW([decayed, free], fused=True)]
        self._hidden = [(named[name], *_as_matrix(named[name])) for name in hidden]
        if hidden:
            matrices = [matrix for _, _, matrix in self._hidden]
            halves = [half for half in (matrices[::2], matrices[1::2]) if half]
            self._parts += [_muon(half, weight_decay) for half in halves]

    def step(self, learning_rate: float) -> None:
        """Follow the weights' gradients, and forget them. What has none stays as it is."""
        for weight, axes, matrix in self._hidden:
            if weight.grad is not None:
                matrix.grad, weight.grad = weight.grad.permute(axes).flatten(1), None
        both(*(partial(_step, parts, learning_rate) for parts in (self._parts[1::2], self._parts[::2])))

    def state_dict(self) -> list[dict[str, Any]]:
        return [part.state_dict() for part in self._parts]

    def load_state_dict(self, state: list[dict[str, Any]]) -> None:
        for part, of_part in zip(self._parts, state, strict=True):
            part.load_state_dict(of_part)


def _muon(matrices: list[Tensor], weight_decay: float) -> torch.optim.Optimizer:
    return torch.optim.Muon(matrices, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")


def _step(parts: list[torch.optim.Optimizer], learning_rate: float) -> None:
    for part in parts:
        for group in part.param_groups:
            group["lr"] = learning_rate
        part.step()
        part.zero_grad(set_to_none=True)


def _as_matrix(weight: Tensor) -> tuple[list[int], Tensor]:
    """A weight [out, ...] as a matrix [out, all the rest] in the same memory, and its axes in their order there."""
    axes = sorted(range(weight.ndim), key=lambda axis: (axis > 0, -weight.stride()[axis]))
    return axes, weight.detach().permute(axes).view(len(weight), -1)
