"""Pieces → training batches of audio-sheet pairs, many of them from the same piece.

The unit that is drawn is a *stretch*: 20 s of spectrogram and 400 strip px (800 px of the paper's page) about one onset
of a piece. Both are encoded once, and up to ``pairs`` onsets that lie inside both are training pairs: the audio about
an onset and the snippet about it. All other pairs of the batch are their negatives, most usefully those of the same
piece, as most wrong answers of a search lie elsewhere in the right piece. What fits an excerpt as well as its own
snippet does is left out of the negatives (`earmark.training.data.ambiguity`).

To draw a batch (`PairSampler.batch`):

1. Choose pieces, long ones more often, and an onset for each stretch. With hard negatives, every second stretch of a
   piece is about a place that looks like the stretch before.
2. Draw a tempo and a scale for each stretch. Of the renderings, those that need the least stretching are preferred.
3. Cut the audio of two renderings and the strip, and note where the pairs lie in them.
4. Augment: one piano out of two, a room, noise; print, paper, scanner, camera.

Everything is drawn from the generator handed in, so batch i of a run is the same whenever it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.corpus.format import performance_of, tempo_of
from earmark.model.networks import PITCHES, Trunk
from earmark.schema import AudioSpec, FloatArray, Image, SheetSpec
from earmark.training.data.ambiguity import Context, Windows, context_of, indistinguishable, snippet_music, within
from earmark.training.data.augment_audio import augment_audio
from earmark.training.data.augment_sheet import augment_sheet
from earmark.training.data.dataset import TrainingPiece
from earmark.training.data.hard_negatives import hard_negatives


class Tensors:
    """Of a dataclass of tensors alone: they can be sent to a device together."""

    def to(self, device: torch.device) -> Self:
        return type(self)(**{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})


@dataclass(frozen=True)
class PairBatch(Tensors):
    """The pairs of one training step.

    ``audio`` [stretches, frames, 92], ``sheet`` [stretches, 80, columns]; ``row`` [pairs] is a pair's stretch,
    ``frame`` and ``column`` [pairs] its place in it. ``indistinguishable`` bool [pairs, pairs] is true where the audio
    of the one fits the snippet of the other. ``audio_pitches`` and ``sheet_pitches`` [stretches, 88, tokens] are 1
    where a pitch begins.
    """

    audio: Tensor
    sheet: Tensor
    row: Tensor
    frame: Tensor
    column: Tensor
    indistinguishable: Tensor
    audio_pitches: Tensor
    sheet_pitches: Tensor


@dataclass(frozen=True)
class Part:
    """A part of a piece's strip or of its audio, before augmentation.

    ``values`` float32 is ink [rows, columns + two margins], or two pianos' spectrograms [2, frames, bands]. ``at``
    float64 [onsets] is where every onset of the piece lies in it, in columns without margins or in frames, ``inside``
    bool [onsets] whether its whole window does; ``pitches`` [88, tokens] are 1 where a pitch begins.
    """

    values: FloatArray
    at: npt.NDArray[np.float64]
    inside: npt.NDArray[np.bool_]
    pitches: Tensor


@dataclass(frozen=True)
class Stretch:
    """One stretch: its audio and sheet, where its pairs lie in them [pairs], and the two windows of every pair."""

    audio: Part
    sheet: Part
    frame: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    excerpts: Windows
    snippets: Windows


class PairSampler:
    """Draws augmented batches from pieces in memory. The arguments are fields of an `Experiment`."""

    frames = 400
    columns = 400
    clear = 0.9  # of half a window: what lies further out is too faint to tell two places apart by
    margin = 40  # strip columns cut beyond each end, so that shrinking shows music and not paper

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
        with_hard_negatives: bool = False,
        degradation: float = 1.0,
    ) -> None:
        self.pieces = [piece for piece in pieces if len(piece.onsets) > 1]
        self.audio, self.sheet = audio, sheet
        self.stretches, self.stretches_per_piece, self.pairs, self.tempo = stretches, stretches_per_piece, pairs, tempo
        self.degradation = degradation
        # Between one piece one vote and one onset one vote: long pieces must not crowd out the short ones.
        weight = np.array([len(piece.onsets) for piece in self.pieces]) ** 0.75
        self.weight = weight / weight.sum()
        self.contexts = [
            context_of(piece.onsets.time_s, piece.notes.time_s, piece.notes.pitch) for piece in self.pieces
        ]
        self.half_px, self.half_frames = (self.clear * window / 2 for window in (sheet.window_px, audio.window_frames))
        self.hard_negatives = [
            hard_negatives(
                piece.onsets.x_px,
                snippet_music(self.snippets(context, piece.onsets.x_px)),
                piece.notes.x_px,
                piece.notes.pitch,
                sheet.window_px,
            )
            for piece, context in zip(self.pieces, self.contexts, strict=True)
            if with_hard_negatives
        ]

    def batch(self, rng: np.random.Generator) -> PairBatch:
        """One batch: several stretches of every piece that is drawn, so that a piece meets itself elsewhere."""
        chosen = self.choose(rng)
        tempo = self.tempi(rng)
        scale = self.scales(rng)
        onsets = self.onsets(rng, chosen)
        drawn = [self._stretch(rng, *what) for what in zip(chosen, onsets, tempo, scale, strict=True)]
        sheet = self.augmented_sheet(rng, [stretch.sheet for stretch in drawn], scale)
        excerpts, snippets = (
            Windows.joined([getattr(stretch, windows) for stretch in drawn]) for windows in ("excerpts", "snippets")
        )
        return PairBatch(
            audio=self.augmented_audio(rng, [stretch.audio for stretch in drawn]),
            sheet=sheet,
            row=torch.from_numpy(np.repeat(np.arange(len(drawn)), [len(stretch.frame) for stretch in drawn])),
            frame=torch.from_numpy(np.concatenate([stretch.frame for stretch in drawn]).astype(np.float32)),
            column=torch.from_numpy(np.concatenate([stretch.column for stretch in drawn]).astype(np.float32)),
            indistinguishable=torch.from_numpy(indistinguishable(excerpts, snippets)),
            audio_pitches=torch.stack([stretch.audio.pitches for stretch in drawn]),
            sheet_pitches=torch.stack([stretch.sheet.pitches for stretch in drawn]),
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

    def excerpts(self, context: Context, frame: npt.NDArray[np.floating]) -> Windows:
        """The excerpts about the onsets of a piece with this context, which sound at ``frame`` [onsets]."""
        return Windows(context, within(frame, self.half_frames))

    def snippets(self, context: Context, column: npt.NDArray[np.floating]) -> Windows:
        """The snippets about the onsets of a piece with this context, which lie at ``column`` [onsets]."""
        return Windows(context, within(column, self.half_px))

    def sheet_part(self, rng: np.random.Generator, piece: TrainingPiece, onset: int, scale: float) -> Part:
        """The strip about an onset of ``piece``, to be enlarged by ``scale``."""
        middle = piece.onsets.x_px[onset] + rng.uniform(-1, 1)
        column, note_column = ((of.x_px - middle) * scale + self.columns / 2 for of in (piece.onsets, piece.notes))
        free = self.sheet.window_px / 2 + 1
        return Part(
            values=self._ink(piece.strip, middle),
            at=column,
            inside=np.abs(column - self.columns / 2) <= self.columns / 2 - free,
            pitches=_labels(piece.notes.pitch, note_column, self.columns),
        )

    def audio_part(self, rng: np.random.Generator, piece: TrainingPiece, onset: int, tempo: float) -> Part:
        """The audio about an onset of ``piece``, played at ``tempo``."""
        first, second = self._renderings(rng, piece, tempo)
        rate = tempo / tempo_of(first)
        onset_s = piece.audio_s(first, piece.onsets.time_s)
        start_s = onset_s[onset] - self.frames / 2 / self.audio.frames_per_second * rate
        frames_per_s = self.audio.frames_per_second / rate
        frame = (onset_s - start_s) * frames_per_s
        free = self.audio.window_frames / 2 + 1
        note_frame = (piece.audio_s(first, piece.notes.time_s) - start_s) * frames_per_s
        return Part(
            values=np.stack([self._spectrum(piece.audio[name], start_s, rate) for name in (first, second)]),
            at=frame,
            inside=np.abs(frame - self.frames / 2) <= self.frames / 2 - free,
            pitches=_labels(piece.notes.pitch, note_frame, self.frames),
        )

    def augmented_sheet(
        self, rng: np.random.Generator, parts: Sequence[Part], scale: npt.NDArray[np.floating]
    ) -> Tensor:
        """Strips as training gets them, each enlarged and worse in its own ways: [stretches, rows, columns]."""
        inks = torch.from_numpy(np.stack([part.values for part in parts]))
        return augment_sheet(rng, inks, scale, self.degradation)[:, :, self.margin : -self.margin].contiguous()

    def augmented_audio(self, rng: np.random.Generator, parts: Sequence[Part]) -> Tensor:
        """Audio as training gets it, each in another room and on another piano: [stretches, frames, bands]."""
        first, second = (torch.from_numpy(np.stack([part.values[i] for part in parts])) for i in range(2))
        return augment_audio(rng, first, second)

    def onsets(self, rng: np.random.Generator, chosen: npt.NDArray[np.int64]) -> list[int]:
        """An onset of each piece in ``chosen`` (places in ``self.pieces``) to draw a stretch about."""
        onsets: list[int] = []
        for n, i in enumerate(chosen):
            if self.hard_negatives and n % self.stretches_per_piece % 2:
                onsets.append(int(rng.choice(self.hard_negatives[i][onsets[-1]])))
            else:
                onsets.append(int(rng.integers(len(self.pieces[i].onsets))))
        return onsets

    def _stretch(self, rng: np.random.Generator, i: int, onset: int, tempo: float, scale: float) -> Stretch:
        """Draw a stretch about an onset of piece ``i``, played at ``tempo``, to be enlarged by ``scale``."""
        sheet = self.sheet_part(rng, self.pieces[i], onset, scale)
        audio = self.audio_part(rng, self.pieces[i], onset, tempo)
        picked = rng.permutation(np.flatnonzero(audio.inside & sheet.inside))[: self.pairs]
        return Stretch(
            audio=audio,
            sheet=sheet,
            frame=audio.at[picked] + rng.uniform(-1, 1, len(picked)),
            column=sheet.at[picked] + rng.uniform(-1, 1, len(picked)),
            excerpts=self.excerpts(self.contexts[i], audio.at).at(picked),
            snippets=self.snippets(self.contexts[i], sheet.at).at(picked),
        )

    def _renderings(self, rng: np.random.Generator, piece: TrainingPiece, tempo: float) -> tuple[str, str]:
        """Two pianos' renderings of one performance of ``piece``, to be stretched to ``tempo``.

        A stretched piano rings on too long or too briefly: the less a performance has to be, the more likely it is.
        """
        performances = sorted({performance_of(name) for name in piece.audio})
        stretching = np.abs(np.log([tempo / tempo_of(name) for name in performances]))
        likely = np.exp(-2 * stretching)
        chosen = rng.choice(performances, p=likely / likely.sum())
        first, second = rng.choice([name for name in piece.audio if performance_of(name) == chosen], 2)
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
