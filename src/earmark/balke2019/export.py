"""A row of the paper → weights for searching: its two encoders with long inputs and centres in, embeddings out."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from earmark.balke2019.networks import Network
from earmark.balke2019.train import read_checkpoint
from earmark.training.export import write_weights

WINDOWS_AT_ONCE = 64
"""How many windows of a row are encoded together: nothing is shared between them, so each takes memory of its own."""


def cut_windows(columns: Tensor, centres: Tensor, size: int) -> Tensor:
    """Windows [n, ``size``, height] of [length, height] about ``centres`` [n], to the nearest column.

    Centres lie at least half a window from both ends; nearer ones see the outermost columns repeated.
    """
    index = centres.round().long()[:, None] + torch.arange(size, device=columns.device) - size // 2
    return columns[index.clamp(0, columns.shape[0] - 1)]


class AudioEncoder(nn.Module):
    """Spectrogram [frames, 92] and centres [n] in frames → embeddings [n, dimension], attention [n, context]."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.embed_audio(cut_windows(x, centres, self.network.row.context))


class SheetEncoder(nn.Module):
    """Strip [lanes, 80, columns], 0 = paper, 1 = ink, and centres [n] in columns → embeddings, even attention [n, 100].

    The paper knows no lanes: the first is read.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        width = self.network.sheet_spec.window_px
        snippets = 1 - cut_windows(x[0].T, centres, width).transpose(1, 2)
        return self.network.embed_sheet(snippets), torch.full_like(snippets[:, 0], 1 / width)


def export(checkpoint: Path, out: Path) -> Path:
    """Write the encoders of a row, the best by validation, into the folder ``out`` (`write_weights`).

    A row that was not refined is named so.
    """
    recipe, network, record = read_checkpoint(checkpoint)
    refined = "refined_pairs" in record or recipe.projection != "cca"
    about = {
        "name": recipe.name if refined else f"{recipe.name}-unrefined",
        "dimension": recipe.dimension,
        "windows_at_once": WINDOWS_AT_ONCE,
        "attention_reach_frames": (recipe.network.context - 1) / 2,
        "training": {"recipe": recipe.to_dict(), **record},
    }
    return write_weights(AudioEncoder(network), SheetEncoder(network), about, out)
