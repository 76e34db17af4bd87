"""One encoder goes on learning against the other, which is locked, with a memory bank of whole pieces.

Most wrong answers of a search lie elsewhere in the right piece, and a batch holds a few stretches of it only. As long
as one encoder is locked (Zhai et al. 2022, "LiT"), its embeddings of every onset of a piece are known for good and can
be kept: the *keys*. So each window of a batch is compared with all onsets of its piece at once, the hardest ones always
among them, at the price of a lookup.

The loss has two directions, as the contrastive loss has:

- *window → key*: the embedding of a window, by the encoder that learns, has to find its onset's key among the keys of
  all onsets of the batch's pieces.
- *key → window*: the key of a window's onset has to find this window. It is sought among the batch's windows and, for
  all onsets that the batch lacks, among *stale keys*: the embeddings of the encoder that learns as it was at the start.
  It moves little, so they are nearly right.

Candidates that fit as well as the right one are left out of either direction (`earmark.training.data.ambiguity`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.model.encoders import Model
from earmark.schema import FloatArray
from earmark.training.data.ambiguity import Windows, indistinguishable
from earmark.training.data.batches import PairSampler, Part, Tensors
from earmark.training.data.dataset import embed_recording_onsets, embed_snippets
from earmark.training.experiment import Modality
from earmark.training.losses import retrieval_loss


@dataclass(frozen=True)
class LockedTowerBatch(Tensors):
    """Windows for the encoder that learns, and the keys of all onsets of their pieces.

    ``values`` [stretches, ...] are strips [80, columns] or spectrograms [frames, 92]; ``row`` and ``at`` [windows] are
    a window's stretch and place in it, ``own`` int64 [windows] its onset. ``keys`` and ``stale_keys`` [onsets,
    dimension] are unit embeddings of all onsets by the weights in ``start``: of the locked encoder, and of the one that
    learns. ``pitches`` [stretches, 88, tokens] are 1 where a pitch begins.

    Three matrices say what fits as well as the own one: ``is_positive_key`` bool [windows, onsets] which keys fit a
    window; ``is_positive_stale_key`` [windows, onsets] and ``is_positive_window`` [windows, windows] which stale keys
    and which of the batch's windows fit the key of a window's onset.
    """

    values: Tensor
    row: Tensor
    at: Tensor
    own: Tensor
    keys: Tensor
    stale_keys: Tensor
    is_positive_key: Tensor
    is_positive_stale_key: Tensor
    is_positive_window: Tensor
    pitches: Tensor


@dataclass(frozen=True)
class PieceKeys:
    """All onsets of a piece, in one rendering or on its strip: unit embeddings float32 [onsets, dimension], windows."""

    embeddings: FloatArray
    windows: Windows


@dataclass(frozen=True)
class Stretch:
    """A part of a piece and the windows picked in it: ``onset`` int64 [windows] their onsets, ``at`` their places."""

    part: Part
    onset: npt.NDArray[np.int64]
    at: npt.NDArray[np.float64]
    windows: Windows


class LockedTowerSampler:
    """Draws batches from the pieces of a `PairSampler`; ``model`` makes the keys, its encoder ``locked`` stays."""

    def __init__(self, pairs: PairSampler, model: Model, locked: Modality) -> None:
        self.pairs, self.model, self.is_audio_locked = pairs, model, locked == "audio"
        self._audio_keys: dict[tuple[int, str], PieceKeys] = {}
        self._sheet_keys: dict[int, PieceKeys] = {}

    def batch(self, rng: np.random.Generator) -> LockedTowerBatch:
        """One batch. All stretches of a piece are compared with the same rendering's keys.

        It is drawn where the audio encoder is locked, and the first one where only its stale keys are needed.
        """
        pairs, sheet_learns = self.pairs, self.is_audio_locked
        chosen = pairs.choose(rng)
        change = pairs.scales(rng) if sheet_learns else pairs.tempi(rng)
        played = {int(i): list(pairs.pieces[i].audio) for i in np.unique(chosen)}
        renderings = {i: str(rng.choice(names)) if sheet_learns else names[0] for i, names in played.items()}
        audio = [self.audio_keys(i, rendering) for i, rendering in renderings.items()]
        sheet = [self.sheet_keys(i) for i in renderings]
        first = dict(zip(renderings, np.cumsum([0, *(len(piece.windows) for piece in audio)]), strict=False))
        drawn = [self._stretch(rng, *what) for what in zip(chosen, pairs.onsets(rng, chosen), change, strict=True)]
        parts = [stretch.part for stretch in drawn]
        own = np.concatenate([first[i] + stretch.onset for i, stretch in zip(chosen, drawn, strict=True)])
        learning, locked = (sheet, audio) if sheet_learns else (audio, sheet)
        stale, keys = (Windows.joined([piece.windows for piece in pieces]) for pieces in (learning, locked))
        windows = Windows.joined([stretch.windows for stretch in drawn])
        return LockedTowerBatch(
            values=pairs.augmented_sheet(rng, parts, change) if sheet_learns else pairs.augmented_audio(rng, parts),
            row=torch.from_numpy(np.repeat(np.arange(len(drawn)), [len(stretch.onset) for stretch in drawn])),
            at=torch.from_numpy(np.concatenate([stretch.at for stretch in drawn]).astype(np.float32)),
            own=torch.from_numpy(own),
            keys=torch.from_numpy(np.concatenate([piece.embeddings for piece in locked])),
            stale_keys=torch.from_numpy(np.concatenate([piece.embeddings for piece in learning])),
            is_positive_key=self._positive(windows, keys),
            is_positive_stale_key=self._positive(stale, keys.at(own)).T.contiguous(),
            is_positive_window=self._positive(windows, keys.at(own)).T.contiguous(),
            pitches=torch.stack([part.pitches for part in parts]),
        )

    def _stretch(self, rng: np.random.Generator, i: int, onset: int, change: float) -> Stretch:
        """Draw a stretch about an onset of piece ``i``, to be enlarged by ``change`` or played at that tempo."""
        pairs, sheet_learns = self.pairs, self.is_audio_locked
        part = (pairs.sheet_part if sheet_learns else pairs.audio_part)(rng, pairs.pieces[i], onset, change)
        picked = rng.permutation(np.flatnonzero(part.inside))[: pairs.pairs]
        at = part.at[picked] + rng.uniform(-1, 1, len(picked))
        windows = (pairs.snippets if sheet_learns else pairs.excerpts)(pairs.contexts[i], part.at)
        return Stretch(part, picked, at, windows.at(picked))

    def _positive(self, learning: Windows, locked: Windows) -> Tensor:
        """Which windows of the encoder that learns fit which of the locked one: bool [learning, locked]."""
        if self.is_audio_locked:
            return torch.from_numpy(indistinguishable(locked, learning).T.copy())
        return torch.from_numpy(indistinguishable(learning, locked))

    def audio_keys(self, i: int, rendering: str) -> PieceKeys:
        """The excerpts about all onsets of piece ``i`` in one of its renderings; worked out once."""
        if (i, rendering) not in self._audio_keys:
            piece = self.pairs.pieces[i]
            frame = piece.audio_s(rendering, piece.onsets.time_s) * self.pairs.audio.frames_per_second
            embeddings = embed_recording_onsets(self.model, piece, np.arange(len(piece.onsets)), rendering)
            self._audio_keys[i, rendering] = PieceKeys(embeddings, self.pairs.excerpts(self.pairs.contexts[i], frame))
        return self._audio_keys[i, rendering]

    def sheet_keys(self, i: int) -> PieceKeys:
        """The snippets about all onsets of piece ``i`` on its own strip; worked out once."""
        if i not in self._sheet_keys:
            piece = self.pairs.pieces[i]
            embeddings = embed_snippets(self.model, piece, np.arange(len(piece.onsets)))
            snippets = self.pairs.snippets(self.pairs.contexts[i], piece.onsets.x_px)
            self._sheet_keys[i] = PieceKeys(embeddings, snippets)
        return self._sheet_keys[i]


def locked_tower_loss(windows: Tensor, batch: LockedTowerBatch, scale: Tensor) -> Tensor:
    """Mean of the losses window → key and key → window; see the module's docstring.

    ``windows`` [windows, dimension] are unit embeddings of the batch's windows by the encoder that learns; ``scale`` is
    the inverse temperature.
    """
    to_key = retrieval_loss(windows, batch.keys, batch.own, batch.is_positive_key, scale)
    candidates = torch.cat([windows, batch.stale_keys])
    is_positive = torch.cat([batch.is_positive_window, batch.is_positive_stale_key], dim=1)
    own = torch.arange(len(windows), device=windows.device)
    to_window = retrieval_loss(batch.keys[batch.own], candidates, own, is_positive, scale)
    return (to_key + to_window) / 2
