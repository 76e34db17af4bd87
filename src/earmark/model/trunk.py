"""A long input → tokens: the convolutions of both encoders, and what the heads of systems say to them.

`earmark.model.networks` tells how they go together.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earmark.model.size import EncoderSize


class VerticalConv(nn.Module):
    """ReLU, then x + ReLU(BN(conv(x))) along height or frequency alone, kernel 5: pitch is told by height.

    It adds little at first.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, (5, 1), padding=(2, 0), bias=False)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.constant_(self.norm.weight, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x)
        y: Tensor = x + F.relu(self.norm(self.conv(x)))
        return y


class Residual(nn.Module):
    """x + ReLU(BN(conv(x))) along the token axis, kernel 3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + F.relu(self.norm(self.conv(x)))
        return y


@dataclass(frozen=True)
class HeadContext:
    """What the heads of systems say (`HeadReader`) of inputs in which they begin at some columns.

    ``said`` [batch, systems, features + token channels]; ``begins`` [batch or 1, systems], rising, infinity where an
    input shows fewer systems. What lies before the first system belongs to it.
    """

    said: Tensor
    begins: Tensor

    def of_tokens(self, tokens: int) -> Tensor:
        """What is said of each token of the inputs: [batch, features + token channels, ``tokens``]."""
        column = Trunk.stride * torch.arange(tokens, device=self.said.device)
        begun = (self.begins[:, :, None] <= column).sum(dim=1, keepdim=True)
        system = torch.arange(self.said.shape[1], device=self.said.device)[:, None]
        own = (system == (begun - 1).clamp(min=0)).to(self.said.dtype)
        return self.said.transpose(1, 2) @ own


class Trunk(nn.Module):
    """[batch, 1, height, length] → tokens [batch, token channels, length / 2].

    ``height`` is frequency bands or strip rows. ``receptive_field`` is the number of input columns that a token depends
    on; token ``j`` is centred on column ``2 j``.
    """

    stride = 2

    def __init__(self, height: int, size: EncoderSize, first_stride: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, reach, step = 1, 0, 1
        for i, channels in enumerate(size.layer_channels):
            down = first_stride if i == 0 else 2
            along = self.stride if i == 1 else 1
            layers += [
                nn.Conv2d(before, channels, 3, stride=(down, along), padding=1, bias=False),
                nn.BatchNorm2d(channels),
                VerticalConv(channels) if i in size.vertical_layers else nn.ReLU(),
            ]
            before, height, reach = channels, -(-height // down), reach + step
            step *= along
        self.convolutions = nn.Sequential(*layers)
        self.features = before * height
        self.flatten = nn.Conv1d(self.features, size.token_channels, 1, bias=False)
        self.norm = nn.BatchNorm1d(size.token_channels)
        self.residuals = nn.Sequential(Residual(size.token_channels), Residual(size.token_channels))
        self.receptive_field = 2 * (reach + 2 * step) + 1

    def forward(self, x: Tensor, context: HeadContext | None = None) -> Tensor:
        x = self.convolutions(x)
        if self.training and x.requires_grad:
            # The gradient comes back in another order of memory, in which every layer is several times slower.
            x.register_hook(_channels_last)  # type: ignore[no-untyped-call]
        x = x.flatten(1, 2)
        if context is None:
            x = self.norm(self.flatten(x))
        else:
            said = context.of_tokens(x.shape[2])
            x = self.norm(self.flatten(x + x * said[:, : self.features])) + said[:, self.features :]
        x = self.residuals(F.relu(x))
        return x


def _channels_last(gradient: Tensor) -> Tensor:
    return gradient.contiguous(memory_format=torch.channels_last)


class HeadReader(nn.Module):
    """Heads of systems [heads, rows, columns] → what they say of the tokens after them, [heads, ``says``].

    Convolutions with stride 2, then dense layers. At first it says nothing, that is zeros.
    """

    hidden = 256

    def __init__(self, rows: int, columns: int, channels: tuple[int, ...], says: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for count in channels:
            layers += [nn.Conv2d(before, count, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(count), nn.ReLU()]
            before, rows, columns = count, -(-rows // 2), -(-columns // 2)
        self.convolutions = nn.Sequential(*layers)
        self.dense = nn.Linear(before * rows * columns, self.hidden, bias=False)
        self.norm = nn.BatchNorm1d(self.hidden)
        self.say = nn.Linear(self.hidden, says)
        nn.init.zeros_(self.say.weight)
        nn.init.zeros_(self.say.bias)

    def forward(self, heads: Tensor) -> Tensor:
        seen = self.convolutions(heads[:, None]).flatten(1)
        said: Tensor = self.say(F.relu(self.norm(self.dense(seen))))
        return said
