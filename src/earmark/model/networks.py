"""The encoders: densely computed convolutional trunks, read through windows of soft attention.

Both sides have one shape (PyTorch, for training; searching runs the same graphs as ONNX):

1. A *trunk* turns a long input into tokens, once, whatever the number of windows read from it: 2-D convolutions
   that stride along frequency or height, then 1-D convolutions along time or the staff.
2. A *window reader* gathers, for every centre asked for, the tokens around it (linear interpolation, so a centre may
   lie between tokens), weighs them with soft attention (the paper's Section 2: a network that sees the whole window
   gives a softmax over its positions; scaled by their number, as in the authors' code) and maps the weighted window
   to a unit vector. Between the two it may have convolutions of its own (``mixing``), which see the whole window and
   nothing else: what lies in a trunk's receptive field would be lost at the window's ends.

A trunk's strides make what it says depend a little on where its grid happens to lie. When one input is encoded
(``forward``, what searching runs), it is therefore read twice, on two grids, and the embedding is the mean direction.
Sound is compressed for the second reading.

The window is strict by construction: only tokens whose receptive field lies inside the window are gathered, so an
embedding depends on nothing but 168 frames of spectrogram or 100 strip px of sheet music, and a long input may be
encoded in overlapping pieces with equal results.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earmark.schema import AudioSpec, SheetSpec, known_values

PITCHES = 88  # keys of a piano


@dataclass(frozen=True)
class EncoderSize:
    """How large one encoder is.

    ``maps``: feature maps of the 2-D convolutions; the second halves the resolution along the token axis.
    ``channels``: size of a token. ``positions``: tokens in a window. ``hidden``: width of the window's dense layer.
    ``tall``: the 2-D convolutions (counted from 0) that a `Tall` follows. ``mixing``: the distances, in
    positions, from which the window's own convolutions (`Residual`) take a position's neighbours.
    """

    maps: tuple[int, ...]
    channels: int
    positions: int
    hidden: int
    tall: tuple[int, ...] = ()
    mixing: tuple[int, ...] = ()


@dataclass(frozen=True)
class NetworkConfig:
    """Everything needed to build both encoders; travels in the checkpoint and in the weights' ``model.json``."""

    dimension: int = 64
    audio: EncoderSize = EncoderSize(maps=(24, 48, 96, 96), channels=128, positions=50, hidden=384)
    sheet: EncoderSize = EncoderSize(maps=(16, 32, 64, 96, 96), channels=128, positions=28, hidden=384)
    pitches: int = PITCHES

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NetworkConfig:
        """Read back what ``to_dict`` wrote; an unknown key raises TypeError."""
        sizes: dict[str, EncoderSize] = {
            side: EncoderSize(**known_values(EncoderSize, values[side]))
            for side in ("audio", "sheet")
            if side in values
        }
        return cls(**{**values, **sizes})


class Tall(nn.Module):
    """ReLU, then x + ReLU(BN(conv(x))) along height or frequency alone, kernel 5: pitch is told by height.

    It adds little at first, so that a network which has grown by it begins as the smaller one.
    """

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(maps, maps, (5, 1), padding=(2, 0), bias=False)
        self.norm = nn.BatchNorm2d(maps)
        nn.init.constant_(self.norm.weight, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x)
        y: Tensor = x + F.relu(self.norm(self.conv(x)))
        return y


class Residual(nn.Module):
    """x + ReLU(BN(conv(x))) along the token axis, kernel 3, ``apart`` between neighbours.

    With a small ``share`` it adds little at first, so that a network which has grown by it begins as the smaller one.
    """

    def __init__(self, channels: int, apart: int = 1, share: float = 1.0) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, padding=apart, dilation=apart, bias=False)
        self.norm = nn.BatchNorm1d(channels)
        nn.init.constant_(self.norm.weight, share)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + F.relu(self.norm(self.conv(x)))
        return y


class Trunk(nn.Module):
    """[batch, 1, height, length] -> tokens [batch, channels, length / 2].

    ``height`` is frequency bands or strip rows. ``receptive_field`` is the number of input columns a token depends on;
    token ``j`` is centred on column ``2 j``.
    """

    stride = 2

    def __init__(self, height: int, size: EncoderSize, first_stride: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, reach, step = 1, 0, 1
        for i, maps in enumerate(size.maps):
            down = first_stride if i == 0 else 2
            along = self.stride if i == 1 else 1
            layers += [
                nn.Conv2d(before, maps, 3, stride=(down, along), padding=1, bias=False),
                nn.BatchNorm2d(maps),
                Tall(maps) if i in size.tall else nn.ReLU(),
            ]
            before, height, reach = maps, -(-height // down), reach + step
            step *= along
        self.convolutions = nn.Sequential(*layers)
        self.flatten = nn.Conv1d(before * height, size.channels, 1, bias=False)
        self.norm = nn.BatchNorm1d(size.channels)
        self.residuals = nn.Sequential(Residual(size.channels), Residual(size.channels))
        self.receptive_field = 2 * (reach + 2 * step) + 1

    def forward(self, x: Tensor) -> Tensor:
        x = self.convolutions(x).flatten(1, 2)
        x = self.residuals(F.relu(self.norm(self.flatten(x))))
        return x


class WindowReader(nn.Module):
    """Tokens and centres -> unit embeddings and attention.

    Gathers ``positions`` tokens, evenly spaced where a token's receptive field stays inside the window: from ``reach``
    input columns before the centre to as many after it.
    """

    def __init__(self, window: int, receptive_field: int, size: EncoderSize, dimension: int) -> None:
        super().__init__()
        # Linear interpolation also reads the next token, up to one stride further out.
        self.reach = (window - receptive_field) / 2 - Trunk.stride
        offsets = torch.linspace(-self.reach, self.reach, size.positions) / Trunk.stride
        self.offsets: Tensor
        self.register_buffer("offsets", offsets, persistent=False)
        squeezed = 16
        self.squeeze = nn.Linear(size.channels, squeezed)
        self.attend = nn.Sequential(
            nn.Linear(squeezed * size.positions, 128), nn.ReLU(), nn.Linear(128, size.positions)
        )
        self.mixing = nn.Sequential(*(Residual(size.channels, apart, share=0.1) for apart in size.mixing))
        self.drop = nn.Dropout(0.1)
        self.dense = nn.Linear(size.channels * size.positions, size.hidden, bias=False)
        self.norm = nn.BatchNorm1d(size.hidden)
        self.project = nn.Linear(size.hidden, dimension)

    def gather(self, tokens: Tensor, rows: Tensor, centres: Tensor) -> Tensor:
        """Windows [n, positions, channels] around ``centres`` [n] (input columns) of batch items ``rows`` [n]."""
        at = centres[:, None] / Trunk.stride + self.offsets
        left = at.floor()
        fraction = (at - left)[..., None].to(tokens.dtype)
        # Clamped for the graph's safety only: callers pad so that every window lies inside.
        index = left.long().clamp(0, tokens.shape[2] - 2)
        flat = tokens.transpose(1, 2).reshape(-1, tokens.shape[1])
        index = index + (rows * tokens.shape[2])[:, None]
        return torch.lerp(flat[index], flat[index + 1], fraction)

    def forward(self, tokens: Tensor, rows: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        window = self.gather(tokens, rows, centres)
        scores = self.attend(F.relu(self.squeeze(window)).flatten(1))
        attention = torch.softmax(scores.float(), dim=1)
        mixed = self.mixing(window.transpose(1, 2)).transpose(1, 2) if len(self.mixing) else window
        weighted = mixed * (attention * attention.shape[1])[..., None].to(window.dtype)
        hidden = F.relu(self.norm(self.dense(self.drop(weighted.flatten(1)))))
        return F.normalize(self.project(hidden).float(), dim=1), attention


class Encoder(nn.Module):
    """One side of the system: ``tokens`` and ``reader`` for batches of long inputs, ``forward`` for one, as in ONNX.

    ``length_axis`` is the axis of one input along which windows lie.
    """

    length_axis: int

    def __init__(
        self, height: int, window: int, size: EncoderSize, dimension: int, pitches: int, first_stride: int
    ) -> None:
        super().__init__()
        self.trunk = Trunk(height, size, first_stride)
        self.reader = WindowReader(window, self.trunk.receptive_field, size, dimension)
        # Only used in training: which pitches begin at a token (see training/losses.py).
        self.pitches = nn.Conv1d(size.channels, pitches, 1)
        nn.init.constant_(self.pitches.bias, -4.0)  # type: ignore[arg-type]

    def prepare(self, x: Tensor) -> Tensor:
        """From what the files hold to [batch, 1, height, length]."""
        raise NotImplementedError

    def tokens(self, x: Tensor) -> Tensor:
        """Batch of long inputs -> tokens [batch, channels, length / 2]."""
        out: Tensor = self.trunk(self.prepare(x))
        return out

    def two_views(self, x: Tensor) -> Tensor:
        """One input as it lies on two grids [2, ...], the second one column further on."""
        raise NotImplementedError

    def forward(self, x: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        """One long input, centres [n] in input columns -> embeddings [n, dimension], attention [n, positions].

        Both are the means of two readings.
        """
        rows = torch.cat([torch.zeros_like(centres), torch.ones_like(centres)]).long()
        embeddings, attention = self.reader(self.tokens(self.two_views(x)), rows, torch.cat([centres, centres + 1]))
        both, attention = (of.unflatten(0, (2, -1)).mean(dim=0) for of in (embeddings, attention))
        return F.normalize(both, dim=1), attention


class AudioEncoder(Encoder):
    """Spectrogram [frames, bands], log10(1 + magnitude) -> embeddings."""

    # Quiet recordings lie in the linear part of log10(1 + x); this gain brings them into the logarithmic one.
    gain = 20.0
    # What magnitudes of the second reading are raised to, and then multiplied by: at 0.03 they stay as they are.
    compression, level = 0.8, 0.5
    length_axis = 0

    def __init__(self, spec: AudioSpec, config: NetworkConfig) -> None:
        super().__init__(spec.bands, spec.window_frames, config.audio, config.dimension, config.pitches, first_stride=2)

    def prepare(self, x: Tensor) -> Tensor:
        return torch.log1p(_magnitude(x.float()) * self.gain).transpose(1, 2)[:, None]

    def two_views(self, x: Tensor) -> Tensor:
        """The second also compressed: in rooms, what fades away stays louder beside what begins."""
        compressed = torch.log10(1 + self.level * _magnitude(x) ** self.compression)
        return torch.stack([F.pad(x, (0, 0, 0, 1)), F.pad(compressed, (0, 0, 1, 0))])


def _magnitude(x: Tensor) -> Tensor:
    """The inverse of log10(1 + magnitude)."""
    return torch.expm1(x * math.log(10))


class SheetEncoder(Encoder):
    """Strip [rows, columns], 0 = paper, 1 = ink -> embeddings."""

    length_axis = 1

    def __init__(self, spec: SheetSpec, config: NetworkConfig) -> None:
        super().__init__(
            spec.strip_height_px, spec.window_px, config.sheet, config.dimension, config.pitches, first_stride=1
        )

    def prepare(self, x: Tensor) -> Tensor:
        return x[:, None]

    def two_views(self, x: Tensor) -> Tensor:
        """The first half a row lower, the second half a row higher as well: heights lie on a grid, too."""
        between_rows = (F.pad(x, (0, 0, 1, 0)) + F.pad(x, (0, 0, 0, 1))) / 2
        return torch.stack([F.pad(between_rows[:-1], (0, 1)), F.pad(between_rows[1:], (1, 0))])


class DualEncoder(nn.Module):
    """Both encoders and the learned temperature of the loss."""

    def __init__(self, audio: AudioSpec, sheet: SheetSpec, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.audio = AudioEncoder(audio, config)
        self.sheet = SheetEncoder(sheet, config)
        self.log_scale = nn.Parameter(torch.tensor(3.0))
