"""One piece of a corpus: engraved, aligned and rendered into its folder (`earmark.corpus.format`)."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import mido
import numpy as np
import numpy.typing as npt
import PIL.Image
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from earmark.audio.spectrogram import spectrogram
from earmark.corpus.engrave_lilypond import EngravedStaff, EngravingError, NoteHead, engrave
from earmark.corpus.engrave_verovio import engrave_score
from earmark.corpus.format import (
    DESCRIPTION,
    MIDI,
    NO_PITCH,
    NOTEHEADS,
    PDF,
    Json,
    audio_file,
    page_file,
    piece_folder,
    read_json,
    rendering_name,
    semitones_of,
    timing_file,
)
from earmark.corpus.onsets import NoteheadOnsets, find_onsets
from earmark.corpus.render import render, seconds
from earmark.corpus.sources import Source, digest
from earmark.corpus.takes import perform, record_take
from earmark.files import replacing, write_json
from earmark.schema import Box, System
from earmark.sheet.formats import kind
from earmark.sheet.images import read_pages


@dataclass(frozen=True)
class Renderings:
    """What is wanted of every piece: each piano at each tempo (a factor of the score's own), and each piano's takes."""

    pianos: tuple[str, ...]
    tempos: tuple[float, ...]
    takes: int = 0

    def scored(self) -> Iterator[tuple[str, str, float]]:
        """(rendering, piano, tempo) of what is played as the score says."""
        for piano in self.pianos:
            for tempo in self.tempos:
                yield rendering_name(piano, tempo), piano, tempo

    def taken(self) -> Iterator[tuple[str, str, int]]:
        """(rendering, piano, number) of the takes, those of one number together."""
        for number in range(1, self.takes + 1):
            for piano in self.pianos:
                yield rendering_name(piano, take=number), piano, number


@dataclass(frozen=True)
class Built:
    """A manifest entry, and the seconds that engraving and rendering took this time."""

    entry: Json
    engraving_s: float
    rendering_s: float


@dataclass(frozen=True)
class PlacedSystem:
    """A system, the page it is on (from 0) and the row of ``system.staves`` of each of LilyPond's staves."""

    page: int
    system: System
    rows: dict[int, int]


def build_piece(out: Path, source: Source, piece: str, file: str, renderings: Renderings) -> Built:
    """Build what is missing of ``piece``, the LilyPond or score file ``file`` below the source, in the corpus ``out``.

    It is transposed as its name says (`earmark.corpus.format.semitones_of`).

    Raises EngravingError and whatever else goes wrong; the folder of the piece then is as it was.
    """
    started = time.monotonic()
    folder = piece_folder(out, piece)
    source_sha256 = digest(source.root / file, source.root)
    if not (folder / DESCRIPTION).is_file() or read_json(folder / DESCRIPTION)["source_sha256"] != source_sha256:
        unfinished = out / "unfinished" / piece
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            scratch, semitones = unfinished / "engraving", semitones_of(piece)
            description = _engrave_into(unfinished / "piece", scratch, source.root / file, source.root, semitones)
            head = {"piece": piece, "source": file, "source_sha256": source_sha256}
            write_json(unfinished / "piece" / DESCRIPTION, head | description)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(unfinished / "piece", folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    engraved = time.monotonic()
    description = _render_missing(folder, renderings)
    return Built(manifest_entry(description), engraved - started, time.monotonic() - engraved)


def manifest_entry(description: Json) -> Json:
    """What the manifest repeats of a ``piece.json``: all of it, but pages and systems only counted."""
    counts = {"pages": len(description["pages"]), "systems": len(description["systems"])}
    return description | {"status": "ok", "reason": None} | counts


def _render_missing(folder: Path, renderings: Renderings) -> Json:
    """Add the audio features that ``piece.json`` does not name yet; return the new ``piece.json``."""
    description = read_json(folder / DESCRIPTION)
    scored = [wanted for wanted in renderings.scored() if audio_file(wanted[0]) not in description["files"]]
    taken = [wanted for wanted in renderings.taken() if audio_file(wanted[0]) not in description["files"]]
    if not scored and not taken:
        return description
    (folder / "audio").mkdir(exist_ok=True)
    score = mido.MidiFile(folder / MIDI)
    for rendering, piano, tempo in scored:
        bands = spectrogram(render(score, piano, tempo, draw=folder.name)).astype(np.float16)
        _keep(folder, description, {audio_file(rendering): bands})
    for number, wanted in groupby(taken, key=lambda take: take[2]):
        midi, timing = perform(score, folder.name, number)
        for rendering, piano, _ in wanted:
            bands = spectrogram(record_take(midi, piano, folder.name, number)).astype(np.float16)
            _keep(folder, description, {timing_file(rendering): timing, audio_file(rendering): bands})
    return description


def _keep(folder: Path, description: Json, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Write arrays at their paths in the piece's folder, then name them in ``piece.json``."""
    for name, values in arrays.items():
        with replacing(folder / name) as file:
            np.save(file, values)
        description["files"][name] = sha256(folder / name)
    write_json(folder / DESCRIPTION, description)


def _engrave_into(folder: Path, scratch: Path, main: Path, root: Path, semitones: int) -> Json:
    """Write all files of a piece but ``piece.json`` and the audio; return what ``piece.json`` says about them."""
    folder.mkdir(parents=True)
    scratch.mkdir()
    if kind(main) != "notation":
        engraving = engrave(main, root, scratch, semitones)
    elif semitones:
        raise EngravingError("only LilyPond files can be transposed")
    else:
        engraving = engrave_score(main, scratch)
    _join_pdfs(engraving.pdfs, folder / PDF)
    pages = _write_pages(folder)
    sizes_px = [(page["width_px"], page["height_px"]) for page in pages]
    systems = place_systems(engraving.staves, sizes_px)
    noteheads = [notehead for notehead in engraving.noteheads if _has_staff(notehead, systems)]
    if not noteheads:
        raise EngravingError("there is no notehead on the pages")
    onsets = find_onsets(noteheads, engraving.midis)
    onsets.performance.save(folder / MIDI)
    with replacing(folder / NOTEHEADS) as file:
        np.savez_compressed(file, allow_pickle=False, **_columns(noteheads, onsets, systems, sizes_px))
    header = engraving.header
    return {
        "title": header.get("title") or header.get("mutopiatitle", ""),
        "composer": header.get("composer") or header.get("mutopiacomposer", ""),
        "licence": header.get("license") or header.get("mutopiacopyright") or header.get("copyright", ""),
        "noteheads": len(noteheads),
        "sounding": onsets.sounding,
        "matched": onsets.matched,
        "matched_fraction": onsets.matched / max(onsets.sounding, 1),
        "onsets": len(np.unique(onsets.tick[onsets.tick >= 0])),
        "duration_s": round(float(seconds(onsets.performance, [onsets.end_tick])[0]), 3),
        "files": {path.name: sha256(path) for path in sorted(folder.iterdir())},
        "pages": pages,
        "systems": [
            {
                "page": placed.page + 1,
                "box": [round(value, 3) for value in placed.system.box],
                "staves": [[round(top, 3), round(bottom, 3)] for top, bottom in placed.system.staves],
                "staff_height_px": round(placed.system.staff_height_px, 3),
            }
            for placed in systems.values()
        ],
    }


def _has_staff(notehead: NoteHead, systems: dict[tuple[int, int], PlacedSystem]) -> bool:
    """Whether the staff of a notehead is recorded and on the paper."""
    placed = systems.get((notehead.score, notehead.rank))
    return placed is not None and notehead.staff in placed.rows


def _join_pdfs(pdfs: Sequence[Path], path: Path) -> None:
    """Join the PDFs without their links, which are the ground truth and must not be read."""
    with pdfium.PdfDocument.new() as joined:
        for part in pdfs:
            with pdfium.PdfDocument(part) as document:
                joined.import_pages(document)
        for page in joined:
            for annotation in reversed(range(pdfium_c.FPDFPage_GetAnnotCount(page))):
                pdfium_c.FPDFPage_RemoveAnnot(page, annotation)
            page.close()
        joined.save(path)


def _write_pages(folder: Path) -> list[Json]:
    pages = []
    for page in read_pages(folder / PDF):
        name = page_file(page.number)
        PIL.Image.fromarray(page.image).save(folder / name)
        height, width = page.image.shape
        pages.append({"number": page.number, "image": name, "width_px": width, "height_px": height})
    return pages


def place_systems(
    staves: Sequence[EngravedStaff], sizes_px: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], PlacedSystem]:
    """Group staves to systems: (score, rank) → system, in reading order; ``sizes_px`` are (width, height) of pages.

    Staves that follow each other on the same lines, as at a change of clef with a gap, are one staff.
    """
    groups: dict[tuple[int, int], list[EngravedStaff]] = defaultdict(list)
    for staff in staves:
        if _is_seen(staff):
            groups[staff.score, staff.rank].append(staff)
    placed = {key: _place_system(group, sizes_px[group[0].page]) for key, group in groups.items()}
    in_order = sorted(placed.items(), key=lambda item: (item[1].page, item[1].system.box[1]))
    return dict(in_order)


def _is_seen(staff: EngravedStaff) -> bool:
    """Whether a staff is on the paper (a stray bar line at the end opens one beyond it) and has more than one line."""
    x0, y0, x1, y1 = staff.box
    return 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1


def _place_system(staves: list[EngravedStaff], size_px: tuple[int, int]) -> PlacedSystem:
    width, height = size_px
    lines: list[tuple[float, float]] = []
    rows: dict[int, int] = {}
    for staff in sorted(staves, key=lambda staff: staff.box[1]):
        top, bottom = staff.box[1] * height, staff.box[3] * height
        if not lines or top > sum(lines[-1]) / 2:
            lines.append((top, bottom))
        rows[staff.staff] = len(lines) - 1
    left = min(staff.box[0] for staff in staves) * width
    right = max(staff.box[2] for staff in staves) * width
    box: Box = (left, lines[0][0], right, max(bottom for _, bottom in lines))
    staff_height_px = sum(bottom - top for top, bottom in lines) / len(lines)
    return PlacedSystem(staves[0].page, System(box, tuple(lines), staff_height_px), rows)


def _columns(
    noteheads: Sequence[NoteHead],
    onsets: NoteheadOnsets,
    systems: dict[tuple[int, int], PlacedSystem],
    sizes_px: Sequence[tuple[int, int]],
) -> dict[str, npt.NDArray[Any]]:
    """The arrays of ``noteheads.npz`` (`earmark.corpus.format.COLUMNS`)."""
    number = {key: row for row, key in enumerate(systems)}
    place = [(notehead.score, notehead.rank) for notehead in noteheads]
    x0, y0, x1, y1 = np.array([notehead.box for notehead in noteheads]).T
    width, height = np.array([sizes_px[notehead.page] for notehead in noteheads]).T
    return {
        "system": np.array([number[key] for key in place], np.int32),
        "staff": np.array(
            [systems[key].rows.get(head.staff, -1) for key, head in zip(place, noteheads, strict=True)], np.int8
        ),
        "x_px": ((x0 + x1) / 2 * width).astype(np.float32),
        "y_px": ((y0 + y1) / 2 * height).astype(np.float32),
        "pitch": np.where(onsets.pitch >= 0, onsets.pitch, NO_PITCH).astype(np.uint8),
        "tick": onsets.tick,
        "onset_s": onsets.onset_s,
        "duration_s": onsets.duration_s,
    }


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
