"""A corpus folder as training batches: long stretches of music with all the audio-sheet pairs inside.

A *stretch* is 20 s of spectrogram and 400 strip px (800 px of the paper's page) about one onset. Each is encoded once,
and up to ``pairs`` onsets in it are training pairs; so a batch holds many negatives from the same piece, the ones that
recall@1 is decided by. Everything drawn for a batch comes from the generator handed in, so batch i of a run is the same
whenever it is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as PillowImage
from torch import Tensor

from earmark.pages.strips import Strip, cut_strip, join_strips
from earmark.schema import AudioSpec, BadInput, FloatArray, Image, Mismatch, SheetSpec, System
from earmark.training.augment import augment_audio, augment_sheet

LOWEST_PITCH = 21  # A0, the lowest key of a piano
CONTENT_ONSETS = 3  # onsets to each side whose notes make up a pair's content


@dataclass(frozen=True)
class Onsets:
    """The distinct onsets of a piece in order of time.

    ``time_s`` float64 [n] at tempo 1; ``x_px`` float32 [n], mean strip position of their noteheads; ``content`` int64
    [n], equal where the notes from three onsets before to three after are equal.
    """

    time_s: npt.NDArray[np.float64]
    x_px: FloatArray
    content: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.time_s)


@dataclass(frozen=True)
class Notes:
    """Every notehead with an onset: ``time_s`` float64, ``x_px`` float32 (strip), ``pitch`` int64 (0 = A0)."""

    time_s: npt.NDArray[np.float64]
    x_px: FloatArray
    pitch: npt.NDArray[np.int64]


@dataclass(frozen=True)
class TrainingPiece:
    """One piece in memory: strip uint8 [80, width] (255 = paper) and spectrograms float16 [frames, 92] by rendering."""

    name: str
    strip: Image
    onsets: Onsets
    notes: Notes
    audio: dict[str, npt.NDArray[np.float16]]


@dataclass(frozen=True)
class Batch:
    """What one training step sees.

    ``audio`` [stretches, frames, 92], ``sheet`` [stretches, 80, columns]; ``row`` [pairs] is a pair's stretch,
    ``frame`` and ``column`` [pairs] its place in it, ``content`` [pairs] its notes; ``audio_pitches`` and
    ``sheet_pitches`` [stretches, 88, tokens] are 1 where a pitch begins.
    """

    audio: Tensor
    sheet: Tensor
    row: Tensor
    frame: Tensor
    column: Tensor
    content: Tensor
    audio_pitches: Tensor
    sheet_pitches: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(**{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})


def rendering_name(piano: str, tempo: float) -> str:
    """Name of a rendering in a corpus: ``fluidr3-0-0@1``."""
    return f"{piano}@{tempo:g}"


def read_splits(corpus: Path) -> dict[str, list[str]]:
    """The pieces of each split, from the corpus' ``splits.json``. Raises BadInput when there is none."""
    path = corpus / "splits.json"
    try:
        splits: dict[str, list[str]] = json.loads(path.read_text())
    except FileNotFoundError:
        raise BadInput(path, "not there", "build the corpus with --splits FILE") from None
    return splits


def read_pieces(
    corpus: Path, names: Sequence[str], renderings: Sequence[str], audio: AudioSpec, sheet: SheetSpec
) -> list[TrainingPiece]:
    """Load pieces that the corpus has; pieces that failed to build are left out.

    Raises Mismatch when the corpus was built with other definitions, BadInput when a rendering is missing.
    """
    about = json.loads((corpus / "corpus.json").read_text())
    if about["audio"] != audio.to_dict() or about["sheet"] != sheet.to_dict():
        raise Mismatch(f"{corpus}: built with another audio or sheet definition; build it again")
    present = [name for name in names if (corpus / "pieces" / name / "piece.json").exists()]
    with ThreadPoolExecutor(2) as pool:
        pieces = pool.map(lambda name: read_piece(corpus / "pieces" / name, renderings, sheet), present)
        return list(pieces)


def read_strip(folder: Path, sheet: SheetSpec) -> Strip:
    """The strip of a corpus piece, cut from its page images at the exact system boxes."""
    piece = json.loads((folder / "piece.json").read_text())
    strips = []
    for page in piece["pages"]:
        systems = [
            System(
                tuple(system["box"]),
                tuple((top, bottom) for top, bottom in system["staves"]),
                system["staff_height_px"],
            )
            for system in piece["systems"]
            if system["page"] == page["number"]
        ]
        with PillowImage.open(folder / page["image"]) as image:
            strips.append(cut_strip(np.asarray(image.convert("L")), systems, sheet))
    return join_strips(strips)


def read_piece(folder: Path, renderings: Sequence[str], sheet: SheetSpec) -> TrainingPiece:
    """Load one piece of a corpus. Raises BadInput when a rendering is missing."""
    strip = read_strip(folder, sheet)
    heads = np.load(folder / "noteheads.npz")
    sounding = np.isfinite(heads["onset_s"])
    time_s = heads["onset_s"][sounding]
    x_px = strip.to_strip(heads["system"][sounding], heads["x_px"][sounding]).astype(np.float32)
    notes = Notes(time_s, x_px, heads["pitch"][sounding].astype(np.int64) - LOWEST_PITCH)
    audio = {}
    for name in renderings:
        path = folder / "audio" / f"{name}.npy"
        if not path.exists():
            raise BadInput(path, "not there", "build the corpus with this piano and tempo")
        audio[name] = np.load(path)
    return TrainingPiece(folder.name, strip.pixels, group_onsets(notes), notes, audio)


def group_onsets(notes: Notes) -> Onsets:
    """Noteheads -> distinct onsets (equal to the millisecond)."""
    stamp = np.round(notes.time_s * 1000).astype(np.int64)
    _, first, index = np.unique(stamp, return_index=True, return_inverse=True)
    count = np.bincount(index)
    pitches: list[list[int]] = [[] for _ in first]
    for onset, pitch in zip(index, notes.pitch, strict=True):
        pitches[onset].append(int(pitch))
    chords = [bytes(sorted(set(chord))) if min(chord) >= 0 else b"" for chord in pitches]
    n, reach = len(first), CONTENT_ONSETS
    content = [
        blake2b(b"|".join(chords[max(0, i - reach) : i + reach + 1]), digest_size=8).digest() for i in range(n)
    ]
    return Onsets(
        notes.time_s[first],
        (np.bincount(index, weights=notes.x_px) / count).astype(np.float32),
        np.frombuffer(b"".join(content), np.int64),
    )


def inside(piece: TrainingPiece, frames: int, tempo: float, audio: AudioSpec, sheet: SheetSpec) -> npt.NDArray[np.bool_]:
    """Which onsets have both windows inside the piece at this tempo (the paper's protocol). Boolean [onsets]."""
    frame = piece.onsets.time_s / tempo * audio.frames_per_second
    half_frames, half_px = audio.window_frames / 2, sheet.window_px / 2
    return (
        (frame >= half_frames)
        & (frame <= frames - half_frames)
        & (piece.onsets.x_px >= half_px)
        & (piece.onsets.x_px <= piece.strip.shape[1] - half_px)
    )


class PairSampler:
    """Draws augmented batches from pieces in memory."""

    frames = 400
    columns = 400
    margin = 40  # strip columns cut beyond each side, so that shrinking shows music and not paper

    def __init__(
        self,
        pieces: Sequence[TrainingPiece],
        audio: AudioSpec,
        sheet: SheetSpec,
        *,
        stretches: int,
        pairs: int,
        tempo: tuple[float, float],
    ) -> None:
        self.pieces = [piece for piece in pieces if len(piece.onsets) > 1]
        self.audio, self.sheet = audio, sheet
        self.stretches, self.pairs, self.tempo = stretches, pairs, tempo
        # Between one piece one vote and one onset one vote: long pieces must not crowd out the short ones.
        weight = np.array([len(piece.onsets) for piece in self.pieces]) ** 0.75
        self.weight = weight / weight.sum()

    def batch(self, rng: np.random.Generator) -> Batch:
        """One batch: half as many pieces as stretches, two stretches of each, so that a piece meets itself elsewhere."""
        chosen = np.repeat(rng.choice(len(self.pieces), self.stretches // 2, p=self.weight), 2)
        low, high = np.log(self.tempo)
        tempo = np.exp(rng.uniform(low, high, self.stretches))
        scale = rng.uniform(0.94, 1.06, self.stretches).astype(np.float32)
        spectra: tuple[list[FloatArray], list[FloatArray]] = ([], [])
        strips, rows = [], []
        frames, columns, contents = [], [], []
        token = 2
        audio_labels = torch.zeros(self.stretches, 88, self.frames // token)
        sheet_labels = torch.zeros(self.stretches, 88, self.columns // token)
        for row, (index, rate) in enumerate(zip(chosen, tempo, strict=True)):
            piece = self.pieces[index]
            onset = rng.integers(len(piece.onsets))
            start_s = piece.onsets.time_s[onset] - self.frames / 2 / self.audio.frames_per_second * rate
            middle = piece.onsets.x_px[onset] + rng.uniform(-1, 1)
            names = rng.choice(list(piece.audio), 2)
            for spectrum, name in zip(spectra, names, strict=True):
                spectrum.append(self._excerpt(piece.audio[name], start_s, rate))
            strips.append(self._strip(piece.strip, middle))

            def frame_of(time_s: FloatArray, start_s: float = start_s, rate: float = rate) -> FloatArray:
                return (time_s - start_s) * self.audio.frames_per_second / rate

            def column_of(x_px: FloatArray, middle: float = middle, row: int = row) -> FloatArray:
                return (x_px - middle) * scale[row] + self.columns / 2

            frame, column = frame_of(piece.onsets.time_s), column_of(piece.onsets.x_px)
            free_frames, free_columns = self.audio.window_frames / 2 + 1, self.sheet.window_px / 2 + 1
            usable = np.flatnonzero(
                (np.abs(frame - self.frames / 2) <= self.frames / 2 - free_frames)
                & (np.abs(column - self.columns / 2) <= self.columns / 2 - free_columns)
            )
            picked = rng.permutation(usable)[: self.pairs]
            rows.append(np.full(len(picked), row))
            frames.append(frame[picked] + rng.uniform(-1, 1, len(picked)))
            columns.append(column[picked] + rng.uniform(-1, 1, len(picked)))
            contents.append(piece.onsets.content[picked])
            _mark(audio_labels[row], piece.notes.pitch, frame_of(piece.notes.time_s) / token)
            _mark(sheet_labels[row], piece.notes.pitch, column_of(piece.notes.x_px) / token)
        first, second = (torch.from_numpy(np.stack(spectrum)) for spectrum in spectra)
        ink = torch.from_numpy(np.stack(strips))
        sheet = augment_sheet(rng, ink, scale)[:, :, self.margin : -self.margin]
        return Batch(
            augment_audio(rng, first, second),
            sheet.contiguous(),
            torch.from_numpy(np.concatenate(rows)),
            torch.from_numpy(np.concatenate(frames).astype(np.float32)),
            torch.from_numpy(np.concatenate(columns).astype(np.float32)),
            torch.from_numpy(np.concatenate(contents)),
            audio_labels,
            sheet_labels,
        )

    def _excerpt(self, spectrum: npt.NDArray[np.float16], start_s: float, rate: float) -> FloatArray:
        """``self.frames`` frames from ``start_s`` on, played ``rate`` times as fast; silence beyond the ends."""
        at = start_s * self.audio.frames_per_second + np.arange(self.frames) * rate
        left = np.floor(at).astype(int)
        fraction = (at - left).astype(np.float32)[:, None]
        valid = ((left >= 0) & (left < len(spectrum) - 1))[:, None]
        left = left.clip(0, len(spectrum) - 2)
        before, after = spectrum[left].astype(np.float32), spectrum[left + 1].astype(np.float32)
        return np.where(valid, before + (after - before) * fraction, np.float32(0))

    def _strip(self, strip: Image, middle: float) -> FloatArray:
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


def _mark(labels: Tensor, pitch: npt.NDArray[np.int64], token: FloatArray) -> None:
    """Set labels[pitch, token] = 1 for the notes inside."""
    index = np.round(token).astype(np.int64)
    valid = (index >= 0) & (index < labels.shape[1]) & (pitch >= 0) & (pitch < labels.shape[0])
    labels[torch.from_numpy(pitch[valid]), torch.from_numpy(index[valid])] = 1


def total_onsets(pieces: Iterable[TrainingPiece]) -> int:
    """Number of distinct onsets in these pieces."""
    return sum(len(piece.onsets) for piece in pieces)
