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

from earmark.model.networks import PITCHES, Trunk
from earmark.schema import AudioSpec, FloatArray, Image, SheetSpec
from earmark.training.data.ambiguity import Surroundings, Windows, inseparable, snippet_music, surroundings, within
from earmark.training.data.augment_audio import augment_audio
from earmark.training.data.augment_sheet import augment_sheet
from earmark.training.data.dataset import TrainingPiece, performance, tempo_of
from earmark.training.data.hard_negatives import look_alikes


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
class Part:
    """A part of a piece, seen or heard, before augmentation.

    ``values`` float32 is ink [rows, columns + two margins], or the sound on two pianos [2, frames, bands]. ``at``
    float64 [onsets] is where every onset of the piece lies in it, in columns without margins or in frames, ``inside``
    bool [onsets] whether its whole window does; ``pitches`` [88, tokens] are 1 where a pitch begins.
    """

    values: FloatArray
    at: npt.NDArray[np.float64]
    inside: npt.NDArray[np.bool_]
    pitches: Tensor


@dataclass(frozen=True)
class Stretch:
    """One stretch: its two sides, where its pairs lie in them [pairs], and the two windows of every pair."""

    heard: Part
    seen: Part
    frame: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    excerpts: Windows
    snippets: Windows


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
        tempo = self.tempi(rng)
        scale = self.scales(rng)
        onsets = self.onsets(rng, chosen)
        drawn = [self._stretch(rng, *what) for what in zip(chosen, onsets, tempo, scale, strict=True)]
        sheet = self.degraded(rng, [stretch.seen for stretch in drawn], scale)
        excerpts, snippets = (
            Windows.joined([getattr(stretch, side) for stretch in drawn]) for side in ("excerpts", "snippets")
        )
        return Batch(
            audio=self.disguised(rng, [stretch.heard for stretch in drawn]),
            sheet=sheet,
            row=torch.from_numpy(np.repeat(np.arange(len(drawn)), [len(stretch.frame) for stretch in drawn])),
            frame=torch.from_numpy(np.concatenate([stretch.frame for stretch in drawn]).astype(np.float32)),
            column=torch.from_numpy(np.concatenate([stretch.column for stretch in drawn]).astype(np.float32)),
            same=torch.from_numpy(inseparable(excerpts, snippets)),
            audio_pitches=torch.stack([stretch.heard.pitches for stretch in drawn]),
            sheet_pitches=torch.stack([stretch.seen.pitches for stretch in drawn]),
        )

    def choose(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """The piece of every stretch of a batch, by number, those of one piece together."""
        pieces = rng.choice(len(self.pieces), self.stretches // self.stretches_per_piece, p=self.weight)
        return np.repeat(pieces, self.stretches_per_piece)

    def tempi(self, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """How much faster than written every stretch of a batch is played: float64 [stretches]."""
        low, high = np.log(self.tempo)
        return np.exp(rng.uniform(low, high, self.stretches))

    def scales(self, rng: np.random.Generator) -> FloatArray:
        """How much the strip of every stretch of a batch is enlarged: float32 [stretches]."""
        return rng.uniform(0.9, 1.1, self.stretches).astype(np.float32)

    def excerpts(self, music: Surroundings, frame: npt.NDArray[np.floating]) -> Windows:
        """The excerpts about the onsets of a piece of this music, which sound at ``frame`` [onsets]."""
        return Windows(music, within(frame, self.half_frames))

    def snippets(self, music: Surroundings, column: npt.NDArray[np.floating]) -> Windows:
        """The snippets about the onsets of a piece of this music, which lie at ``column`` [onsets]."""
        return Windows(music, within(column, self.half_px))

    def seen(self, rng: np.random.Generator, piece: TrainingPiece, onset: int, scale: float) -> Part:
        """What is seen about an onset of ``piece``, to be enlarged by ``scale``."""
        middle = piece.onsets.x_px[onset] + rng.uniform(-1, 1)
        column, note_column = ((of.x_px - middle) * scale + self.columns / 2 for of in (piece.onsets, piece.notes))
        free = self.sheet.window_px / 2 + 1
        return Part(
            values=self._ink(piece.strip, middle),
            at=column,
            inside=np.abs(column - self.columns / 2) <= self.columns / 2 - free,
            pitches=_labels(piece.notes.pitch, note_column, self.columns),
        )

    def heard(self, rng: np.random.Generator, piece: TrainingPiece, onset: int, tempo: float) -> Part:
        """What is heard about an onset of ``piece``, played at ``tempo``."""
        first, second = self._renderings(rng, piece, tempo)
        rate = tempo / tempo_of(first)
        heard_s = piece.heard_s(first, piece.onsets.time_s)
        start_s = heard_s[onset] - self.frames / 2 / self.audio.frames_per_second * rate
        frames_per_s = self.audio.frames_per_second / rate
        frame = (heard_s - start_s) * frames_per_s
        free = self.audio.window_frames / 2 + 1
        note_frame = (piece.heard_s(first, piece.notes.time_s) - start_s) * frames_per_s
        return Part(
            values=np.stack([self._spectrum(piece.audio[name], start_s, rate) for name in (first, second)]),
            at=frame,
            inside=np.abs(frame - self.frames / 2) <= self.frames / 2 - free,
            pitches=_labels(piece.notes.pitch, note_frame, self.frames),
        )

    def degraded(self, rng: np.random.Generator, parts: Sequence[Part], scale: npt.NDArray[np.floating]) -> Tensor:
        """What training sees of ``parts``, each enlarged and worse in its own ways: [stretches, rows, columns]."""
        inks = torch.from_numpy(np.stack([part.values for part in parts]))
        return augment_sheet(rng, inks, scale, self.degradation)[:, :, self.margin : -self.margin].contiguous()

    def disguised(self, rng: np.random.Generator, parts: Sequence[Part]) -> Tensor:
        """What training hears of ``parts``, each in another room and on another piano: [stretches, frames, bands]."""
        first, second = (torch.from_numpy(np.stack([part.values[i] for part in parts])) for i in range(2))
        return augment_audio(rng, first, second)

    def onsets(self, rng: np.random.Generator, chosen: npt.NDArray[np.int64]) -> list[int]:
        """An onset of each piece in ``chosen`` (places in ``self.pieces``) to draw a stretch about."""
        onsets: list[int] = []
        for n, i in enumerate(chosen):
            if self.alike and n % self.stretches_per_piece % 2:
                onsets.append(int(rng.choice(self.alike[i][onsets[-1]])))
            else:
                onsets.append(int(rng.integers(len(self.pieces[i].onsets))))
        return onsets

    def _stretch(self, rng: np.random.Generator, i: int, onset: int, tempo: float, scale: float) -> Stretch:
        """Draw a stretch about an onset of piece ``i``, played at ``tempo``, to be enlarged by ``scale``."""
        seen = self.seen(rng, self.pieces[i], onset, scale)
        heard = self.heard(rng, self.pieces[i], onset, tempo)
        picked = rng.permutation(np.flatnonzero(heard.inside & seen.inside))[: self.pairs]
        return Stretch(
            heard=heard,
            seen=seen,
            frame=heard.at[picked] + rng.uniform(-1, 1, len(picked)),
            column=seen.at[picked] + rng.uniform(-1, 1, len(picked)),
            excerpts=self.excerpts(self.music[i], heard.at).at(picked),
            snippets=self.snippets(self.music[i], seen.at).at(picked),
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

    def _spectrum(self, spectrum: npt.NDArray[np.float16], start_s: float, rate: float) -> FloatArray:
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
