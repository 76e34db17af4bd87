"""Files → vectors with their places: a recording's excerpts, and the places of a piece's pages.

Both sides are read every few columns through the encoders' whole windows, from blocks, so that neither the
length of a recording nor the number of pages is limited by memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.audio import read_samples, spectrogram_blocks
from earmark.engraved_page import EngravedPage, Measure, measure_at
from earmark.midi import is_midi_file, play
from earmark.pages.strips import Strip, cut_strip, ink, join_strips
from earmark.pages.warp import Warp
from earmark.schema import AudioSpec, BadInput, FloatArray, Place, SheetSpec
from earmark.sheets import layout_of, read_sheets
from earmark.store import Page
from earmark.weights import GRID, Encoders, Positions

QUERY_HOP_FRAMES = 5
"""A quarter of a second: shorter than most notes."""
PLACE_HOP_PX = 8
"""In strip px, about half a staff height: closer than most noteheads; the nearest place is within 4 px."""
SILENCE = 1e-3
"""Spectrogram values below this are silence (16-bit rounding noise reaches about 2e-4)."""
BLOCK = 1792
"""Columns read at once: with a window on both sides still one chunk of the encoders'."""
SPEC = SheetSpec()


@dataclass(frozen=True)
class EmbeddedRecording:
    """A recording's excerpts: ``vectors`` float32 [n, dimension], ``times_s`` float64 [n], ascending.

    Times count from the start of the stretch that was read, as long as ``duration_s``. Excerpts whose whole
    window is silent are left out, so ``n`` may be 0.
    """

    vectors: FloatArray
    times_s: npt.NDArray[np.float64]
    duration_s: float


@dataclass(frozen=True)
class EmbeddedPiece:
    """A piece's pages and its places in playing order, ``PLACE_HOP_PX`` apart; ``vectors`` float32 [n,
    dimension].

    ``title`` and ``composer`` are a score file's own, "" where there is none.
    """

    pages: tuple[Page, ...]
    places: tuple[Place, ...]
    vectors: FloatArray
    title: str = ""
    composer: str = ""

    def cut(self, first: int, last: int) -> EmbeddedPiece:
        """The part on pages ``first`` to ``last``, which keep their numbers."""
        chosen = [i for i, place in enumerate(self.places) if first <= place.page <= last]
        return replace(
            self,
            pages=tuple(page for page in self.pages if first <= page.number <= last),
            places=tuple(self.places[i] for i in chosen),
            vectors=self.vectors[chosen],
        )


def embed_recording(
    path: str | Path,
    encoders: Encoders,
    start_s: float = 0.0,
    end_s: float | None = None,
    report: Callable[[float], None] | None = None,
) -> EmbeddedRecording:
    """Excerpts every ``QUERY_HOP_FRAMES`` of the recording at ``path``, or of its stretch
    ``start_s``..``end_s``. A MIDI file is played first (`earmark.midi`).

    ``report`` is told now and then how many seconds have been heard. Raises BadInput as
    `earmark.audio.read_samples` does.
    """
    spec = AudioSpec()
    samples = 0

    def counted(chunks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        nonlocal samples
        for chunk in chunks:
            samples += len(chunk)
            yield chunk

    sound = (play if is_midi_file(path) else read_samples)(path, start_s, end_s)
    blocks = spectrogram_blocks(counted(sound), BLOCK)
    vectors, frames = [np.zeros((0, encoders.dimension), np.float32)], [np.zeros(0)]
    for stretch, first, centres in _windowed(blocks, spec.window_frames, QUERY_HOP_FRAMES):
        heard = centres[_sounding(stretch, centres - first, spec.window_frames)]
        vectors.append(encoders.embed_audio(stretch, heard - first)[0])
        frames.append(heard)
        if report:
            report(samples / spec.sample_rate_hz)
    times_s = np.concatenate(frames) / spec.frames_per_second
    return EmbeddedRecording(np.concatenate(vectors), times_s, samples / spec.sample_rate_hz)


def embed_piece(files: Sequence[Path], encoders: Encoders) -> EmbeddedPiece:
    """Places every ``PLACE_HOP_PX`` of the systems on all pages of ``files``, in order, as one long strip.

    Pages may lie aside, lean or bend: they are read flat, and places are where they are on the page as it came. Pages
    without a system (title, text) are counted and otherwise passed over. Raises BadInput as
    `earmark.sheets.read_sheets` does, and when no page has a system.
    """
    pages: list[Page] = []
    strips: list[Strip] = []
    warps: list[Warp | None] = []
    measures: list[tuple[Measure, ...]] = []
    title = composer = ""
    for number, page in enumerate((page for file in files for page in read_sheets(file)), start=1):
        layout = layout_of(page)
        pages.append(Page(number, *layout.page_size, len(layout.systems)))
        strips.append(cut_strip(layout.image, layout.systems, SPEC, number))
        warps.append(layout.warp)
        measures += page.measures if isinstance(page, EngravedPage) else [()] * len(layout.systems)
        if isinstance(page, EngravedPage):
            title, composer = page.title, page.composer
    strip = join_strips(strips)
    places = tuple(_on_page(place, warps) for place in _places(strip, measures))
    if not places:
        source = files[0] if len(files) == 1 else files[0].parent
        raise BadInput(source, "no system of staves was found", "give upright, legible pages of printed music")
    vectors = [
        encoders.embed_strip(np.ascontiguousarray(stretch.T), centres - first)[0]
        for stretch, first, centres in _windowed(_ink_blocks(strip), SPEC.window_px, PLACE_HOP_PX)
    ]
    return EmbeddedPiece(tuple(pages), places, np.concatenate(vectors), title, composer)


def _places(strip: Strip, measures: Sequence[Sequence[Measure]]) -> tuple[Place, ...]:
    """All places of a strip; ``measures`` of each of its systems, none where they are not known."""
    grid = _grid(0, strip.pixels.shape[1], PLACE_HOP_PX)
    systems, x_px = strip.to_page(grid)
    return tuple(
        replace(strip.place(x), measure=measure_at(measures[system], x_page))
        for x, system, x_page in zip(grid, systems, x_px, strict=True)
    )


def _on_page(place: Place, warps: Sequence[Warp | None]) -> Place:
    """A place on a flat page → on the page as it came."""
    warp = warps[place.page - 1]
    return replace(place, box=warp.fractions_to_page(place.box)) if warp else place


def _ink_blocks(strip: Strip) -> Iterator[FloatArray]:
    """The strip's columns as the sheet encoder sees them: blocks float32 [<= BLOCK, height], 0 = paper, 1 =
    ink."""
    for start in range(0, strip.pixels.shape[1], BLOCK):
        yield ink(strip.pixels[:, start : start + BLOCK]).T


def _windowed(blocks: Iterable[FloatArray], window: int, hop: int) -> Iterator[tuple[FloatArray, int, Positions]]:
    """Blocks [length, height] → overlapping stretches that hold the whole windows of all centres.

    Yields a stretch, the column at which it begins (a multiple of ``GRID``), and the centres to read from it.
    """
    margin = window // 2
    held, first, read = None, 0, 0.0
    for block in blocks:
        held = block if held is None else np.concatenate([held, block])
        complete = first + len(held) - margin
        centres = _grid(read, complete, hop)
        if len(centres):
            yield held, first, centres
            read = complete
            past = max(0, int(complete) - margin - first) // GRID * GRID
            held, first = held[past:], first + past
    if held is not None and len(centres := _grid(read, first + len(held), hop)):
        yield held, first, centres


def _grid(start: float, end: float, hop: int) -> Positions:
    """The middles of cells ``hop`` wide that lie in ``start <= middle < end``; the cells count from 0."""
    cells = np.arange(max(0, np.ceil(start / hop - 0.5)), max(0, np.ceil(end / hop - 0.5)))
    return (cells + 0.5) * hop


def _sounding(stretch: FloatArray, centres: Positions, window: int) -> npt.NDArray[np.bool_]:
    """Whether there is sound in the windows around ``centres`` (columns of ``stretch``)."""
    loud = np.concatenate([[0], np.cumsum(stretch.max(axis=1) > SILENCE)])
    start = np.clip(centres - window / 2, 0, len(stretch)).astype(np.int64)
    end = np.clip(centres + window / 2, 0, len(stretch)).astype(np.int64)
    sounding: npt.NDArray[np.bool_] = loud[end] > loud[start]
    return sounding
