"""Snippets and sound of whole pieces against each other: how the sheet encoder alone goes on learning.

Most wrong answers lie elsewhere in the right piece, and nearly all of them are the eye's: between two pianos the same
moment is found nearly always. As long as the audio encoder stays what it is, what it makes of every onset of a piece
is known for good, so that a snippet can be compared with all of them at once, the hardest ones always among them; and
a sound with the snippets of all onsets, which are nearly known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.schema import FloatArray
from earmark.training.evaluate import embed_heard, embed_seen
from earmark.training.losses import retrieval_loss
from earmark.training.pairs import Cut, PairSampler, Tensors
from earmark.training.surroundings import Windows, inseparable, within
from earmark.weights import Encoders


@dataclass(frozen=True)
class Batch(Tensors):
    """Snippets, and the sound and the snippets of all onsets of the pieces that they are of.

    ``sheet`` [stretches, 80, columns]; ``row`` and ``column`` [snippets] are a snippet's stretch and place in it,
    ``own`` int64 [snippets] its onset. ``heard`` and ``seen`` [onsets, dimension] are unit embeddings of the onsets'
    sound and of their snippets, as the encoders in ``start`` make them. ``fits`` bool [snippets, onsets] says which
    sound fits a snippet, ``answers`` [snippets, onsets] which onset's snippet its sound, and ``same`` [snippets,
    snippets] which of the batch's. ``sheet_pitches`` [stretches, 88, tokens] are 1 where a pitch begins.
    """

    sheet: Tensor
    row: Tensor
    column: Tensor
    own: Tensor
    heard: Tensor
    seen: Tensor
    fits: Tensor
    answers: Tensor
    same: Tensor
    sheet_pitches: Tensor


@dataclass(frozen=True)
class Known:
    """All onsets of a piece, heard in one rendering or seen: unit embeddings float32 [onsets, dimension], windows."""

    embeddings: FloatArray
    windows: Windows


@dataclass(frozen=True)
class Stretch:
    """What is cut from a strip, and the snippets picked in it.

    ``onset`` int64 [snippets] numbers the snippets' onsets in their piece, ``column`` [snippets] is their place.
    """

    cut: Cut
    onset: npt.NDArray[np.int64]
    column: npt.NDArray[np.float64]
    snippets: Windows


class WholePieceSampler:
    """Draws `Batch`es from the pieces of a `PairSampler`, as ``encoders`` hear and see them."""

    def __init__(self, pairs: PairSampler, encoders: Encoders) -> None:
        self.pairs, self.encoders = pairs, encoders
        self.known_heard: dict[tuple[int, str], Known] = {}
        self.known_seen: dict[int, Known] = {}

    def batch(self, rng: np.random.Generator) -> Batch:
        """One batch; all stretches of a piece are compared with the same rendering."""
        pairs = self.pairs
        chosen = pairs.choose(rng)
        scale = pairs.scales(rng)
        renderings = {int(i): str(rng.choice(list(pairs.pieces[i].audio))) for i in np.unique(chosen)}
        heard = [self.heard(i, rendering) for i, rendering in renderings.items()]
        seen = [self.seen(i) for i in renderings]
        first = dict(zip(renderings, np.cumsum([0, *(len(piece.windows) for piece in heard)]), strict=False))
        drawn = [
            self._stretch(rng, i, onset, s)
            for i, onset, s in zip(chosen, pairs.onsets(rng, chosen), scale, strict=True)
        ]
        sheet = pairs.degraded(rng, [stretch.cut for stretch in drawn], scale)
        own = np.concatenate([first[i] + stretch.onset for i, stretch in zip(chosen, drawn, strict=True)])
        excerpts, snippets = (Windows.joined([piece.windows for piece in known]) for known in (heard, seen))
        shown = Windows.joined([stretch.snippets for stretch in drawn])
        return Batch(
            sheet=sheet,
            row=torch.from_numpy(np.repeat(np.arange(len(drawn)), [len(stretch.onset) for stretch in drawn])),
            column=torch.from_numpy(np.concatenate([stretch.column for stretch in drawn]).astype(np.float32)),
            own=torch.from_numpy(own),
            heard=torch.from_numpy(np.concatenate([piece.embeddings for piece in heard])),
            seen=torch.from_numpy(np.concatenate([piece.embeddings for piece in seen])),
            fits=torch.from_numpy(inseparable(excerpts, shown).T.copy()),
            answers=torch.from_numpy(inseparable(excerpts.at(own), snippets)),
            same=torch.from_numpy(inseparable(excerpts.at(own), shown)),
            sheet_pitches=torch.stack([stretch.cut.pitches for stretch in drawn]),
        )

    def _stretch(self, rng: np.random.Generator, i: int, onset: int, scale: float) -> Stretch:
        """Draw a stretch about an onset of piece ``i``, to be enlarged by ``scale``."""
        cut = self.pairs.cut(rng, self.pairs.pieces[i], onset, scale)
        picked = rng.permutation(np.flatnonzero(cut.inside))[: self.pairs.pairs]
        column = cut.column[picked] + rng.uniform(-1, 1, len(picked))
        return Stretch(cut, picked, column, self.pairs.snippets(self.pairs.music[i], cut.column).at(picked))

    def heard(self, i: int, rendering: str) -> Known:
        """Piece ``i`` in one of its renderings; worked out once."""
        if (i, rendering) not in self.known_heard:
            piece = self.pairs.pieces[i]
            frame = piece.heard_s(rendering, piece.onsets.time_s) * self.pairs.audio.frames_per_second
            embeddings = embed_heard(self.encoders, piece, np.arange(len(piece.onsets)), rendering)
            excerpts = Windows(self.pairs.music[i], within(frame, self.pairs.half_frames))
            self.known_heard[i, rendering] = Known(embeddings, excerpts)
        return self.known_heard[i, rendering]

    def seen(self, i: int) -> Known:
        """Piece ``i`` on its own strip; worked out once."""
        if i not in self.known_seen:
            piece = self.pairs.pieces[i]
            embeddings = embed_seen(self.encoders, piece, np.arange(len(piece.onsets)))
            snippets = self.pairs.snippets(self.pairs.music[i], piece.onsets.x_px)
            self.known_seen[i] = Known(embeddings, snippets)
        return self.known_seen[i]


def whole_piece_loss(sheet: Tensor, batch: Batch, scale: Tensor) -> Tensor:
    """Mean of the losses of finding a snippet's sound, and of finding the snippet from its sound.

    ``sheet`` [snippets, dimension] are unit embeddings of the batch's snippets, ``scale`` the inverse temperature. The
    sound is among that of all onsets, the snippet among the batch's others and those of all onsets as ``start`` sees
    them: what the batch lacks, and moves little.
    """
    to_audio = retrieval_loss(sheet, batch.heard, batch.own, batch.fits, scale)
    candidates, fitting = torch.cat([sheet, batch.seen]), torch.cat([batch.same, batch.answers], dim=1)
    number = torch.arange(len(sheet), device=sheet.device)
    return (to_audio + retrieval_loss(batch.heard[batch.own], candidates, number, fitting, scale)) / 2
