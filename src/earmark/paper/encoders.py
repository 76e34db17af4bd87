"""A row's two sides with the interface of `earmark.networks`' encoders: a long input and centres in, embeddings out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from earmark.paper.networks import Network


def cut_windows(columns: Tensor, centres: Tensor, size: int) -> Tensor:
    """Windows [n, ``size``, height] of [length, height] about ``centres`` [n], to the nearest column.

    Centres lie at least half a window from both ends; nearer ones see the outermost columns repeated.
    """
    index = centres.round().long()[:, None] + torch.arange(size, device=columns.device) - size // 2
    return columns[index.clamp(0, columns.shape[0] - 1)]


class AudioSide(nn.Module):
    """Spectrogram [frames, 92] and centres [n] in frames -> embeddings [n, dimension], attention [n, context]."""

    length_axis = 0

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.embed_audio(cut_windows(x, centres, self.network.row.context))


class SheetSide(nn.Module):
    """Strip [80, columns], 0 = paper, 1 = ink, and centres [n] in columns -> embeddings, even attention [n, 100]."""

    length_axis = 1

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        width = self.network.sheet_spec.window_px
        snippets = 1 - cut_windows(x.T, centres, width).transpose(1, 2)
        return self.network.embed_sheet(snippets), torch.full_like(snippets[:, 0], 1 / width)
