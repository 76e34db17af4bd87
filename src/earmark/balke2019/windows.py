"""Pieces -> the paper's training pairs: one audio window and one snippet cut about each onset.

The music of all pieces lies end to end in a few arrays, so that a batch is cut with one indexing operation per
rendering.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from earmark.schema import AudioSpec, FloatArray, SheetSpec
from earmark.training.data.dataset import TrainingPiece

CPU = torch.device("cpu")
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Augmentation:
    """How far a training pair may differ from what is in the corpus (the authors' code).

    ``sheet_scale``: range of factors; ``sheet_shift_px``: vertical shift, in strip px, to both sides;
    ``onset_shift_frames``: to both sides; ``tempo``: range of factors.
    """

    sheet_scale: tuple[float, float] = (0.95, 1.05)
    sheet_shift_px: float = 2.5
    onset_shift_frames: int = 1
    tempo: tuple[float, float] = (0.9, 1.1)


class Windows:
    """The pairs of some pieces, cut on demand, on the device that trains: only random numbers come from the processor.

    ``onsets`` int64 [pairs] numbers, over all pieces end to end, the onsets whose windows lie inside their piece with
    ``margin`` (a factor) to spare; a pair is a position in it.
    """

    def __init__(
        self,
        pieces: Sequence[TrainingPiece],
        context: int,
        audio: AudioSpec,
        sheet: SheetSpec,
        *,
        margin: float = 1.2,
        device: torch.device = CPU,
    ) -> None:
        self.context, self.sheet, self.device = context, sheet, device
        self.renderings = list(pieces[0].audio)
        frames = [min(len(spectrum) for spectrum in piece.audio.values()) for piece in pieces]
        columns = [piece.strip.shape[1] for piece in pieces]
        frame_starts, column_starts = (np.cumsum([0, *sizes[:-1]]) for sizes in (frames, columns))
        # The renderings stand below each other, so that one index finds a frame of any of them.
        self._rows = sum(frames)
        self._spectra = torch.from_numpy(
            np.concatenate(
                [
                    piece.audio[name][:size]
                    for name in self.renderings
                    for piece, size in zip(pieces, frames, strict=True)
                ]
            )
        ).to(device)
        self._strip = torch.from_numpy(np.concatenate([piece.strip for piece in pieces], axis=1).T.copy()).to(device)
        # The frame of every onset in every rendering, [renderings, onsets] a piece.
        frame = [
            np.stack([piece.audio_s(name, piece.onsets.time_s) for name in self.renderings]) * audio.frames_per_second
            for piece in pieces
        ]
        inside = [
            (at >= margin * context / 2).all(axis=0)
            & (at <= size - margin * context / 2).all(axis=0)
            & (piece.onsets.x_px >= margin * sheet.window_px / 2)
            & (piece.onsets.x_px <= width - margin * sheet.window_px / 2)
            for piece, at, size, width in zip(pieces, frame, frames, columns, strict=True)
        ]
        self._frame = np.concatenate([at + start for at, start in zip(frame, frame_starts, strict=True)], axis=1)
        self._frame += self._rows * np.arange(len(self.renderings))[:, None]
        self._column = np.concatenate(
            [piece.onsets.x_px + start for piece, start in zip(pieces, column_starts, strict=True)]
        )
        self.onsets: Numbers = np.flatnonzero(np.concatenate(inside))
        self._heard_in = np.random.default_rng(0).integers(len(self.renderings), size=len(self.onsets))

    def __len__(self) -> int:
        return len(self.onsets)

    def cut(self, pairs: Numbers) -> tuple[Tensor, Tensor]:
        """Windows float32 [n, context, bands] and snippets float32 [n, 80, 100], as they are.

        Each is heard in one of the renderings, always the same.
        """
        onsets = self.onsets[pairs]
        middle = np.rint(self._frame[self._heard_in[pairs], onsets]).astype(np.int64)
        index = self._on_device(middle)[:, None] + self._offsets(self.context)
        return self._spectra[index].float(), self._snippets(onsets, self.sheet.window_px)

    def draw(self, rng: np.random.Generator, count: int, augmentation: Augmentation) -> tuple[Tensor, Tensor]:
        """``count`` different pairs at random, augmented; windows and snippets as `cut` gives them."""
        onsets = self.onsets[rng.choice(len(self.onsets), count, replace=False)]
        rate = rng.uniform(*augmentation.tempo, count)
        shift = rng.integers(-augmentation.onset_shift_frames, augmentation.onset_shift_frames + 1, count)
        middle = np.rint(self._frame[rng.integers(len(self.renderings), size=count), onsets]) + shift
        scale = rng.uniform(*augmentation.sheet_scale, count).astype(np.float32)
        shift_px = rng.uniform(-augmentation.sheet_shift_px, augmentation.sheet_shift_px, count).astype(np.float32)
        at = self._on_device(middle)[:, None] + self._offsets(self.context) * self._on_device(rate)[:, None]
        left = at.floor()
        fraction = (at - left).float()[:, :, None]
        before, after = (self._spectra[left.long() + step].float() for step in (0, 1))
        return torch.lerp(before, after, fraction), self._augmented(onsets, scale, shift_px)

    def _snippets(self, onsets: Numbers, width: int) -> Tensor:
        """Snippets of ``width`` columns, 0 = ink, 1 = paper."""
        at = self._on_device(np.rint(self._column[onsets]).astype(np.int64))
        return self._strip[at[:, None] + self._offsets(width)].transpose(1, 2).float() / 255

    def _augmented(self, onsets: Numbers, scale: FloatArray, shift_px: FloatArray) -> Tensor:
        """Snippets enlarged by ``scale`` [n] about their centre and moved down by ``shift_px`` [n]; paper around."""
        rows, columns = self.sheet.strip_height_px, self.sheet.window_px
        wide = columns + columns // 5
        ink = 1 - self._snippets(onsets, wide)[:, None]
        theta = np.zeros((len(onsets), 2, 3), np.float32)
        theta[:, 0, 0] = columns / wide / scale
        theta[:, 1, 1] = 1 / scale
        theta[:, 1, 2] = -2 * shift_px / rows / scale
        grid = F.affine_grid(self._on_device(theta), [len(onsets), 1, rows, columns], align_corners=False)
        return 1 - F.grid_sample(ink, grid, align_corners=False)[:, 0]

    def _offsets(self, size: int) -> Tensor:
        return torch.arange(size, device=self.device) - size // 2

    def _on_device(self, values: npt.NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self.device)
