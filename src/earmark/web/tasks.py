"""The tasks that worker processes do: the functions behind `earmark.web.protocol.Task`'s names.

Each takes the worker's library, a function to call with its progress, and the task's arguments, which the server made.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
from PIL import Image

from earmark.audio.rate import speed
from earmark.embed.attention import attend, hear
from earmark.embed.recording import read_blocks
from earmark.library.library import Library
from earmark.sandbox.sandbox import Sandbox
from earmark.schema import AudioSpec
from earmark.search.rank import NEIGHBOURS
from earmark.sheet.draw import scaled
from earmark.sheet.formats import can_have_pages, count_pages, is_sheet_music
from earmark.sources.reading import read_page
from earmark.web.errors import Refusal
from earmark.web.protocol import Answer, Progress, piece_json, pieces_json

OnProgress = Callable[[Progress], None]
PROGRESS_EVERY_S = 0.2
WIDEST_PX = 2400
"""Of a page's picture."""
LOUDEST = 1.2
"""Spectrogram values from here on are white in a picture: few are higher even in loud recordings."""


def find(
    library: Library,
    progress: OnProgress,
    path: str,
    name: str,
    start_s: float,
    end_s: float | None,
    top: int,
    most_s: float,
    most_pages: int,
    is_kept: bool = False,
) -> Answer:
    """The object of ``earmark find --json`` under ``result``, its pieces by name under ``pieces``.

    With ``is_kept`` it is noted in the library's history.
    """
    last = 0.0

    def report(seconds: float) -> None:
        nonlocal last
        if time.monotonic() - last > PROGRESS_EVERY_S:
            last = time.monotonic()
            progress(Progress(None, seconds))

    stop_s = end_s
    if is_sheet_music(path):
        _check_pages(library, path, name, most_pages)
    else:
        stop_s = min(start_s + most_s + 1, end_s or np.inf)
    findings = library.find(path, top, start_s, stop_s, report=report)
    if findings.query_duration_s > most_s:
        raise too_long(name, most_s)
    found = {hit.piece_id for hit in findings.hits} | {hit.piece_id for hit in findings.recordings}
    pieces = pieces_json(library.store, sorted(found))
    hits = tuple(replace(hit, source=os.path.basename(hit.source)) for hit in findings.hits)
    recordings = tuple(replace(hit, source=os.path.basename(hit.source)) for hit in findings.recordings)
    result = replace(findings, query_path=name, hits=hits, recordings=recordings).to_dict()
    if is_kept:
        library.history.note("find", name, result)
    return Answer({"result": result, "pieces": pieces})


def too_long(name: str, most_s: float) -> Refusal:
    """That a recording goes on for more than ``most_s``."""
    return Refusal("too_long", f"{name} is longer than {most_s / 60:.0f} minutes", "give a part of it")


def add(library: Library, progress: OnProgress, path: str, name: str, most_pages: int) -> Answer:
    """Adds one file: ``outcome``, ``piece``, and ``remarks`` on what of it is amiss or is not read."""
    _check_pages(library, path, name, most_pages)
    outcome = library.add([path], jobs=1)[0]
    if outcome.piece is None:
        what, _, remedy = outcome.reason.partition("; ")
        raise Refusal("unusable_file", f"{name} {what}", remedy)
    return Answer({"outcome": outcome.status, "piece": piece_json(outcome.piece), "remarks": [*outcome.remarks]})


def link(library: Library, progress: OnProgress) -> Answer:
    """Holds new pieces against all others; the library keeps what is found."""
    library.links(lambda done, of: progress(Progress(done / of)))
    return Answer()


def _check_pages(library: Library, path: str, name: str, most: int) -> None:
    """Refuses more pages than ``most``; a file that cannot be opened is refused when its pages are read."""
    pages = library.sandbox.call(count_pages, path) if can_have_pages(path) else 1
    if pages > most:
        raise Refusal("too_long", f"{name} has {pages} pages", f"give at most {most} at once")


def page(library: Library, progress: OnProgress, files: list[str], name: str, number: int, width: int) -> Answer:
    """Page ``number`` of a piece as a grey PNG, ``width`` px wide, at most `WIDEST_PX`."""
    changed = tuple(os.stat(file).st_mtime_ns for file in files if os.path.exists(file))
    return Answer({}, _png(scaled(_seen(library.sandbox, tuple(files), changed, number), width)))


@lru_cache(maxsize=4)
def _seen(sandbox: Sandbox, files: tuple[str, ...], changed: tuple[int, ...], number: int) -> Image.Image:
    """A page as it was last read, as wide as any that is shown: a large scan takes seconds to decode, and is asked for
    in one width after the other. ``changed`` are the files' times."""
    image = Image.fromarray(read_page(files, number, sandbox).image)
    return image if image.width <= WIDEST_PX else scaled(image, WIDEST_PX)


def spectrogram(library: Library, progress: OnProgress, path: str, name: str, start_s: float, end_s: float) -> Answer:
    """The spectrogram as a grey PNG, one px per frame and band; ``start_s`` and ``end_s`` are what it covers."""
    frames, first_s = library.sandbox.call(hear, path, start_s, end_s)
    grey = np.clip(frames.T[::-1] * (255 / LOUDEST), 0, 255).astype(np.uint8)
    last_s = first_s + len(frames) / AudioSpec().frames_per_second
    return Answer({"start_s": round(first_s, 3), "end_s": round(last_s, 3)}, _png(Image.fromarray(grey)))


def attention(
    library: Library,
    progress: OnProgress,
    path: str,
    name: str,
    piece: int,
    start_s: float,
    end_s: float,
    semitones: int,
) -> Answer:
    """What the audio encoder attends to in every excerpt, and the snippet of the piece that is most like it."""
    try:
        places, embeddings = library.store.contents(piece)
    except KeyError:
        raise Refusal("not_found", "the piece is not in the library any more", "ask again") from None
    excerpts = attend(path, library.model, start_s, end_s, library.sandbox, semitones)
    similarities = excerpts.embeddings @ embeddings.T
    best = similarities.argmax(axis=1)
    explained = [
        {
            "time_s": round(float(time_s), 3),
            "weights": [round(float(weight), 4) for weight in weights],
            "page": places[place].page,
            "system": places[place].system,
            "box": list(places[place].box),
            "similarity": round(float(row[place]), 3),
        }
        for time_s, weights, place, row in zip(excerpts.times_s, excerpts.attention, best, similarities, strict=True)
    ]
    offsets_s = [round(float(offset), 3) for offset in excerpts.offsets_s]
    spec = AudioSpec()
    window_s = spec.window_frames / spec.frames_per_second * speed(semitones)
    return Answer({"piece": piece, "window_s": window_s, "offsets_s": offsets_s, "excerpts": explained})


def align(library: Library, progress: OnProgress, path: str, name: str, piece: str) -> Answer:
    """The object of ``earmark align --json``."""
    last = 0.0

    def report(share: float) -> None:
        nonlocal last
        if time.monotonic() - last > PROGRESS_EVERY_S:
            last = time.monotonic()
            progress(Progress(share))

    alignment = library.align(path, piece, report)
    source = os.path.basename(alignment.source)
    others = tuple(replace(other, source=os.path.basename(other.source)) for other in alignment.others)
    return Answer(replace(alignment, audio_path=name, source=source, others=others).to_dict())


def warm(library: Library) -> None:
    """Loads what the first search would have to load."""
    library.sandbox.start(read_blocks)
    spec = AudioSpec()
    silence = np.zeros((spec.window_frames, spec.bands), np.float32)
    embeddings, _ = library.model.embed_audio(silence, np.array([spec.window_frames / 2]))
    if library.store.model_id:
        library.store.nearest(embeddings, NEIGHBOURS)


def _png(image: Image.Image) -> bytes:
    memory = io.BytesIO()
    image.save(memory, "PNG", compress_level=4)
    return memory.getvalue()


TASKS: dict[str, Callable[..., Answer]] = {
    "find": find,
    "add": add,
    "link": link,
    "page": page,
    "spectrogram": spectrogram,
    "attention": attention,
    "align": align,
}
