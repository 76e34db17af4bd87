"""All pieces of a training run end to end on the device that trains, and where each of them lies.

What is large is on the device: strips, spectrograms, the music about every onset. The processor keeps what it takes to
choose: for every piece its place among the others, for every onset and note when it sounds and where it stands.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, repeat

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.corpus.format import performance_of, tempo_of
from earmark.schema import AudioSpec, SheetSpec
from earmark.training.data.ambiguity import Context, Windows, context_of, snippet_music, within
from earmark.training.data.chances import CPU, send
from earmark.training.data.dataset import TrainingPiece
from earmark.training.data.hard_negatives import KEPT, hard_negatives
from earmark.training.data.levels import VALUES, to_bytes

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

APART = 1e7
"""Between two pieces or performances where their frames or px are in one rising row: more than any has."""
CLEAR = 0.9
"""Of half a window: what lies further out is too faint to tell two places apart by."""


class Music:
    """Pieces end to end. Of all pieces, *first* says where one's own entries begin; it has one entry more.

    On the device:

    * ``spectra`` uint8 [frames, bands], all renderings, as in `earmark.training.data.levels`
    * ``strips`` uint8 [columns, rows], 255 = paper, all lanes
    * ``before`` and ``after`` int64 [onsets, reach + 1], the music about every onset (`Context`)

    On the processor:

    * of a piece: ``first_onset``, ``first_note``, ``first_performance``, ``first_column`` (a row of ``strips``),
      ``width`` (strip px), ``lanes``, ``first_system``
    * of a system: ``begin_row``, the strip px at which it begins, in one rising row of all pieces
    * of an onset: ``x_px``, ``x_row`` (the same in one rising row of all pieces), ``hard`` [onsets, kept], onsets that
      look like it
    * of a note: ``pitch`` by time; ``x_note`` in one rising row and ``pitch_by_x`` by place
    * of a performance, which renderings by several pianos have in common: ``tempo``, ``first_rendering``,
      ``first_frame`` and ``first_note_frame``: where its piece's onsets and notes begin in ``frame`` and
      ``note_frame``, the frames in which they sound, in one rising row each
    * of a rendering: ``spectrum``, the row of ``spectra`` where it begins, and ``frames``
    """

    def __init__(
        self,
        pieces: Sequence[TrainingPiece],
        audio: AudioSpec,
        sheet: SheetSpec,
        device: torch.device = CPU,
        *,
        with_hard_negatives: bool = False,
    ) -> None:
        self.audio, self.sheet, self.device = audio, sheet, device
        self.names = [piece.name for piece in pieces]
        self.first_onset = _first(len(piece.onsets) for piece in pieces)
        self.first_note = _first(len(piece.notes.pitch) for piece in pieces)
        self.width = np.array([piece.strip.shape[2] for piece in pieces])
        self.lanes = np.array([piece.strip.shape[0] for piece in pieces])
        self.first_column = _first(self.width * self.lanes)
        self.first_system = _first(len(piece.begins) for piece in pieces)
        self.begin_row = in_one_row([piece.begins.astype(np.float64) for piece in pieces])
        self.x_px = np.concatenate([piece.onsets.x_px for piece in pieces]).astype(np.float64)
        self.x_row = in_one_row([np.maximum.accumulate(piece.onsets.x_px) for piece in pieces])
        self._place_notes(pieces)
        self._place_performances(pieces)
        contexts = [context_of(piece.onsets.time_s, piece.notes.time_s, piece.notes.pitch) for piece in pieces]
        self.before, self.after = (
            send(np.concatenate([getattr(context, side) for context in contexts]).view(np.int64), device)
            for side in ("before", "after")
        )
        self.hard: Ints = np.zeros((0, KEPT), np.int64)
        if with_hard_negatives:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                found = pool.map(_hard_negatives, pieces, contexts, repeat(sheet.window_px))
                own = [first + like for first, like in zip(self.first_onset, found, strict=False)]
            self.hard = np.concatenate(own)
        played = (spectrum for piece in pieces for _, names in _performances(piece) for spectrum in _of(piece, names))
        frames = int(self.frames.sum())
        self.spectra = _end_to_end(map(to_bytes, played), frames, (audio.bands,), torch.uint8, device)
        self._values = send(VALUES, device)
        columns = (lane.T for piece in pieces for lane in piece.strip)
        rows = (sheet.strip_height_px,)
        self.strips = _end_to_end(columns, int(self.first_column[-1]), rows, torch.uint8, device)

    def _place_notes(self, pieces: Sequence[TrainingPiece]) -> None:
        by_time = [np.argsort(piece.notes.time_s, kind="stable") for piece in pieces]
        by_x = [np.argsort(piece.notes.x_px, kind="stable") for piece in pieces]
        self.pitch, self.pitch_by_x = (
            np.concatenate([piece.notes.pitch[order] for piece, order in zip(pieces, orders, strict=True)])
            for orders in (by_time, by_x)
        )
        self.x_note = in_one_row([piece.notes.x_px[order] for piece, order in zip(pieces, by_x, strict=True)])

    def _place_performances(self, pieces: Sequence[TrainingPiece]) -> None:
        of_each = [_performances(piece) for piece in pieces]
        self.first_performance = _first(map(len, of_each))
        played = [(piece, names) for piece, of_it in zip(pieces, of_each, strict=True) for _, names in of_it]
        rate = self.audio.frames_per_second
        self.tempo = np.array([tempo_of(names[0]) for _, names in played])
        frame = [piece.audio_s(names[0], piece.onsets.time_s) * rate for piece, names in played]
        note_frame = [piece.audio_s(names[0], np.sort(piece.notes.time_s)) * rate for piece, names in played]
        self.first_frame, self.first_note_frame = _first(map(len, frame)), _first(map(len, note_frame))
        self.frame, self.note_frame = in_one_row(frame), in_one_row(note_frame)
        self.first_rendering = _first(len(names) for _, names in played)
        self.frames = np.array([len(spectrum) for piece, names in played for spectrum in _of(piece, names)])
        self.spectrum = _first(self.frames)

    def __len__(self) -> int:
        return len(self.names)

    def heard(self, frame: Tensor) -> Tensor:
        """Rows ``frame`` int64 [...] of ``spectra`` as log10(1 + magnitude), float32 [..., bands]."""
        return self._values[self.spectra[frame].int()]


def in_one_row(parts: Sequence[npt.NDArray[np.floating]]) -> Floats:
    """Rising numbers of several pieces or performances, all in one rising row: those of number i lie at i * `APART`."""
    return np.concatenate([i * APART + part.astype(np.float64) for i, part in enumerate(parts)] or [np.zeros(0)])


def _hard_negatives(piece: TrainingPiece, context: Context, window_px: int) -> Ints:
    """`hard_negatives` of a piece, `KEPT` of each onset."""
    snippets = Windows(context, within(piece.onsets.x_px, CLEAR * window_px / 2))
    music = snippet_music(snippets)
    found = hard_negatives(piece.onsets.x_px, music, piece.notes.x_px, piece.notes.pitch, window_px)
    return np.resize(found.T, (KEPT, len(found))).T


def _performances(piece: TrainingPiece) -> list[tuple[str, list[str]]]:
    """The performances of a piece, by name, and the renderings of each."""
    return [(name, list(names)) for name, names in groupby(sorted(piece.audio, key=_by_performance), performance_of)]


def _by_performance(rendering: str) -> tuple[str, str]:
    return performance_of(rendering), rendering


def _of(piece: TrainingPiece, names: Iterable[str]) -> list[npt.NDArray[np.float16]]:
    return [piece.audio[name] for name in names]


def _first(sizes: Iterable[int] | Ints) -> Ints:
    return np.cumsum([0, *sizes])


def _end_to_end(
    parts: Iterable[npt.NDArray[np.generic]],
    length: int,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """Arrays [n, *shape] one after the other; no second copy of them all is made."""
    whole, at = torch.empty(length, *shape, dtype=dtype, device=device), 0
    for part in parts:
        whole[at : at + len(part)] = torch.from_numpy(np.array(part, order="C"))
        at += len(part)
    return whole
