"""The one grid on which excerpts and places lie, and long inputs in stretches that hold their whole windows.

Indexing, asking, listening, explaining and calibrating all read embeddings at these centres. Inputs come in blocks, so
that neither the length of a recording nor the number of pages is limited by memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from earmark.model.encoders import GRID, Positions
from earmark.schema import FloatArray

QUERY_HOP_FRAMES = 5
"""A quarter of a second: shorter than most notes."""
PLACE_HOP_PX = 8
"""In strip px, about half a staff height: closer than most noteheads; the nearest place is within 4 px."""
BLOCK = 1792
"""Columns read at once: with a window on both sides still one chunk of the encoders'."""


def windowed(blocks: Iterable[FloatArray], window: int, hop: int) -> Iterator[tuple[FloatArray, int, Positions]]:
    """Blocks [length, …] → overlapping stretches that hold the whole windows of all centres.

    Yields a stretch, the column at which it begins (a multiple of ``GRID``), and the centres to read from it.
    """
    margin = window // 2
    held, first, read = None, 0, 0.0
    for block in blocks:
        held = block if held is None else np.concatenate([held, block])
        complete = first + len(held) - margin
        centres = centres_between(read, complete, hop)
        if len(centres):
            yield held, first, centres
            read = complete
            past = max(0, int(complete) - margin - first) // GRID * GRID
            held, first = held[past:], first + past
    if held is not None and len(centres := centres_between(read, first + len(held), hop)):
        yield held, first, centres


def centres_between(start: float, end: float, hop: int) -> Positions:
    """The grid's centres in ``start <= centre < end``, float64: the middles of cells ``hop`` wide that count from 0."""
    cells = np.arange(max(0, np.ceil(start / hop - 0.5)), max(0, np.ceil(end / hop - 0.5)), dtype=np.float64)
    return (cells + 0.5) * hop
