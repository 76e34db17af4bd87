"""Proof that a corpus folder is what its manifest says: nothing missing, nothing changed, every onset a note.

What can be known twice is compared: checksums, counts, sizes, and above all that every notehead's pitch and tick is
a note-on of ``score.mid`` and its onset that note's second. Names and layout are those of `earmark.corpus.format`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mido
import numpy as np
import numpy.typing as npt
import PIL.Image
import pypdfium2 as pdfium

from earmark.corpus.format import (
    ABOUT,
    COLUMNS,
    DESCRIPTION,
    FORMAT,
    MANIFEST,
    MIDI,
    NO_PITCH,
    NOTEHEADS,
    PDF,
    SPLITS,
    Json,
    audio_file,
    is_take,
    piece_folder,
    piece_folders,
    read_json,
    read_splits,
    renderings_in,
    tempo_of,
    timing_file,
)
from earmark.corpus.piece import manifest_entry, sha256
from earmark.corpus.render import RELEASE_S, seconds, timed
from earmark.corpus.shared_music import Shared, shared_music
from earmark.errors import BadInput
from earmark.schema import AudioSpec

WELL_ALIGNED = 0.99  # of the sounding noteheads matched
_EDGE_PX = 8.0  # a notehead's centre may lie this far beyond the staff lines
_SPARE_FRAMES = 3  # a take's last key may be struck and released a little late


@dataclass(frozen=True)
class Report:
    """What `check` found; ``well_aligned`` pieces have at least 99 % of the sounding noteheads matched.

    ``shared`` are held-out pieces that may be trained on in another edition: to be looked at, no problem of the files.
    """

    pieces: int
    ok: int
    failed: int
    well_aligned: int
    lowest_matched_fraction: float
    pages: int
    systems: int
    noteheads: int
    sounding: int
    matched: int
    onsets: int
    duration_s: float
    renderings: dict[str, int]
    problems: list[str]
    shared: list[Shared]

    def to_dict(self) -> Json:
        return asdict(self)


def check(out: Path) -> Report:
    """Check the corpus folder ``out``, reading every file in it.

    Raises BadInput when it is no corpus; all else that is wrong is listed in ``problems``.
    """
    entries = _read_manifest(out)
    finished = [entry for entry in entries if entry["status"] == "ok"]
    problems = []
    for entry in finished:
        try:
            for problem in _piece_problems(out, entry):
                problems.append(f"{entry['piece']}: {problem}")
        except (OSError, ValueError, KeyError, EOFError, pdfium.PdfiumError) as error:
            problems.append(f"{entry['piece']}: cannot be read ({type(error).__name__}: {error})")
    renderings: dict[str, int] = {}
    for rendering in (name for entry in finished for name in renderings_in(entry["files"])):
        renderings[rendering] = renderings.get(rendering, 0) + 1
    unknown = {path.name for path in piece_folders(out)} - {entry["piece"] for entry in entries}
    problems += [f"{piece}: is not in the manifest" for piece in sorted(unknown)]
    return Report(
        pieces=len(entries),
        ok=len(finished),
        failed=len(entries) - len(finished),
        well_aligned=sum(entry["matched_fraction"] >= WELL_ALIGNED for entry in finished),
        lowest_matched_fraction=min((entry["matched_fraction"] for entry in finished), default=0.0),
        **{
            count: sum(entry[count] for entry in finished)
            for count in ("pages", "systems", "noteheads", "sounding", "matched", "onsets")
        },
        duration_s=round(sum(entry["duration_s"] for entry in finished), 3),
        renderings=dict(sorted(renderings.items())),
        problems=problems,
        shared=list(shared_music(out, read_splits(out))) if (out / SPLITS).exists() else [],
    )


def _read_manifest(out: Path) -> list[Json]:
    try:
        if read_json(out / ABOUT)["format"] != FORMAT:
            raise BadInput(out, "has another format than this Earmark's", "build it again")
        entries: list[Json] = read_json(out / MANIFEST)["pieces"]
    except (OSError, json.JSONDecodeError, KeyError) as error:
        raise BadInput(out, "is no finished corpus", "run: earmark corpus build") from error
    return entries


def _piece_problems(out: Path, entry: Json) -> Iterator[str]:
    folder = piece_folder(out, entry["piece"])
    description = read_json(folder / DESCRIPTION)
    if manifest_entry(description) != entry:
        yield f"{DESCRIPTION} and the manifest differ"
    for name, digest in entry["files"].items():
        if not (folder / name).is_file():
            yield f"{name} is missing"
        elif sha256(folder / name) != digest:
            yield f"{name} has changed"
    yield from _page_problems(folder, description)
    yield from _notehead_problems(folder, description)
    for rendering in renderings_in(entry["files"]):
        yield from _audio_problems(folder, rendering, entry["duration_s"])


def _page_problems(folder: Path, description: Json) -> Iterator[str]:
    with pdfium.PdfDocument(folder / PDF) as document:
        if len(document) != len(description["pages"]):
            yield f"{PDF} has {len(document)} pages, not {len(description['pages'])}"
    sizes_px = {}
    for page in description["pages"]:
        with PIL.Image.open(folder / page["image"]) as image:
            if image.mode != "L" or image.size != (page["width_px"], page["height_px"]):
                yield f"{page['image']} is {image.mode} {image.size}"
            sizes_px[page["number"]] = image.size
    for number, system in enumerate(description["systems"], start=1):
        x0, y0, x1, y1 = system["box"]
        width, height = sizes_px[system["page"]]
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            yield f"system {number} reaches beyond its page"
        if not all(y0 <= top < bottom <= y1 for top, bottom in system["staves"]):
            yield f"system {number} has staves outside its box"


def _notehead_problems(folder: Path, description: Json) -> Iterator[str]:
    with np.load(folder / NOTEHEADS, allow_pickle=False) as arrays:
        heads: dict[str, npt.NDArray[Any]] = dict(arrays)
    kinds = {name: str(column.dtype) for name, column in heads.items()}
    if kinds != COLUMNS or {column.shape for column in heads.values()} != {(description["noteheads"],)}:
        yield f"{NOTEHEADS} has the wrong columns: {kinds}"
        return
    tick, pitch, onset_s = heads["tick"], heads["pitch"], heads["onset_s"]
    has_onset = tick >= 0
    if has_onset.sum() != description["matched"] or len(np.unique(tick[has_onset])) != description["onsets"]:
        yield f"{NOTEHEADS} and its counts differ"
    boxes = np.array([system["box"] for system in description["systems"]])[heads["system"]]
    beyond = (heads["x_px"] < boxes[:, 0] - _EDGE_PX) | (heads["x_px"] > boxes[:, 2] + _EDGE_PX)
    if beyond.any():
        yield f"{beyond.sum()} noteheads lie beyond the ends of their system"
    if (heads["staff"] < 0).any():
        yield f"{(heads['staff'] < 0).sum()} noteheads have no staff"

    performance = mido.MidiFile(folder / MIDI)
    notes = {(at, message.note) for at, message in timed(performance) if message.type == "note_on" and message.velocity}
    silent = set(zip(tick[has_onset].tolist(), pitch[has_onset].tolist(), strict=True)) - notes
    if silent or (pitch[has_onset] == NO_PITCH).any():
        yield f"{len(silent)} onsets are no note of {MIDI}"
    if (np.isfinite(onset_s) != has_onset).any() or (np.isfinite(heads["duration_s"]) != has_onset).any():
        yield "onsets and ticks differ"
    elif not np.allclose(seconds(performance, tick[has_onset]), onset_s[has_onset], atol=1e-6):
        yield "onsets are not the seconds of their ticks"
    if (onset_s[has_onset] > description["duration_s"]).any():
        yield "onsets lie after the end"


def _audio_problems(folder: Path, rendering: str, duration_s: float) -> Iterator[str]:
    path = folder / audio_file(rendering)
    bands = np.load(path, allow_pickle=False)
    if is_take(rendering):
        timing = np.load(folder / timing_file(rendering), allow_pickle=False)
        yield from _timing_problems(path.name, timing, duration_s)
        end_s, spare_frames = float(timing[1, -1]), _SPARE_FRAMES
    else:
        end_s, spare_frames = duration_s / tempo_of(rendering), 1
    frames = (end_s + RELEASE_S) * AudioSpec().frames_per_second
    if bands.dtype != np.float16 or bands.ndim != 2 or bands.shape[1] != AudioSpec().bands:
        yield f"{path.name} is {bands.dtype} {bands.shape}"
    elif abs(len(bands) - frames) > spare_frames:
        yield f"{path.name} has {len(bands)} frames, not {frames:.0f}"
    elif not np.isfinite(bands).all() or not bands.any():
        yield f"{path.name} holds no sound"


def _timing_problems(name: str, timing: npt.NDArray[Any], duration_s: float) -> Iterator[str]:
    """Problems of the timing of the take in the file ``name``."""
    if timing.dtype != np.float64 or timing.ndim != 2 or len(timing) != 2:
        yield f"the timing of {name} is {timing.dtype} {timing.shape}"
    elif not (np.diff(timing) > 0).all():
        yield f"the timing of {name} does not rise"
    elif timing[0, 0] > 0 or timing[0, -1] < duration_s - 1e-3:
        yield f"the timing of {name} leaves out a part of the score"
