"""An index that looks at a small part of very many embeddings: FAISS's inverted lists, on disk and mapped into memory.

Embeddings lie in the list of the centroid that they are nearest to, 8 bits a value, and a query looks into the lists
of the `PROBES` centroids nearest to it. Sound asks and pages answer, so it misses more than where both are alike: of
the 500 nearest places of an excerpt it finds about half. That is enough to propose the pieces whose places are then
all scored exactly. It is asked for half as many: what it finds beyond is farther away than the 500 nearest are, blurs
which pieces stand out, and takes time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

PROBES = 32
FOUND_SHARE = 0.5
"""Of the nearest places of an excerpt, about what lists find."""
LISTS_PER_ROOT = 2.0
"""Lists per square root of the number of embeddings; a power of two. FAISS's guidelines advise twice as many or more,
which take as much longer to make."""
TRAINING = 40
"""Embeddings per list that the centroids are the means of."""
BLOCK = 2**16


def can_be_mapped() -> bool:
    """Whether FAISS maps lists into memory here; on Windows it does not."""
    import faiss

    return hasattr(faiss, "OnDiskInvertedLists")


def write_lists(embeddings: npt.NDArray[np.uint8], file: BinaryIO) -> None:
    """Writes an index of ``embeddings``, float16 as bytes, uint8 [n, 2 * dimension], to a file.

    10^7 of them take minutes and 72 bytes of memory each.
    """
    import faiss

    halves = embeddings.view("<f2")
    count, dimension = halves.shape
    lists = 2 ** round(np.log2(LISTS_PER_ROOT * np.sqrt(count)))
    quantiser = faiss.IndexFlatIP(dimension)
    bits = faiss.ScalarQuantizer.QT_8bit_uniform  # one range for all dimensions is faster, and finds as much
    index: Any = faiss.IndexIVFScalarQuantizer(quantiser, dimension, lists, bits, faiss.METRIC_INNER_PRODUCT, False)
    chosen = np.linspace(0, count - 1, min(count, TRAINING * lists)).astype(np.int64)
    index.cp.min_points_per_centroid = 1  # fewer than FAISS advises are no mistake in small libraries
    index.train(halves[chosen].astype(np.float32))
    for start in range(0, count, BLOCK):
        index.add(halves[start : start + BLOCK].astype(np.float32))
    untyped: Any = faiss
    faiss.write_index(index, untyped.PyCallbackIOWriter(file.write))


def mapped_lists(path: Path) -> Any:
    """The index in a file, its lists mapped into memory; raises RuntimeError when it is damaged."""
    import faiss

    untyped: Any = faiss
    index = untyped.read_index(str(path), faiss.IO_FLAG_MMAP)
    untyped.downcast_InvertedLists(index.invlists).prefetch_nthread = 0  # no threads that read it all before the search
    return index
