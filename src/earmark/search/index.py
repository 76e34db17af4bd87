"""Stored embeddings → the nearest of each query: exact inner products, through FAISS."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.schema import FloatArray, IntArray


@dataclass(frozen=True)
class Part:
    """Embeddings of pieces, one piece after the other: float16 as bytes, uint8 [n, 2 * dimension], little-endian.

    They may be a file that is mapped into memory. ``pieces`` int64 [m] are identifiers, ``starts`` int64 [m] where each
    one's embeddings begin; those of which ``is_there`` bool [m] is False are passed over.
    """

    embeddings: npt.NDArray[np.uint8]
    pieces: IntArray
    starts: IntArray
    is_there: npt.NDArray[np.bool_]


class ExactIndex:
    """Exact inner products with all embeddings in some parts, as the float16 they are stored as."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = [_Searched(part) for part in parts]

    def nearest(self, embeddings: FloatArray, k: int) -> Neighbours:
        """The ``k`` nearest of each of ``embeddings`` [n, dimension], or as many as there are."""
        queries = np.ascontiguousarray(embeddings, np.float32)
        nothing = np.zeros((len(queries), 0))
        found = [(nothing.astype(np.float32), nothing.astype(np.int64), nothing.astype(np.int64))]
        if len(queries):
            found += [part.nearest(queries, k) for part in self._parts if part.count]
        similarities, pieces, places = (np.concatenate(arrays, axis=1) for arrays in zip(*found, strict=True))
        best = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
        return Neighbours(*(np.take_along_axis(array, best, axis=1) for array in (similarities, pieces, places)))


class _Searched:
    """A part that is searched where it lies, without a copy; ``count`` embeddings of it are there."""

    def __init__(self, part: Part) -> None:
        import faiss  # 0.1 s: only when something is searched

        self._part = part
        size, width = part.embeddings.shape
        self._index = faiss.IndexScalarQuantizer(width // 2, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._index.is_trained = True  # float16 has no parameters
        codes: Any = self._index.codes
        codes.is_owned = False
        codes.view_data = codes.c_ptr = faiss.swig_ptr(part.embeddings)
        codes.view_size = codes.c_size = part.embeddings.size
        if self._index.codes.size() != part.embeddings.size:
            raise RuntimeError("this version of FAISS searches only what it has copied")
        self._index.ntotal = self.count = size
        self._selector: Any = None
        if not part.is_there.all():
            chosen = np.repeat(part.is_there, np.diff(part.starts, append=size))
            self.count = int(chosen.sum())
            self._bits = np.packbits(chosen, bitorder="little")
            self._ids = faiss.IDSelectorBitmap(size, faiss.swig_ptr(self._bits))
            selecting: Any = faiss.SearchParameters
            self._selector = selecting(sel=self._ids)

    def nearest(self, queries: FloatArray, k: int) -> tuple[FloatArray, IntArray, IntArray]:
        similarities, found = self._index.search(queries, min(k, self.count), params=self._selector)
        rows = np.searchsorted(self._part.starts, found, side="right") - 1
        return similarities, self._part.pieces[rows], found - self._part.starts[rows]


@dataclass(frozen=True)
class Neighbours:
    """The ``k`` nearest places of each of ``n`` excerpts, nearest first; all arrays [n, k].

    ``similarities`` float32 cosines; ``pieces`` int64 identifiers; ``places`` int64, the place's ordinal in
    its piece (0-based, in playing order, ``place_hop_px`` strip px apart).
    """

    similarities: FloatArray
    pieces: IntArray
    places: IntArray


def leave_out(neighbours: Neighbours, pieces: Set[int]) -> Neighbours:
    """The same without evidence of these pieces: their places are as far as the farthest."""
    if not pieces or not neighbours.similarities.size:
        return neighbours
    theirs = np.isin(neighbours.pieces, list(pieces))
    return replace(neighbours, similarities=np.where(theirs, neighbours.similarities[:, -1:], neighbours.similarities))
