"""The pieces of a corpus folder: strip, onsets, spectrograms, and which pairs of windows the protocol takes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from earmark.corpus.format import (
    ABOUT,
    DESCRIPTION,
    NOTEHEADS,
    PACKED_NOTES,
    PACKED_STRIP,
    SPLITS,
    audio_file,
    piece_folder,
    read_json,
    read_splits,
    tempo_of,
    timing_file,
)
from earmark.errors import BadInput, Mismatch
from earmark.model.encoders import Model
from earmark.schema import AudioSpec, FloatArray, Image, Ink, SheetSpec, System
from earmark.sheet.strips import Strip, cut_strip, heads_of, ink, join_strips

LOWEST_PITCH = 21  # A0, the lowest key of a piano


@dataclass(frozen=True)
class Onsets:
    """The distinct onsets of a piece in order of time.

    ``time_s`` float64 [n] at tempo 1; ``x_px`` float32 [n], mean strip position of their noteheads.
    """

    time_s: npt.NDArray[np.float64]
    x_px: FloatArray

    def __len__(self) -> int:
        return len(self.time_s)


@dataclass(frozen=True)
class Notes:
    """Every notehead with an onset: ``time_s`` float64, ``x_px`` float32 (strip), ``pitch`` int64 (0 = A0)."""

    time_s: npt.NDArray[np.float64]
    x_px: FloatArray
    pitch: npt.NDArray[np.int64]


class Spectrograms(Mapping[str, npt.NDArray[np.float16]]):
    """The spectrograms of a piece by rendering, float16 [frames, 92], read from their files whenever one is asked for.

    A corpus has several of each piece, so those of all pieces at once take more memory than anything else.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def __getitem__(self, rendering: str) -> npt.NDArray[np.float16]:
        spectrogram: npt.NDArray[np.float16] = np.load(self._files[rendering], mmap_mode="r")
        return spectrogram

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@dataclass(frozen=True)
class TrainingPiece:
    """One piece: its strip uint8 [lanes, 80, width], 255 = paper; spectrograms float16 [frames, 92] by rendering.

    ``begins`` int64 [systems] are the strip px at which its systems begin, rising from 0.
    ``timings`` float64 [2, n], by rendering: seconds of the score at tempo 1, rising, and the seconds of the rendering
    at which they sound; a rendering without one is played as the score says, at the tempo of its name.
    """

    name: str
    strip: Image
    begins: npt.NDArray[np.int64]
    onsets: Onsets
    notes: Notes
    audio: Mapping[str, npt.NDArray[np.float16]]
    timings: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)

    def ink(self) -> Ink:
        """What the sheet encoder sees of it."""
        return Ink(ink(self.strip), heads_of(self.strip, self.begins))

    def audio_s(self, rendering: str, time_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Seconds of the score at tempo 1 → seconds of a rendering: float64, of the same shape."""
        timing = self.timings.get(rendering)
        if timing is None:
            return time_s / tempo_of(rendering)
        return np.interp(time_s, *timing)


def read_pieces(
    corpus: Path, names: Sequence[str], renderings: Sequence[str], audio: AudioSpec, sheet: SheetSpec
) -> list[TrainingPiece]:
    """Load pieces that the corpus has, with all ``renderings``; pieces that failed to build are left out.

    Raises Mismatch when the corpus was built with other definitions, BadInput when a rendering is missing.
    """
    return _read_all([(folder, renderings) for folder in _built(corpus, names, audio, sheet)], sheet)


def read_some(
    corpora: Sequence[Path], splits: Sequence[str], renderings: Sequence[str], audio: AudioSpec, sheet: SheetSpec
) -> list[TrainingPiece]:
    """The pieces of some splits of several corpora, each with those of the renderings that it has; without any it is
    left out.

    Raises Mismatch and BadInput as `built_folders` does, and BadInput when no piece has a rendering.
    """
    folders = built_folders(corpora, splits, audio, sheet)
    there = [(folder, [name for name in renderings if (folder / audio_file(name)).exists()]) for folder in folders]
    for name in renderings:
        if not any(name in names for _, names in there):
            raise BadInput(corpora[0], f"has no piece with {name}", "build a corpus with this piano and tempo")
    return _read_all([(folder, names) for folder, names in there if names], sheet)


def built_folders(corpora: Sequence[Path], splits: Sequence[str], audio: AudioSpec, sheet: SheetSpec) -> list[Path]:
    """The folders of the pieces of some splits of several corpora, without those that failed to build.

    Raises Mismatch when a corpus was built with other definitions, BadInput when no corpus has a split.
    """
    of_corpora = [read_splits(corpus) for corpus in corpora]
    for split in splits:
        if not any(split in of_corpus for of_corpus in of_corpora):
            raise BadInput(corpora[0] / SPLITS, f"no split {split!r}", f"choose one of {', '.join(of_corpora[0])}")
    return [
        folder
        for corpus, of_corpus in zip(corpora, of_corpora, strict=True)
        for split in splits
        for folder in _built(corpus, of_corpus.get(split, []), audio, sheet)
    ]


def _built(corpus: Path, names: Sequence[str], audio: AudioSpec, sheet: SheetSpec) -> list[Path]:
    about = read_json(corpus / ABOUT)
    if about["audio"] != audio.to_dict() or about["sheet"] != sheet.to_dict():
        raise Mismatch(f"{corpus}: built with another audio or sheet definition; build it again")
    folders = [piece_folder(corpus, name) for name in names]
    return [folder for folder in folders if (folder / DESCRIPTION).exists()]


def _read_all(wanted: Sequence[tuple[Path, Sequence[str]]], sheet: SheetSpec) -> list[TrainingPiece]:
    """The pieces in some folders, each with some renderings."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda item: read_piece(item[0], item[1], sheet), wanted))


def read_strip(folder: Path, sheet: SheetSpec) -> Strip:
    """The strip of a corpus piece, cut from its page images at the exact system boxes."""
    piece = read_json(folder / DESCRIPTION)
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
    """Load one piece of a corpus, whole or packed. Raises BadInput when a rendering is missing, or an earlier Earmark
    packed it."""
    packed = (folder / PACKED_STRIP).exists()
    pixels, begins, notes = read_packed_sheet(folder) if packed else read_sheet(folder, sheet)
    files = {name: folder / audio_file(name) for name in renderings}
    for path in files.values():
        if not path.exists():
            raise BadInput(path, "not there", "build the corpus with this piano and tempo")
    there = [name for name in renderings if (folder / timing_file(name)).exists()]
    timings = {name: np.load(folder / timing_file(name)) for name in there}
    return TrainingPiece(folder.name, pixels, begins, group_onsets(notes), notes, Spectrograms(files), timings)


def read_sheet(folder: Path, sheet: SheetSpec) -> tuple[Image, npt.NDArray[np.int64], Notes]:
    """Strip, where its systems begin, and notes of a corpus piece, from its page images and noteheads."""
    strip = read_strip(folder, sheet)
    with np.load(folder / NOTEHEADS) as heads:
        sounding = np.isfinite(heads["onset_s"])
        time_s = heads["onset_s"][sounding]
        x_px = strip.to_strip(heads["system"][sounding], heads["x_px"][sounding]).astype(np.float32)
        pitch = heads["pitch"][sounding].astype(np.int64) - LOWEST_PITCH
    return strip.pixels, strip.begins, Notes(time_s, x_px, pitch)


def read_packed_sheet(folder: Path) -> tuple[Image, npt.NDArray[np.int64], Notes]:
    """The same of a piece that `earmark.training.data.pack` made."""
    with PillowImage.open(folder / PACKED_STRIP) as image:
        pixels = np.asarray(image)
        pixels = pixels.reshape(-1, SheetSpec().strip_height_px, pixels.shape[1])
    about = read_json(folder / DESCRIPTION)
    if "begins" not in about:
        raise BadInput(folder / DESCRIPTION, "does not say where systems begin", "pack the corpus again")
    with np.load(folder / PACKED_NOTES) as notes:
        return pixels, np.array(about["begins"], np.int64), Notes(**notes)


def write_notes(file: BinaryIO, notes: Notes) -> None:
    """Write notes as `read_packed_sheet` reads them."""
    np.savez_compressed(file, **vars(notes))


def group_onsets(notes: Notes) -> Onsets:
    """Noteheads → distinct onsets (equal to the millisecond)."""
    stamp = np.round(notes.time_s * 1000).astype(np.int64)
    _, first, index = np.unique(stamp, return_index=True, return_inverse=True)
    count = np.bincount(index)
    return Onsets(notes.time_s[first], (np.bincount(index, weights=notes.x_px) / count).astype(np.float32))


def inside(piece: TrainingPiece, rendering: str, audio: AudioSpec, sheet: SheetSpec) -> npt.NDArray[np.bool_]:
    """Which onsets have both windows inside the piece in this rendering (the paper's protocol). Boolean [onsets]."""
    frame = piece.audio_s(rendering, piece.onsets.time_s) * audio.frames_per_second
    frames = len(piece.audio[rendering])
    half_frames, half_px = audio.window_frames / 2, sheet.window_px / 2
    usable: npt.NDArray[np.bool_] = (
        (frame >= half_frames)
        & (frame <= frames - half_frames)
        & (piece.onsets.x_px >= half_px)
        & (piece.onsets.x_px <= piece.strip.shape[2] - half_px)
    )
    return usable


def evenly_taken(
    pieces: Sequence[TrainingPiece], renderings: Sequence[str], pairs: int, audio: AudioSpec, sheet: SheetSpec
) -> list[npt.NDArray[np.int64]]:
    """The onsets of each piece that are among ``pairs`` taken evenly (linspace) from all usable ones of all pieces.

    ``renderings`` names one of each piece.
    """
    usable = [
        np.flatnonzero(inside(piece, rendering, audio, sheet))
        for piece, rendering in zip(pieces, renderings, strict=True)
    ]
    bounds = np.cumsum([0, *(len(onsets) for onsets in usable)])
    taken = np.unique(np.linspace(0, bounds[-1] - 1, pairs).astype(np.int64)) if bounds[-1] else np.array([], np.int64)
    return [
        onsets[taken[(taken >= low) & (taken < high)] - low]
        for onsets, low, high in zip(usable, bounds[:-1], bounds[1:], strict=True)
    ]


def embed_recording_onsets(
    model: Model, piece: TrainingPiece, onsets: npt.NDArray[np.int64], rendering: str
) -> FloatArray:
    """Unit embeddings of the audio about some onsets of a piece, by number: float32 [onsets, dimension]."""
    frame = piece.audio_s(rendering, piece.onsets.time_s[onsets]) * AudioSpec().frames_per_second
    return model.embed_audio(piece.audio[rendering].astype(np.float32), frame)[0]


def embed_snippets(model: Model, piece: TrainingPiece, onsets: npt.NDArray[np.int64]) -> FloatArray:
    """Unit embeddings of the snippets about some onsets of a piece, by number: float32 [onsets, dimension]."""
    return model.embed_strip(piece.ink(), piece.onsets.x_px[onsets].astype(np.float64))[0]
