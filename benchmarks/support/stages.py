"""One stage of adding or finding, alone in a process: ``python -m benchmarks.support.stages NAME ARGUMENT...``.

Prints ``{"seconds": s, "cpu_s": s, ...}``, wall-clock and processor time of the stage itself, its input made and its
weights loaded before. What the process needs at most (interpreter, imports and inputs included) is for its parent to
see.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from benchmarks.support.processors import cpu_s
from earmark.audio.decode import read_samples
from earmark.audio.spectrogram import spectrogram
from earmark.embed.windows import PLACE_HOP_PX, QUERY_HOP_FRAMES
from earmark.model.encoders import load
from earmark.sandbox.sandbox import Sandbox
from earmark.schema import AudioSpec, Image
from earmark.search.query import query_of
from earmark.search.rank import NEIGHBOURS, propose
from earmark.sheet.flat_pages import SPEC
from earmark.sheet.images import read_pages
from earmark.sheet.strips import blank, cut_strip, ink_of, join_strips
from earmark.sheet.systems.find import read_layout
from earmark.sources.reading import read_piece, read_recording
from earmark.store.location import open_store

REPEATS = 3
Figures = dict[str, Any]
Item = TypeVar("Item")


def timed(stage: Callable[[], object]) -> Figures:
    """Times of ``stage``, the medians of `REPEATS` runs."""
    runs = [_times(stage) for _ in range(REPEATS)]
    seconds, cpu_s = (statistics.median(each) for each in zip(*runs, strict=True))
    return {"seconds": seconds, "cpu_s": cpu_s}


def timed_each(items: Iterable[Item], stage: Callable[[Item], object]) -> Figures:
    """Times of ``stage`` over all items, one after the other; the time that the items take to come is left out."""
    seconds, cpu_s = 0.0, 0.0
    for item in items:
        wall, cpu = _times(partial(stage, item))
        seconds, cpu_s = seconds + wall, cpu_s + cpu
    return {"seconds": seconds, "cpu_s": cpu_s}


def _times(stage: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor seconds of one run, all threads together, and those of the processes it starts."""
    start, start_cpu_s = time.perf_counter(), cpu_s()
    stage()
    return time.perf_counter() - start, cpu_s() - start_cpu_s


def model_id(model: str) -> Figures:
    """Not a stage: what names a model and its weights."""
    return {"model": load(model).model_id}


def decode(recording: str) -> Figures:
    """The file to mono samples, one chunk after the other."""
    return timed(lambda: sum(len(chunk) for chunk in read_samples(recording)))


def spectrum(recording: str) -> Figures:
    """Samples to the log spectrogram."""
    samples = np.concatenate(list(read_samples(recording)))
    return timed(lambda: spectrogram(samples))


def encode_audio(recording: str, model: str) -> Figures:
    """The spectrogram to an embedding every ``QUERY_HOP_FRAMES``."""
    heard, encoders = spectrogram(read_samples(recording)), load(model)
    centres = _centres(len(heard), QUERY_HOP_FRAMES)
    encoders.embed_audio(heard[:200], centres[:2])  # makes the session
    return timed(lambda: encoders.embed_audio(heard, centres))


def audio_to_embeddings(recording: str, model: str) -> Figures:
    """All three together, streaming, as ``find`` does it."""
    encoders = load(model)
    sandbox = Sandbox()
    read_recording(Path(recording), encoders, sandbox, 0.0, 10.0)
    return timed(lambda: read_recording(Path(recording), encoders, sandbox))


def draw_pages(*files: str) -> Figures:
    """PDFs to page images."""
    return timed_each(files, lambda file: sum(1 for _ in read_pages(file)))


def systems(*files: str) -> Figures:
    """Page images to systems."""
    return timed_each(_images(files), read_layout)


def strips(*files: str) -> Figures:
    """Page images and systems to strips."""
    pages = (read_layout(image) for image in _images(files))
    return timed_each(pages, lambda page: cut_strip(page.image, page.systems, SPEC))


def encode_sheet(model: str, *files: str) -> Figures:
    """Strips to an embedding every ``PLACE_HOP_PX``."""
    encoders = load(model)
    inked = (
        ink_of(join_strips(cut_strip(page.image, page.systems, SPEC) for page in map(read_layout, _images([file]))))
        for file in files
    )
    encoders.embed_strip(blank(400), np.array([200.0, 201.0]))
    return timed_each(inked, lambda seen: encoders.embed_strip(seen, _centres(seen.columns, PLACE_HOP_PX)))


def pages_to_embeddings(model: str, *files: str) -> Figures:
    """All four together, as ``add`` does it."""
    encoders = load(model)
    sandbox = Sandbox()
    read_piece([Path(files[0])], encoders, sandbox)  # makes the session
    return timed_each(files, lambda file: read_piece([Path(file)], encoders, sandbox))


def load_model(model: str) -> Figures:
    """Checksums and both sessions, up to the first embedding of either side."""
    audio, sheet = np.zeros((400, AudioSpec().bands), np.float32), blank(400)

    def loaded() -> None:
        encoders = load(model)
        encoders.embed_audio(audio, np.array([200.0, 201.0]))
        encoders.embed_strip(sheet, np.array([200.0, 201.0]))

    return timed(loaded)


def open_library(library: str, model: str) -> Figures:
    """The library's file to embeddings in memory, ready to be searched."""
    nothing = np.zeros((1, load(model).dimension), np.float32)
    return timed(lambda: open_store(library, create=False).nearest(nothing, 1))


def search_library(library: str, recording: str, model: str) -> Figures:
    """The neighbours of all excerpts."""
    store = open_store(library, create=False)
    embeddings = read_recording(Path(recording), load(model), Sandbox()).embeddings
    store.nearest(embeddings[:1], 1)
    return {**timed(lambda: store.nearest(embeddings, NEIGHBOURS)), "excerpts": len(embeddings)}


def rank_pieces(library: str, recording: str, model: str) -> Figures:
    """Neighbours to ranked pieces and places."""
    store, encoders = open_store(library, create=False), load(model)
    query = query_of(read_recording(Path(recording), encoders, Sandbox()))
    neighbours = store.nearest(query.embeddings, NEIGHBOURS)

    def ranked() -> None:
        query.rank(store.embeddings(propose(neighbours)), "score", encoders.calibration, 5)

    return timed(ranked)


def _images(files: Sequence[str]) -> Iterator[Image]:
    return (page.image for file in files for page in read_pages(file))


def _centres(length: int, hop: int) -> npt.NDArray[np.float64]:
    return np.arange(hop / 2, length, hop, dtype=np.float64)


STAGES: dict[str, Callable[..., Figures]] = {
    stage.__name__: stage
    for stage in (
        model_id,
        decode,
        spectrum,
        encode_audio,
        audio_to_embeddings,
        draw_pages,
        systems,
        strips,
        encode_sheet,
        pages_to_embeddings,
        load_model,
        open_library,
        search_library,
        rank_pieces,
    )
}

if __name__ == "__main__":
    print(json.dumps(STAGES[sys.argv[1]](*sys.argv[2:])))
