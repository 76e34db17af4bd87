"""Arrays that come in pieces → the same rows in pieces of one size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from earmark.schema import FloatArray


def regrouped(pieces: Iterable[FloatArray], size: int) -> Iterator[FloatArray]:
    """Arrays [n, …] of any lengths → arrays of ``size`` rows, the last maybe shorter, never empty."""
    held: list[FloatArray] = []
    count = 0
    for piece in pieces:
        while len(piece):
            part = piece[: size - count]
            piece = piece[len(part) :]
            held.append(part)
            count += len(part)
            if count == size:
                yield np.concatenate(held)
                held, count = [], 0
    if held:
        yield np.concatenate(held)
