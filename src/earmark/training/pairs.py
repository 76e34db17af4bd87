"""Pieces as training batches: long stretches of music with all the audio-sheet pairs inside.

A *stretch* is 20 s of spectrogram and 400 strip px (800 px of the paper's page) about one onset. Each is encoded once,
and up to ``pairs`` onsets in it are training pairs; so a batch holds many negatives from the same piece, the ones that
recall@1 is decided by. Everything drawn for a batch comes from the generator handed in, so batch i of a run is the same
whenever it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.networks import PITCHES, Trunk
from earmark.schema import AudioSpec, FloatArray, Image, SheetSpec
from earmark.training.augment import augment_audio
from earmark.training.degrade import augment_sheet
from earmark.training.lookalikes import look_alikes
from earmark.training.pieces import TrainingPiece, performance, tempo_of
from earmark.training.surroundings import (
    Surroundings,
    Windows,
    inseparable,
    snippet_music,
    surroundings,
    within,
)


class Tensors:
    """Of a dataclass of tensors alone: they can be sent to a device together."""

    def to(self, device: torch.device) -> Self:
        return type(self)(**{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})


@dataclass(frozen=True)
class Batch(Tensors):
    """What one training step sees.

    ``audio`` [stretches, frames, 92], ``sheet`` [stretches, 80, columns]; ``row`` [pairs] is a pair's stretch,
    ``frame`` and ``column`` [pairs] its place in it; ``same`` bool [pairs, pairs] is true where the sound of the one
    fits the snippet of the other (`inseparable`); ``audio_pitches`` and ``sheet_pitches`` [stretches, 88, tokens] are 1
    where a pitch begins.
    """

    audio: Tensor
    sheet: Tensor
    row: Tensor
    frame: Tensor
    column: Tensor
    same: Tensor
    audio_pitches: Tensor
    sheet_pitches: Tensor


@dataclass(frozen=True)
class Cut:
    """A part of a strip before augmentation.

    ``ink`` float32 [rows, columns + two margins]; ``column`` float64 [onsets] is where every onset of the piece lies in
    the part without margins, ``inside`` bool [onsets] whether its whole snippet does; ``pitches`` [88, tokens] are 1
    where a pitch begins.
    """

    ink: FloatArray
    column: npt.NDArray[np.float64]
    inside: npt.NDArray[np.bool_]
    pitches: Tensor


@dataclass(frozen=True)
class Stretch:
    """One stretch before augmentation: its sound on two pianos, what is cut from the strip, its pairs, its notes.

    ``excerpts`` and ``snippets`` are the two windows of every pair.
    """

    heard: tuple[FloatArray, ...]
    cut: Cut
    frame: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    excerpts: Windows
    snippets: Windows
    audio_pitches: Tensor


class PairSampler:
    """Draws augmented batches from pieces in memory."""

    frames = 400
    columns = 400
    clear = 0.9  # of half a window: what lies further out is too faint to tell two places apart by
    margin = 40  # strip columns cut beyond each side, so that shrinking shows music and not paper

    def __init__(
        self,
        pieces: Sequence[TrainingPiece],
        audio: AudioSpec,
        sheet: SheetSpec,
        *,
        stretches: int,
        stretches_per_piece: int,
        pairs: int,
        tempo: tuple[float, float],
        alike: bool = False,
        degradation: float = 1.0,
    ) -> None:
        self.pieces = [piece for piece in pieces if len(piece.onsets) > 1]
        self.audio, self.sheet = audio, sheet
        self.stretches, self.stretches_per_piece, self.pairs, self.tempo = stretches, stretches_per_piece, pairs, tempo
        self.degradation = degradation
        # Between one piece one vote and one onset one vote: long pieces must not crowd out the short ones.
        weight = np.array([len(piece.onsets) for piece in self.pieces]) ** 0.75
        self.weight = weight / weight.sum()
        self.music = [surroundings(piece.onsets.time_s, piece.notes.time_s, piece.notes.pitch) for piece in self.pieces]
        self.half_px, self.half_frames = (self.clear * window / 2 for window in (sheet.window_px, audio.window_frames))
        self.alike = [
            look_alikes(
                piece.onsets.x_px,
                snippet_music(self.snippets(music, piece.onsets.x_px)),
                piece.notes.x_px,
                piece.notes.pitch,
                sheet.window_px,
            )
            for piece, music in zip(self.pieces, self.music, strict=True)
            if alike
        ]

    def batch(self, rng: np.random.Generator) -> Batch:
        """One batch: several stretches of every piece that is drawn, so that a piece meets itself elsewhere."""
        chosen = self.choose(rng)
        low, high = np.log(self.tempo)
        tempo = np.exp(rng.uniform(low, high, self.stretches))
        scale = self.scales(rng)
        onsets = self.onsets(rng, chosen)
        drawn = [
            self._stretch(rng, self.pieces[i], self.music[i], onset, r, s)
            for i, onset, r, s in zip(chosen, onsets, tempo, scale, strict=True)
        ]
        sheet = self.degraded(rng, [stretch.cut for stretch in drawn], scale)
        excerpts, snippets = (
            Windows.joined([getattr(stretch, side) for stretch in drawn]) for side in ("excerpts", "snippets")
        )
        first, second = (torch.from_numpy(np.stack([stretch.heard[i] for stretch in drawn])) for i in range(2))
        return Batch(
            audio=augment_audio(rng, first, second),
            sheet=sheet,
            row=torch.from_numpy(np.repeat(np.arange(len(drawn)), [len(stretch.frame) for stretch in drawn])),
            frame=torch.from_numpy(np.concatenate([stretch.frame for stretch in drawn]).astype(np.float32)),
            column=torch.from_numpy(np.concatenate([stretch.column for stretch in drawn]).astype(np.float32)),
            same=torch.from_numpy(inseparable(excerpts, snippets)),
            audio_pitches=torch.stack([stretch.audio_pitches for stretch in drawn]),
            sheet_pitches=torch.stack([stretch.cut.pitches for stretch in drawn]),
        )

    def choose(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """The piece of every stretch of a batch, by number, those of one piece together."""
        pieces = rng.choice(len(self.pieces), self.stretches // self.stretches_per_piece, p=self.weight)
        return np.repeat(pieces, self.stretches_per_piece)

    def scales(self, rng: np.random.Generator) -> FloatArray:
        """How much the strip of every stretch of a batch is enlarged: float32 [stretches]."""
        return rng.uniform(0.9, 1.1, self.stretches).astype(np.float32)

    def snippets(self, music: Surroundings, column: npt.NDArray[np.floating]) -> Windows:
        """The snippets about the onsets of a piece of this music, which lie at ``column`` [onsets]."""
        return Windows(music, within(column, self.half_px))

    def cut(self, rng: np.random.Generator, piece: TrainingPiece, onset: int, scale: float) -> Cut:
        """What is seen about an onset of ``piece``, to be enlarged by ``scale``."""
        middle = piece.onsets.x_px[onset] + rng.uniform(-1, 1)
        column, note_column = ((of.x_px - middle) * scale + self.columns / 2 for of in (piece.onsets, piece.notes))
        free = self.sheet.window_px / 2 + 1
        return Cut(
            ink=self._ink(piece.strip, middle),
            column=column,
            inside=np.abs(column - self.columns / 2) <= self.columns / 2 - free,
            pitches=_labels(piece.notes.pitch, note_column, self.columns),
        )

    def degraded(self, rng: np.random.Generator, cuts: Sequence[Cut], scale: FloatArray) -> Tensor:
        """What training sees of ``cuts``, each enlarged and worse in its own ways: [stretches, rows, columns]."""
        inks = torch.from_numpy(np.stack([cut.ink for cut in cuts]))
        return augment_sheet(rng, inks, scale, self.degradation)[:, :, self.margin : -self.margin].contiguous()

    def onsets(self, rng: np.random.Generator, chosen: npt.NDArray[np.int64]) -> list[int]:
        """An onset of each piece in ``chosen`` (places in ``self.pieces``) to draw a stretch about."""
        onsets: list[int] = []
        for n, i in enumerate(chosen):
            if self.alike and n % self.stretches_per_piece % 2:
                onsets.append(int(rng.choice(self.alike[i][onsets[-1]])))
            else:
                onsets.append(int(rng.integers(len(self.pieces[i].onsets))))
        return onsets

    def _stretch(
        self,
        rng: np.random.Generator,
        piece: TrainingPiece,
        music: Surroundings,
        onset: int,
        tempo: float,
        scale: float,
    ) -> Stretch:
        """Draw a stretch about an onset of ``piece``, played at ``tempo``, to be enlarged by ``scale``."""
        cut = self.cut(rng, piece, onset, scale)
        first, second = self._renderings(rng, piece, tempo)
        rate = tempo / tempo_of(first)
        heard_s = piece.heard_s(first, piece.onsets.time_s)
        start_s = heard_s[onset] - self.frames / 2 / self.audio.frames_per_second * rate
        frames_per_s = self.audio.frames_per_second / rate
        frame = (heard_s - start_s) * frames_per_s
        free = self.audio.window_frames / 2 + 1
        usable = np.flatnonzero((np.abs(frame - self.frames / 2) <= self.frames / 2 - free) & cut.inside)
        picked = rng.permutation(usable)[: self.pairs]
        note_frame = (piece.heard_s(first, piece.notes.time_s) - start_s) * frames_per_s
        return Stretch(
            heard=tuple(self._excerpt(piece.audio[name], start_s, rate) for name in (first, second)),
            cut=cut,
            frame=frame[picked] + rng.uniform(-1, 1, len(picked)),
            column=cut.column[picked] + rng.uniform(-1, 1, len(picked)),
            excerpts=Windows(music, within(frame, self.half_frames)).at(picked),
            snippets=self.snippets(music, cut.column).at(picked),
            audio_pitches=_labels(piece.notes.pitch, note_frame, self.frames),
        )

    def _renderings(self, rng: np.random.Generator, piece: TrainingPiece, tempo: float) -> tuple[str, str]:
        """Two pianos' renderings of one performance of ``piece``, to be stretched to ``tempo``.

        A stretched piano rings on too long or too briefly: the less a performance has to be, the more likely it is.
        """
        performances = sorted({performance(name) for name in piece.audio})
        stretching = np.abs(np.log([tempo / tempo_of(name) for name in performances]))
        likely = np.exp(-2 * stretching)
        chosen = rng.choice(performances, p=likely / likely.sum())
        first, second = rng.choice([name for name in piece.audio if performance(name) == chosen], 2)
        return str(first), str(second)

    def _excerpt(self, spectrum: npt.NDArray[np.float16], start_s: float, rate: float) -> FloatArray:
        """``self.frames`` frames from ``start_s`` on, played ``rate`` times as fast; silence beyond the ends."""
        at = start_s * self.audio.frames_per_second + np.arange(self.frames) * rate
        left = np.floor(at).astype(int)
        fraction = (at - left).astype(np.float32)[:, None]
        valid = ((left >= 0) & (left < len(spectrum) - 1))[:, None]
        left = left.clip(0, len(spectrum) - 2)
        before, after = spectrum[left].astype(np.float32), spectrum[left + 1].astype(np.float32)
        return np.where(valid, before + (after - before) * fraction, np.float32(0))

    def _ink(self, strip: Image, middle: float) -> FloatArray:
        """Ink of the columns about ``middle`` (which comes to lie exactly in the centre), with margins."""
        width = self.columns + 2 * self.margin
        at = middle - width / 2
        left = int(np.floor(at))
        cut = np.full((strip.shape[0], width + 1), 255, np.float32)
        begin, end = max(left, 0), min(left + width + 1, strip.shape[1])
        if end > begin:
            cut[:, begin - left : end - left] = strip[:, begin:end]
        fraction = np.float32(at - left)
        ink = 1 - (cut[:, :-1] * (1 - fraction) + cut[:, 1:] * fraction) / 255
        return ink.astype(np.float32)


def _labels(pitch: npt.NDArray[np.int64], at: npt.NDArray[np.floating], length: int) -> Tensor:
    """Zeros [pitches, tokens], 1 at the pitch and the token of every note inside; ``at`` in input columns."""
    labels = torch.zeros(PITCHES, length // Trunk.stride)
    token = np.round(at / Trunk.stride).astype(np.int64)
    valid = (token >= 0) & (token < labels.shape[1]) & (pitch >= 0) & (pitch < PITCHES)
    labels[torch.from_numpy(pitch[valid]), torch.from_numpy(token[valid])] = 1
    return labels
