"""Stored embeddings → the nearest of each query: exact inner products, through FAISS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from earmark.schema import FloatArray, IntArray


class ExactIndex:
    """Exact inner products with all stored embeddings, in memory as the float16 they are stored as.

    ``rows`` are a piece's identifier and its embeddings, float16 [n, dimension] as little-endian bytes.
    """

    def __init__(self, dimension: int, rows: Iterable[tuple[int, bytes]]) -> None:
        import faiss  # 0.1 s: only when something is searched

        self._embeddings = faiss.IndexScalarQuantizer(
            dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        self._embeddings.is_trained = True  # float16 has no parameters
        pieces, starts = [], []
        for piece, stored in rows:
            pieces.append(piece)
            starts.append(self._embeddings.ntotal)
            self._embeddings.add_sa_codes(np.frombuffer(stored, np.uint8).reshape(-1, 2 * dimension))
        self._pieces, self._starts = np.array(pieces, np.int64), np.array(starts, np.int64)

    def nearest(self, embeddings: FloatArray, k: int) -> Neighbours:
        """The ``k`` nearest of each of ``embeddings`` [n, dimension], or as many as there are."""
        k = min(k, self._embeddings.ntotal)
        if k == 0 or len(embeddings) == 0:
            nothing = np.zeros((len(embeddings), 0))
            return Neighbours(nothing.astype(np.float32), nothing.astype(np.int64), nothing.astype(np.int64))
        similarities, found = self._embeddings.search(np.ascontiguousarray(embeddings, np.float32), k)
        rows = np.searchsorted(self._starts, found, side="right") - 1
        return Neighbours(similarities, self._pieces[rows], found - self._starts[rows])


@dataclass(frozen=True)
class Neighbours:
    """The ``k`` nearest places of each of ``n`` excerpts, nearest first; all arrays [n, k].

    ``similarities`` float32 cosines; ``pieces`` int64 identifiers; ``places`` int64, the place's ordinal in
    its piece (0-based, in playing order, ``place_hop_px`` strip px apart).
    """

    similarities: FloatArray
    pieces: IntArray
    places: IntArray
