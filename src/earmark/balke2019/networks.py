"""The paper's seven networks (Table 1; details from the authors' code) as one module.

The input of every network is one audio window [context, 92] and one snippet of sheet music [80, 100] per onset, both
zero-padded by the convolutions: unlike in `earmark.model.networks`, nothing is shared between neighbouring windows.
``BL1`` ends in global average pooling, ``BL2`` in a dense layer; ``+AT`` first weighs the spectrogram's frames with a
second tower's softmax. What enters the embedding layer is called a view, as in the literature on CCA.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earmark.balke2019.cca import CCALayer, LinearProjection
from earmark.schema import AudioSpec, SheetSpec

CHANNELS = (24, 48, 96, 96)
LINEAR_CHANNELS = 32
CONTEXTS = {"sc": 42, "mc": 84, "lc": 168}
"""Frames of the short, medium and long context: 2.1, 4.2 and 8.4 s."""


@dataclass(frozen=True)
class Row:
    """One row of the paper's Table 2.

    ``context`` is the audio window in frames; ``dense`` says whether a dense layer (BL2) or global average pooling
    (BL1) ends the towers; ``attention`` whether the audio is weighed.
    """

    name: str
    context: int
    dense: bool
    attention: bool


ROWS = {
    row.name: row
    for row in (
        Row("bl1-sc", CONTEXTS["sc"], dense=False, attention=False),
        *(Row(f"bl2-{name}", frames, dense=True, attention=False) for name, frames in CONTEXTS.items()),
        *(Row(f"bl2-{name}-at", frames, dense=True, attention=True) for name, frames in CONTEXTS.items()),
    )
}


def block(before: int, channels: int, kernel: int) -> nn.Sequential:
    """Convolution without bias, batch normalisation, ELU: [n, before, h, w] → [n, channels, h, w]."""
    return nn.Sequential(
        nn.Conv2d(before, channels, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels),
        nn.ELU(inplace=True),
    )


def tower() -> nn.Sequential:
    """[n, 1, height, width] → [n, 96, height // 16, width // 16] (each of the four poolings rounds down)."""
    layers: list[nn.Module] = []
    before = 1
    for channels in CHANNELS:
        layers += [block(before, channels, 3), block(channels, channels, 3), nn.MaxPool2d(2)]
        before = channels
    return nn.Sequential(*layers)


def pooled(size: int) -> int:
    """What a tower leaves of ``size`` rows or columns."""
    return size >> len(CHANNELS)


class Pathway(nn.Module):
    """Audio or sheet music up to the embedding layer: [n, 1, height, width] → views float32 [n, dimension]."""

    def __init__(self, height: int, width: int, *, dense: bool, normalised: bool, dimension: int) -> None:
        super().__init__()
        self.tower = tower()
        # BL1 has no dense layer: its 1 x 1 convolution sets the dimension.
        channels = LINEAR_CHANNELS if dense else dimension
        linear: list[nn.Module] = [nn.Conv2d(CHANNELS[-1], channels, 1, bias=not normalised)]
        if normalised:
            linear.append(nn.BatchNorm2d(channels))
        self.linear = nn.Sequential(*linear)
        self.dense = nn.Linear(channels * pooled(height) * pooled(width), dimension) if dense else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(self.tower(x))
        if self.dense is None:
            return x.float().mean(dim=(2, 3))
        out: Tensor = self.dense(x.flatten(1))
        return out.float()


class Attention(nn.Module):
    """Audio windows [n, 1, bands, frames] → the softmax over their frames, float32 [n, frames]."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.tower = tower()
        self.linear = nn.Conv2d(CHANNELS[-1], frames, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.linear(self.tower(x)).float().mean(dim=(2, 3)), dim=1)


class Network(nn.Module):
    """Any row of the paper; ``projection``, the embedding layer, is ``"cca"`` or, for comparison, ``"linear"``."""

    def __init__(
        self, row: Row, audio: AudioSpec, sheet: SheetSpec, *, dimension: int = 32, projection: str = "cca"
    ) -> None:
        super().__init__()
        self.row, self.sheet_spec = row, sheet
        # With a dense layer, only the audio's linear convolution is normalised (code).
        self.audio = Pathway(audio.bands, row.context, dense=row.dense, normalised=True, dimension=dimension)
        self.sheet = Pathway(
            sheet.strip_height_px, sheet.window_px, dense=row.dense, normalised=not row.dense, dimension=dimension
        )
        self.attention = Attention(row.context) if row.attention else None
        self.projection: CCALayer | LinearProjection = (
            CCALayer(dimension) if projection == "cca" else LinearProjection(dimension)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def view_audio(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Windows [n, context, bands], log10(1 + x) → views [n, dimension] and attention [n, context].

        The attention sums to 1; without an attention network it is even.
        """
        x = windows.transpose(1, 2)[:, None]
        if self.attention is None:
            return self.audio(x), torch.full_like(windows[:, :, 0], 1 / self.row.context)
        attention: Tensor = self.attention(x)
        return self.audio(x * (attention * self.row.context)[:, None, None, :]), attention

    def view_sheet(self, snippets: Tensor) -> Tensor:
        """Snippets [n, 80, 100], 0 = ink, 1 = paper → views [n, dimension]."""
        out: Tensor = self.sheet(snippets[:, None])
        return out

    def forward(self, windows: Tensor, snippets: Tensor) -> tuple[Tensor, Tensor]:
        """Windows and snippets → views of the audio and of the sheet music, which `project` takes: [n, dimension]."""
        return self.view_audio(windows)[0], self.view_sheet(snippets)

    def project(self, audio: Tensor, sheet: Tensor) -> tuple[Tensor, Tensor]:
        """A training batch's views → unit embeddings of audio and sheet music, float32 [n, dimension]."""
        audio, sheet = self.projection(audio, sheet)
        return F.normalize(audio, dim=1), F.normalize(sheet, dim=1)

    def embed_audio(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Windows → unit embeddings with the projection that was kept, and attention."""
        view, attention = self.view_audio(windows)
        return F.normalize(self.projection.audio(view), dim=1), attention

    def embed_sheet(self, snippets: Tensor) -> Tensor:
        """Snippets → unit embeddings with the projection that was kept."""
        return F.normalize(self.projection.sheet(self.view_sheet(snippets)), dim=1)
