"""Snippets and sound of whole pieces against each other: how one encoder goes on learning while the other stays.

Most wrong answers lie elsewhere in the right piece. As long as one encoder stays what it is, what it makes of every
onset of a piece is known for good, so that a window of the other's can be compared with all of them at once, the
hardest ones always among them; and the way back with the windows of all onsets, which are nearly known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.model.encoders import Model
from earmark.schema import FloatArray
from earmark.training.data.ambiguity import Windows, inseparable
from earmark.training.data.batches import PairSampler, Part, Tensors
from earmark.training.data.dataset import embed_heard, embed_seen
from earmark.training.experiment import Side
from earmark.training.losses import retrieval_loss


@dataclass(frozen=True)
class Batch(Tensors):
    """Windows of the side that learns, and both sides of all onsets of the pieces that they are of.

    ``values`` [stretches, ...] are strips [80, columns] or spectrograms [frames, 92]; ``row`` and ``at`` [windows] are
    a window's stretch and place in it, ``own`` int64 [windows] its onset. ``other`` and ``before`` [onsets, dimension]
    are unit embeddings of all onsets as the encoders in ``start`` make them, of the side that stays and of the one that
    learns. ``fits`` bool [windows, onsets] says which of the other side's fits a window as well as its own, ``answers``
    [windows, onsets] which onset's window the own one of the other side, and ``same`` [windows, windows] which of the
    batch's. ``pitches`` [stretches, 88, tokens] are 1 where a pitch begins.
    """

    values: Tensor
    row: Tensor
    at: Tensor
    own: Tensor
    other: Tensor
    before: Tensor
    fits: Tensor
    answers: Tensor
    same: Tensor
    pitches: Tensor


@dataclass(frozen=True)
class Known:
    """All onsets of a piece, heard in one rendering or seen: unit embeddings float32 [onsets, dimension], windows."""

    embeddings: FloatArray
    windows: Windows


@dataclass(frozen=True)
class Stretch:
    """A part of a piece and the windows picked in it: ``onset`` int64 [windows] their onsets, ``at`` their places."""

    part: Part
    onset: npt.NDArray[np.int64]
    at: npt.NDArray[np.float64]
    windows: Windows


class WholePieceSampler:
    """Draws `Batch`es for the encoder of ``side`` from the pieces of a `PairSampler`, as ``encoders`` hear and see."""

    def __init__(self, pairs: PairSampler, encoders: Model, side: Side) -> None:
        self.pairs, self.encoders, self.is_sheet = pairs, encoders, side == "sheet"
        self.known_heard: dict[tuple[int, str], Known] = {}
        self.known_seen: dict[int, Known] = {}

    def batch(self, rng: np.random.Generator) -> Batch:
        """One batch; all stretches of a piece are compared with the same rendering: for the ear, which only has to know
        what it made of the piece before, always with the first."""
        pairs = self.pairs
        chosen = pairs.choose(rng)
        change = pairs.scales(rng) if self.is_sheet else pairs.tempi(rng)
        played = {int(i): list(pairs.pieces[i].audio) for i in np.unique(chosen)}
        renderings = {i: str(rng.choice(names)) if self.is_sheet else names[0] for i, names in played.items()}
        heard = [self.heard(i, rendering) for i, rendering in renderings.items()]
        seen = [self.seen(i) for i in renderings]
        first = dict(zip(renderings, np.cumsum([0, *(len(piece.windows) for piece in heard)]), strict=False))
        drawn = [self._stretch(rng, *what) for what in zip(chosen, pairs.onsets(rng, chosen), change, strict=True)]
        parts = [stretch.part for stretch in drawn]
        own = np.concatenate([first[i] + stretch.onset for i, stretch in zip(chosen, drawn, strict=True)])
        learning, staying = (seen, heard) if self.is_sheet else (heard, seen)
        before, other = (Windows.joined([piece.windows for piece in known]) for known in (learning, staying))
        windows = Windows.joined([stretch.windows for stretch in drawn])
        return Batch(
            values=pairs.degraded(rng, parts, change) if self.is_sheet else pairs.disguised(rng, parts),
            row=torch.from_numpy(np.repeat(np.arange(len(drawn)), [len(stretch.onset) for stretch in drawn])),
            at=torch.from_numpy(np.concatenate([stretch.at for stretch in drawn]).astype(np.float32)),
            own=torch.from_numpy(own),
            other=torch.from_numpy(np.concatenate([piece.embeddings for piece in staying])),
            before=torch.from_numpy(np.concatenate([piece.embeddings for piece in learning])),
            fits=self._fitting(windows, other),
            answers=self._fitting(before, other.at(own)).T.contiguous(),
            same=self._fitting(windows, other.at(own)).T.contiguous(),
            pitches=torch.stack([part.pitches for part in parts]),
        )

    def _stretch(self, rng: np.random.Generator, i: int, onset: int, change: float) -> Stretch:
        """Draw a stretch about an onset of piece ``i``, to be enlarged by ``change`` or played at that tempo."""
        part = (self.pairs.seen if self.is_sheet else self.pairs.heard)(rng, self.pairs.pieces[i], onset, change)
        picked = rng.permutation(np.flatnonzero(part.inside))[: self.pairs.pairs]
        at = part.at[picked] + rng.uniform(-1, 1, len(picked))
        windows = (self.pairs.snippets if self.is_sheet else self.pairs.excerpts)(self.pairs.music[i], part.at)
        return Stretch(part, picked, at, windows.at(picked))

    def _fitting(self, learning: Windows, staying: Windows) -> Tensor:
        """Which windows of the one side fit which of the other as well as their own: bool [learning, staying]."""
        return torch.from_numpy(
            inseparable(staying, learning).T.copy() if self.is_sheet else inseparable(learning, staying)
        )

    def heard(self, i: int, rendering: str) -> Known:
        """Piece ``i`` in one of its renderings; worked out once."""
        if (i, rendering) not in self.known_heard:
            piece = self.pairs.pieces[i]
            frame = piece.heard_s(rendering, piece.onsets.time_s) * self.pairs.audio.frames_per_second
            embeddings = embed_heard(self.encoders, piece, np.arange(len(piece.onsets)), rendering)
            self.known_heard[i, rendering] = Known(embeddings, self.pairs.excerpts(self.pairs.music[i], frame))
        return self.known_heard[i, rendering]

    def seen(self, i: int) -> Known:
        """Piece ``i`` on its own strip; worked out once."""
        if i not in self.known_seen:
            piece = self.pairs.pieces[i]
            embeddings = embed_seen(self.encoders, piece, np.arange(len(piece.onsets)))
            snippets = self.pairs.snippets(self.pairs.music[i], piece.onsets.x_px)
            self.known_seen[i] = Known(embeddings, snippets)
        return self.known_seen[i]


def whole_piece_loss(learning: Tensor, batch: Batch, scale: Tensor) -> Tensor:
    """Mean of the losses of finding a window's other side, and of finding the window from its other side.

    ``learning`` [windows, dimension] are unit embeddings of the batch's windows, ``scale`` the inverse temperature. The
    other side is among that of all onsets, the window among the batch's others and those of all onsets as ``start``
    has them: what the batch lacks, and moves little.
    """
    there = retrieval_loss(learning, batch.other, batch.own, batch.fits, scale)
    candidates, fitting = torch.cat([learning, batch.before]), torch.cat([batch.same, batch.answers], dim=1)
    number = torch.arange(len(learning), device=learning.device)
    return (there + retrieval_loss(batch.other[batch.own], candidates, number, fitting, scale)) / 2
