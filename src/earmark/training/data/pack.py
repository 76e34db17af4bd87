"""A corpus small enough to send to another machine: what training reads of it, in parts of a size that can be sent.

A part is a zip file with ``piece.json``, ``strip.png`` (16 greys, lanes below each other), ``notes.npz`` and
spectrograms of 8 bits a value (`earmark.training.data.levels`) for each piece; these may lie in another part than the
piece's strip. `unpack` makes a corpus folder of parts that `earmark.training.data.dataset.read_pieces` reads as it
reads the whole one.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from earmark.corpus.format import (
    ABOUT,
    DESCRIPTION,
    PACKED_NOTES,
    PACKED_STRIP,
    SPLITS,
    audio_file,
    piece_folder,
    read_splits,
    tempo_of,
    timing_file,
)
from earmark.errors import BadInput
from earmark.files import replacing, write_json
from earmark.schema import AudioSpec, SheetSpec
from earmark.training.data.dataset import Notes, TrainingPiece, group_onsets, read_pieces, write_notes
from earmark.training.data.levels import from_bytes, to_bytes

PART_BYTES = 44_000_000


class Parts:
    """Writes entries into one part after another, none larger than ``part_bytes`` by more than an entry."""

    def __init__(self, out: Path, part_bytes: int) -> None:
        self.out, self.part_bytes = out, part_bytes
        self.paths: list[Path] = []
        self._open()

    def _open(self) -> None:
        self.buffer = io.BytesIO()
        self.zip = zipfile.ZipFile(self.buffer, "w", zipfile.ZIP_LZMA)

    def write(self, name: str, content: bytes) -> None:
        if self.buffer.tell() + len(content) // 2 > self.part_bytes:
            self.close()
            self._open()
        self.zip.writestr(name, content)

    def close(self) -> None:
        self.zip.close()
        path = self.out / f"part-{len(self.paths):02d}.zip"
        with replacing(path) as file:
            file.write(self.buffer.getvalue())
        self.paths.append(path)


def pack(
    corpus: Path,
    out: Path,
    renderings: Mapping[str, Sequence[str]],
    *,
    part_bytes: int = PART_BYTES,
    minutes: float = math.inf,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> list[Path]:
    """Write parts into ``out`` with the pieces of some splits: ``renderings`` names those of each split.

    Of each piece only the first ``minutes`` at tempo 1 are packed, and those of the renderings that it has. Returns the
    parts' paths. ``report`` gets pieces done and in all. Raises BadInput when the corpus lacks a split, or all its
    pieces a rendering.
    """
    splits = read_splits(corpus)
    for split in renderings.keys() - splits.keys():
        raise BadInput(corpus / SPLITS, f"no split {split!r}", f"choose one of {', '.join(splits)}")
    out.mkdir(parents=True, exist_ok=True)
    parts = Parts(out, part_bytes)
    for name in (ABOUT, SPLITS):
        parts.write(name, (corpus / name).read_bytes())
    wanted = [(piece, names) for split, names in renderings.items() for piece in splits[split]]
    spectra: list[tuple[str, Path, float]] = []
    for number, (name, of_piece) in enumerate(wanted):
        report(number, len(wanted))
        for piece in read_pieces(corpus, [name], [], AudioSpec(), SheetSpec()):
            beginning, until_s = begun(piece, 60 * minutes)
            _write_sheet(parts, beginning)
            spectra += [(rendering, piece_folder(corpus, name), until_s) for rendering in of_piece]
    there = [spectrum for spectrum in spectra if (spectrum[1] / audio_file(spectrum[0])).exists()]
    for name in sorted({spectrum[0] for spectrum in spectra} - {spectrum[0] for spectrum in there}):
        raise BadInput(corpus, f"has no piece with {name}", "build the corpus with this piano and tempo")
    for rendering, folder, until_s in sorted(there):
        timing = np.load(folder / timing_file(rendering)) if (folder / timing_file(rendering)).exists() else None
        values = to_bytes(np.load(folder / audio_file(rendering)))
        if math.isfinite(until_s):
            end_s = until_s / tempo_of(rendering) if timing is None else np.interp(until_s, *timing)
            values = values[: math.ceil(end_s * AudioSpec().frames_per_second)]
        if timing is not None:
            parts.write(f"{folder.name}/{Path(timing_file(rendering)).name}", _npy(timing))
        # Differences along time of one band after another are what compresses best.
        parts.write(f"{folder.name}/{rendering}", _npy(np.diff(values.T, axis=1, prepend=np.uint8(0))))
    parts.close()
    report(len(wanted), len(wanted))
    return parts.paths


def begun(piece: TrainingPiece, seconds: float) -> tuple[TrainingPiece, float]:
    """The first ``seconds`` of a piece, cut half way to the onset after them, and where that is: infinity at the end.

    Spectrograms stay as they are.
    """
    onsets = piece.onsets
    kept = max(1, int(np.searchsorted(onsets.time_s, seconds)))
    if kept >= len(onsets):
        return piece, math.inf
    until_s = float(onsets.time_s[kept - 1 : kept + 1].mean())
    until_px = math.ceil(onsets.x_px[kept - 1 : kept + 1].mean())
    early = piece.notes.time_s < until_s
    notes = Notes(*(getattr(piece.notes, field.name)[early] for field in fields(Notes)))
    return replace(
        piece,
        strip=piece.strip[:, :, :until_px],
        begins=piece.begins[piece.begins < until_px],
        notes=notes,
        onsets=group_onsets(notes),
    ), until_s


def _write_sheet(parts: Parts, piece: TrainingPiece) -> None:
    image, notes = io.BytesIO(), io.BytesIO()
    PillowImage.fromarray(np.concatenate(piece.strip) // 16 * 17).save(image, "PNG")
    write_notes(notes, piece.notes)
    described = {"piece": piece.name, "begins": piece.begins.tolist()}
    parts.write(f"{piece.name}/{DESCRIPTION}", json.dumps(described).encode())
    parts.write(f"{piece.name}/{PACKED_STRIP}", image.getvalue())
    parts.write(f"{piece.name}/{PACKED_NOTES}", notes.getvalue())


def _npy(values: npt.NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def unpack(parts: Sequence[Path], out: Path) -> Path:
    """Make the corpus folder ``out`` of parts, or add to it. Raises BadInput when a file is no part."""
    for path in parts:
        try:
            with zipfile.ZipFile(path) as part:
                for name in part.namelist():
                    _unpack_entry(out, name, part.read(name))
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise BadInput(path, f"is no part of a packed corpus ({error})", "pack the corpus again") from error
    return out


def _unpack_entry(out: Path, name: str, content: bytes) -> None:
    folder, _, entry = name.rpartition("/")
    target = piece_folder(out, folder) if folder else out
    target.mkdir(parents=True, exist_ok=True)
    if entry.endswith(".json"):
        write_json(target / entry, json.loads(content))
    elif entry.endswith((".png", ".npz")):
        (target / entry).write_bytes(content)
    elif entry.endswith(".timing.npy"):
        path = target / timing_file(entry.removesuffix(".timing.npy"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    else:
        path = target / audio_file(entry)
        path.parent.mkdir(parents=True, exist_ok=True)
        differences = np.load(io.BytesIO(content))
        np.save(path, from_bytes(np.cumsum(differences, axis=1, dtype=np.uint8).T))
