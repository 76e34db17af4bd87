"""Stored embeddings → the nearest of each query: inner products, through FAISS."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.schema import FloatArray, IntArray
from earmark.search.lists import FOUND_SHARE, PROBES


@dataclass(frozen=True)
class Part:
    """Embeddings of pieces, one piece after the other: float16 as bytes, uint8 [n, 2 * dimension], little-endian.

    They may be a file that is mapped into memory. ``pieces`` int64 [m] are identifiers, ``starts`` int64 [m] where each
    one's embeddings begin; those of which ``is_there`` bool [m] is False are passed over. ``lists`` is an index of all
    these embeddings that is used instead of looking at them all (`earmark.search.lists.mapped_lists`), if there is one.
    """

    embeddings: npt.NDArray[np.uint8]
    pieces: IntArray
    starts: IntArray
    is_there: npt.NDArray[np.bool_]
    lists: Any = None


class Index:
    """Inner products with the embeddings in some parts: exact with all of them, as the float16 they are stored as, but
    for parts with lists."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = [_Searched(part) for part in parts if len(part.embeddings)]
        self._share = FOUND_SHARE if any(part.lists is not None for part in parts) else 1.0

    def nearest(self, embeddings: FloatArray, k: int) -> Neighbours:
        """The ``k`` nearest of each of ``embeddings`` [n, dimension], or as many as there are; `FOUND_SHARE` of so many
        where there are lists."""
        queries, k = np.ascontiguousarray(embeddings, np.float32), math.ceil(k * self._share)
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
        self._index = _over(part.embeddings) if part.lists is None else part.lists
        self.count = size = len(part.embeddings)
        self._selected: dict[str, Any] = {}
        if not part.is_there.all():
            chosen = np.repeat(part.is_there, np.diff(part.starts, append=size))
            self.count = int(chosen.sum())
            self._bits = np.packbits(chosen, bitorder="little")
            self._selected = {"sel": faiss.IDSelectorBitmap(size, faiss.swig_ptr(self._bits))}

    def nearest(self, queries: FloatArray, k: int) -> tuple[FloatArray, IntArray, IntArray]:
        import faiss

        k = min(k, self.count)
        if self._part.lists is None:
            parameters: Any = faiss.SearchParameters
            similarities, found = self._index.search(queries, k, params=parameters(**self._selected))
        else:
            similarities, found = self._in_lists(queries, k)
        rows = self._rows(found)
        return similarities, self._part.pieces[rows], found - self._part.starts[rows]

    def _rows(self, found: IntArray) -> IntArray:
        """To which piece, by its number in the part, each of the embeddings belongs."""
        order = np.argsort(found, axis=None)  # sorted, they are looked up in a third of the time
        rows = np.empty_like(found)
        rows.flat[order] = np.searchsorted(self._part.starts, found.flat[order], side="right") - 1
        return rows

    def _in_lists(self, queries: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        """In as many lists as it takes to find ``k`` for each."""
        import faiss

        parameters: Any = faiss.SearchParametersIVF
        probes = PROBES
        while True:
            given = parameters(nprobe=min(probes, self._index.nlist), **self._selected)
            similarities, found = self._index.search(queries, k, params=given)
            if probes >= self._index.nlist or (found >= 0).all():
                return similarities, found
            probes *= 4


def _over(embeddings: npt.NDArray[np.uint8]) -> Any:
    """FAISS's index of all these embeddings, which it sees and does not own."""
    import faiss

    width = embeddings.shape[1]
    index: Any = faiss.IndexScalarQuantizer(width // 2, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index.is_trained = True  # float16 has no parameters
    index.codes.is_owned = False
    index.codes.view_data = index.codes.c_ptr = faiss.swig_ptr(embeddings)
    index.codes.view_size = index.codes.c_size = embeddings.size
    if index.codes.size() != embeddings.size:
        raise RuntimeError("this version of FAISS searches only what it has copied")
    index.ntotal = len(embeddings)
    return index


@dataclass(frozen=True)
class Neighbours:
    """The ``k`` nearest places of each of ``n`` excerpts, nearest first; all arrays [n, k].

    ``similarities`` float32 cosines; ``pieces`` int64 identifiers; ``places`` int64, the place's ordinal in
    its piece (0-based, in playing order, ``place_hop_px`` strip px apart).
    """

    similarities: FloatArray
    pieces: IntArray
    places: IntArray
