"""Exact search among many vectors, alone in a process.

    python -m benchmarks.support.exact_search ENGINE COUNT DIMENSION [DIR]

Engines: ``library``, Earmark's own store (made before with ``fill``, which takes DIR); ``faiss``, FAISS's flat index of
float32; ``numpy``, one matrix product and ``argpartition``. All search the same random unit vectors, for as many
queries as a clip of 30 s has excerpts, and as many neighbours as ``find`` asks for. Prints
``{"load_s", "seconds", "nearest"}``: until the index stands in memory, one search (median), and the nearest of each.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from earmark.results.places import Place
from earmark.schema import FloatArray, Page
from earmark.search.rank import NEIGHBOURS
from earmark.sources.on_disk import Score
from earmark.store.location import open_store

QUERIES = 120
BLOCK = 10_000  # vectors a piece
REPEATS = 5
Search = Callable[[FloatArray], npt.NDArray[np.int64]]


def unit_vectors(seed: int, count: int, dimension: int) -> FloatArray:
    """Random directions, float32 [count, dimension]: exact search takes as long for these as for any others."""
    vectors: FloatArray = np.random.default_rng(seed).standard_normal((count, dimension), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def blocks(count: int, dimension: int) -> Iterator[FloatArray]:
    """``count`` vectors, `BLOCK` at a time."""
    for number in range(count // BLOCK):
        yield unit_vectors(1 + number, BLOCK, dimension)


def fill(count: int, dimension: int, folder: str) -> None:
    """Makes a library of ``count`` vectors."""
    store = open_store(folder, create=True)
    places = [Place(1, 1, (0.0, 0.0, 1.0, 1.0))] * BLOCK
    for number, vectors in enumerate(blocks(count, dimension)):
        score = Score(f"{number}", f"/{number}", ())
        store.put(score, f"{number}", [Page(1, 1654, 2339, 1)], places, vectors, "random")
    store.close()


def library(count: int, dimension: int, folder: str) -> Search:
    store = open_store(folder, create=False)

    def search(queries: FloatArray) -> npt.NDArray[np.int64]:
        found = store.nearest(queries, NEIGHBOURS)
        return (found.pieces - 1) * BLOCK + found.places

    search(unit_vectors(0, 1, dimension))  # the first search reads the vectors
    return search


def faiss(count: int, dimension: int) -> Search:
    import faiss

    index = faiss.IndexFlatIP(dimension)
    for vectors in blocks(count, dimension):
        index.add(vectors)
    return lambda queries: np.asarray(index.search(queries, NEIGHBOURS)[1])


def numpy(count: int, dimension: int) -> Search:
    vectors = np.empty((count, dimension), np.float32)
    for number, block in enumerate(blocks(count, dimension)):
        vectors[number * BLOCK :][:BLOCK] = block

    def search(queries: FloatArray) -> npt.NDArray[np.int64]:
        similarities = queries @ vectors.T
        nearest = np.argpartition(similarities, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
        best_first = np.argsort(-np.take_along_axis(similarities, nearest, axis=1), axis=1)
        return np.take_along_axis(nearest, best_first, axis=1)

    return search


ENGINES: dict[str, Callable[..., Search]] = {"library": library, "faiss": faiss, "numpy": numpy}


def main() -> None:
    engine, count, dimension = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if engine == "fill":
        fill(count, dimension, sys.argv[4])
        return
    start = time.perf_counter()
    search = ENGINES[engine](count, dimension, *sys.argv[4:])
    load_s = time.perf_counter() - start
    queries, seconds = unit_vectors(0, QUERIES, dimension), []
    for _ in range(REPEATS):
        start = time.perf_counter()
        nearest = search(queries)[:, 0]
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"load_s": load_s, "seconds": statistics.median(seconds), "nearest": nearest.tolist()}))


if __name__ == "__main__":
    main()
