"""Pieces → the paper's training pairs: one audio window and one snippet cut about each onset.

The music of all pieces lies end to end in two arrays on the device that trains, and a batch is cut and augmented there
with a few operations over the whole batch. Only the random numbers come from the processor, so that every device draws
the same batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from earmark.schema import AudioSpec, SheetSpec
from earmark.training.data.dataset import TrainingPiece

CPU = torch.device("cpu")
MARGIN = 1.2
"""How much longer and wider than its windows the music about an onset must be: augmentation reaches so far."""
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


class Music:
    """Strips and spectrograms of some pieces end to end, on a device, and the places of their onsets.

    ``spectra`` float16 [renderings * frames, bands] has the renderings below each other, so that one index finds a
    frame of any; ``strip`` uint8 [columns, rows], 255 = paper. Of all onsets: ``frame`` float64 [renderings, onsets],
    rows of ``spectra``; ``column`` float32 [onsets], rows of ``strip``; ``reach_frames`` and ``reach_px`` [onsets],
    the distance to the nearer end of the piece, in the rendering where that is least.
    """

    def __init__(
        self, pieces: Sequence[TrainingPiece], audio: AudioSpec, sheet: SheetSpec, device: torch.device = CPU
    ) -> None:
        self.audio, self.sheet, self.device = audio, sheet, device
        self.renderings = list(pieces[0].audio)
        frames = [min(len(spectrum) for spectrum in piece.audio.values()) for piece in pieces]
        columns = [piece.strip.shape[2] for piece in pieces]
        spectra = [
            piece.audio[name][:size] for name in self.renderings for piece, size in zip(pieces, frames, strict=True)
        ]
        self.spectra = torch.from_numpy(np.concatenate(spectra)).to(device)
        self.strip = torch.from_numpy(np.concatenate([piece.strip[0] for piece in pieces], axis=1).T.copy()).to(device)
        # The frame of every onset within its piece, [renderings, onsets] a piece.
        frame = [
            np.stack([piece.audio_s(name, piece.onsets.time_s) for name in self.renderings]) * audio.frames_per_second
            for piece in pieces
        ]
        self.reach_frames = np.concatenate(
            [np.minimum(at, size - at).min(axis=0) for at, size in zip(frame, frames, strict=True)]
        )
        self.reach_px = np.concatenate(
            [
                np.minimum(piece.onsets.x_px, width - piece.onsets.x_px)
                for piece, width in zip(pieces, columns, strict=True)
            ]
        )
        frame_starts, column_starts = (np.cumsum([0, *sizes[:-1]]) for sizes in (frames, columns))
        self.frame = np.concatenate([at + start for at, start in zip(frame, frame_starts, strict=True)], axis=1)
        self.frame += sum(frames) * np.arange(len(self.renderings))[:, None]
        self.column = np.concatenate(
            [piece.onsets.x_px + start for piece, start in zip(pieces, column_starts, strict=True)]
        )


class Windows:
    """The pairs of some music for one context, cut on demand on the music's device.

    ``onsets`` int64 [pairs] numbers the onsets whose windows lie inside their piece with `MARGIN` to spare; a pair is a
    position in it.
    """

    def __init__(self, music: Music, context: int) -> None:
        self.music, self.context = music, context
        self.onsets: Numbers = np.flatnonzero(
            (music.reach_frames >= MARGIN * context / 2) & (music.reach_px >= MARGIN * music.sheet.window_px / 2)
        )
        self._frame = torch.from_numpy(np.rint(music.frame[:, self.onsets])).to(music.device)
        self._column = torch.from_numpy(np.rint(music.column[self.onsets]).astype(np.int64)).to(music.device)
        renderings = np.random.default_rng(0).integers(len(music.renderings), size=len(self.onsets))
        self._rendering = torch.from_numpy(renderings).to(music.device)

    def __len__(self) -> int:
        return len(self.onsets)

    def cut(self, pairs: Numbers) -> tuple[Tensor, Tensor]:
        """Windows float32 [n, context, bands] and snippets float32 [n, 80, 100], 0 = ink, 1 = paper, as they are.

        A pair's window is always of the same one of the renderings.
        """
        pair = torch.from_numpy(pairs).to(self.music.device)
        index = self._frame[self._rendering[pair], pair].long()[:, None] + self._offsets(self.context)
        return self.music.spectra[index].float(), self._snippets(pair, self.music.sheet.window_px)

    def draw(self, rng: np.random.Generator, count: int, augmentation: Augmentation) -> tuple[Tensor, Tensor]:
        """``count`` different pairs at random, augmented; windows and snippets as `cut` gives them."""
        chances = torch.from_numpy(self.chances(rng, count, augmentation)).to(self.music.device)
        pair, rendering = chances[:2].long()
        tempo, onset_shift, scale, shift_px = chances[2:]
        middle = self._frame[rendering, pair] + onset_shift
        at = middle[:, None] + self._offsets(self.context) * tempo[:, None]
        before = at.floor()
        earlier, later = (self.music.spectra[before.long() + step].float() for step in (0, 1))
        windows = torch.lerp(earlier, later, (at - before).float()[:, :, None])
        return windows, self._changed_snippets(pair, scale.float(), shift_px.float())

    def chances(self, rng: np.random.Generator, count: int, augmentation: Augmentation) -> npt.NDArray[np.float64]:
        """All that is random about a batch, float64 [6, count].

        Rows: the pair, its rendering, its tempo, the onset's shift in frames, the snippet's scale, its shift in px.
        """
        most = augmentation.onset_shift_frames
        pair = rng.choice(len(self), count, replace=False)
        tempo = rng.uniform(*augmentation.tempo, count)
        onset_shift = rng.integers(-most, most + 1, count)
        rendering = rng.integers(len(self.music.renderings), size=count)
        scale = rng.uniform(*augmentation.sheet_scale, count)
        shift_px = rng.uniform(-augmentation.sheet_shift_px, augmentation.sheet_shift_px, count)
        return np.stack([pair, rendering, tempo, onset_shift, scale, shift_px]).astype(np.float64)

    def _snippets(self, pair: Tensor, width: int) -> Tensor:
        """Snippets of ``width`` columns, 0 = ink, 1 = paper."""
        index = self._column[pair][:, None] + self._offsets(width)
        return self.music.strip[index].transpose(1, 2).float() / 255

    def _changed_snippets(self, pair: Tensor, scale: Tensor, shift_px: Tensor) -> Tensor:
        """Snippets enlarged by ``scale`` [n] about their centre and moved down by ``shift_px`` [n]; paper around."""
        rows, columns = self.music.sheet.strip_height_px, self.music.sheet.window_px
        wide = columns + columns // 5
        ink = 1 - self._snippets(pair, wide)[:, None]
        theta = torch.zeros(len(pair), 2, 3, device=ink.device)
        theta[:, 0, 0] = columns / wide / scale
        theta[:, 1, 1] = 1 / scale
        theta[:, 1, 2] = -2 * shift_px / rows / scale
        grid = F.affine_grid(theta, [len(pair), 1, rows, columns], align_corners=False)
        return 1 - F.grid_sample(ink, grid, align_corners=False)[:, 0]

    def _offsets(self, size: int) -> Tensor:
        return torch.arange(size, device=self.music.device) - size // 2
