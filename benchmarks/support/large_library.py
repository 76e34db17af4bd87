"""Libraries of many places, and what one engine needs to search them, alone in a process.

    python -m benchmarks.support.large_library read CORPUS EMBEDDINGS
    python -m benchmarks.support.large_library fill EMBEDDINGS PLACES LIBRARY
    python -m benchmarks.support.large_library prepare ENGINE LIBRARY
    python -m benchmarks.support.large_library ENGINE EMBEDDINGS LIBRARY

``read`` writes EMBEDDINGS, a .npz: the embeddings of `MUSIC` pieces of a corpus' training split, and of `ASKED` pieces
of its test split with `QUESTION_S` seconds of sound of each.

``fill`` makes a library of the pieces that are asked for and of made-up ones, PLACES in all. Real embeddings lie in
clusters along a page, and so do these: a made-up piece is the sum of two real ones, one of which begins anywhere, each
place of unit length again, with 0.2 of noise that is anew every eighth place.

The engines: ``files``, Earmark's own, which looks at all places; ``lists``, the same with lists, which ``prepare``
makes; ``database``, all embeddings loaded from SQLite into FAISS's scalar quantiser, which Earmark did before;
``flat``, the same into FAISS's flat index of float32. Prints figures as JSON: beside times and memory what the library
takes on disk, and what share of the exact nearest places a question gets.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from benchmarks.support.pieces import evenly_chosen, read_pieces
from earmark.embed.piece import embed_piece
from earmark.embed.windows import QUERY_HOP_FRAMES
from earmark.model.encoders import load
from earmark.results.places import Place
from earmark.schema import AudioSpec, FloatArray, Page
from earmark.search.index import Neighbours
from earmark.sheet.flat_pages import read_flat_pages
from earmark.sources.on_disk import PageFile, Score
from earmark.store import embedded_search
from earmark.store.database import FILE_NAME
from earmark.store.embedded import EmbeddedStore

MUSIC, ASKED, QUESTION_S = 40, 20, 30.0
PIANO = "musescore-0-0@1"
NEIGHBOURS, PROPOSED = 500, 32
REPEATS = 5
COMPARED = 3
"""Questions that are also asked of all places, one by one."""
MODEL = "earmark-2"
Nearest = Callable[[FloatArray, int], Neighbours]


def read(corpus: Path, path: Path) -> None:
    """Embeds real pages and real pieces' sound."""
    model, kept = load(MODEL), dict[str, FloatArray]()
    for i, piece in enumerate(evenly_chosen(read_pieces(corpus, "train"), MUSIC)):
        kept[f"music-{i}"] = embed_piece(read_flat_pages([piece.pdf]), piece.pdf, model).embeddings
    long = [piece for piece in read_pieces(corpus, "test") if len(_heard(piece.folder)) > 2 * _frames()]
    for i, piece in enumerate(evenly_chosen(long, ASKED)):
        heard = _heard(piece.folder)
        start = (len(heard) - _frames()) // 2
        centres = np.arange(QUERY_HOP_FRAMES / 2, _frames(), QUERY_HOP_FRAMES)
        kept[f"asked-{i}"] = embed_piece(read_flat_pages([piece.pdf]), piece.pdf, model).embeddings
        kept[f"question-{i}"] = model.embed_audio(heard[start : start + _frames()], centres)[0]
    halves: dict[str, Any] = {name: array.astype(np.float16) for name, array in kept.items()}
    np.savez(path, **halves)


def _heard(folder: Path) -> FloatArray:
    heard: FloatArray = np.load(folder / "audio" / f"{PIANO}.npy").astype(np.float32)
    return heard


def _frames() -> int:
    return int(QUESTION_S * AudioSpec().frames_per_second)


def fill(path: Path, places: int, folder: Path) -> None:
    """Makes the library, a piece after the other, and what the first search makes."""
    store, total = EmbeddedStore(folder, create=True), 0
    for number, embeddings in enumerate(_pieces(path)):
        _put(store, str(number), embeddings[: places - total])
        total += len(embeddings)
        if total >= places:
            break
    store.nearest(embeddings[:1], 1)
    store.close()


def _pieces(path: Path) -> Iterator[FloatArray]:
    """The pieces that are asked for, and then made-up ones without end."""
    read = {name: array.astype(np.float32) for name, array in np.load(path).items()}
    yield from (read[f"asked-{i}"] for i in range(ASKED))
    music, rng = [read[f"music-{i}"] for i in range(MUSIC)], np.random.default_rng(0)
    while True:
        one, other = music[rng.integers(MUSIC)], music[rng.integers(MUSIC)]
        rolled = np.resize(np.roll(other, int(rng.integers(len(other))), axis=0), one.shape)
        noise = np.repeat(rng.standard_normal((len(one) // 8 + 1, one.shape[1]), np.float32), 8, axis=0)[: len(one)]
        made = one + rolled + 0.2 * noise / np.linalg.norm(noise, axis=1, keepdims=True)
        yield made / np.linalg.norm(made, axis=1, keepdims=True)


def _put(store: EmbeddedStore, name: str, embeddings: FloatArray) -> None:
    places = [Place(1, 1, (0.0, 0.0, 1.0, 1.0))] * len(embeddings)
    source = f"/made-up/{name}.pdf"
    score = Score(name, source, (PageFile(source, 1, 1),))
    store.put(score, name, [Page(1, 1654, 2339, 6)], places, embeddings, MODEL)


def files(folder: Path) -> Nearest:
    """Earmark's own engine."""
    return EmbeddedStore(folder, create=False).nearest


def prepare(engine: str, folder: Path) -> dict[str, Any]:
    """Makes lists, however few places there are, for the engine that uses them, and removes them for the others. Lists
    that are there stay."""
    for path in folder.glob("index/*.lists") if engine != "lists" else ():
        path.unlink()
    embedded_search.MOST_UNLISTED = 0 if engine == "lists" else 10**12
    store = EmbeddedStore(folder, create=False)
    _, seconds, cpu_s = _timed(store.settle)
    store.close()
    return {"prepared_s": seconds, "prepared_cpu_s": cpu_s}


def loaded(folder: Path, is_flat: bool) -> Nearest:
    """All embeddings from SQLite into memory, anew after every change."""
    import faiss

    db = sqlite3.connect(folder / FILE_NAME)
    state: dict[str, Any] = {}

    def nearest(queries: FloatArray, k: int) -> Neighbours:
        (version,) = db.execute("PRAGMA data_version").fetchone()
        if state.get("version") != version:
            dimension = queries.shape[1]
            if is_flat:
                index: Any = faiss.IndexFlatIP(dimension)
            else:
                quantiser = faiss.ScalarQuantizer.QT_fp16
                index = faiss.IndexScalarQuantizer(dimension, quantiser, faiss.METRIC_INNER_PRODUCT)
                index.is_trained = True
            pieces, starts = list[int](), list[int]()
            query = "SELECT piece, vectors, embeddings FROM vectors JOIN checksums USING (piece) ORDER BY piece"
            for piece, stored, checksum in db.execute(query):
                assert zlib.crc32(stored) == checksum
                pieces.append(piece)
                starts.append(index.ntotal)
                if is_flat:
                    index.add(np.frombuffer(stored, np.float16).reshape(-1, dimension).astype(np.float32))
                else:
                    index.add_sa_codes(np.frombuffer(stored, np.uint8).reshape(-1, 2 * dimension))
            state.update(version=version, index=index, pieces=np.array(pieces), starts=np.array(starts))
        similarities, found = state["index"].search(queries, k)
        rows = np.searchsorted(state["starts"], found, side="right") - 1
        return Neighbours(similarities, state["pieces"][rows], found - state["starts"][rows])

    return nearest


ENGINES: dict[str, Callable[[Path], Nearest]] = {
    "files": files,
    "lists": files,
    "database": lambda folder: loaded(folder, False),
    "flat": lambda folder: loaded(folder, True),
}


def measure(engine: str, embeddings: Path, folder: Path) -> dict[str, Any]:
    """Seconds of a clock, and of processors where the name ends so; memory in MB (10^6 bytes)."""
    kept = np.load(embeddings)
    questions = [kept[f"question-{i}"].astype(np.float32) for i in range(ASKED)]
    figures: dict[str, Any] = {}
    import faiss  # no engine's own time

    faiss.omp_set_num_threads(1)
    before_mb = _memory_mb()["RssAnon"]
    nearest, figures["open_s"], figures["open_cpu_s"] = _timed(lambda: _opened(engine, folder, questions[0]))
    _, figures["first_s"], figures["first_cpu_s"] = _timed(lambda: nearest(questions[0], NEIGHBOURS))
    later = [_timed(partial(nearest, question, NEIGHBOURS)) for question in questions]
    figures["later_s"] = statistics.median(seconds for _, seconds, _ in later)
    figures["later_cpu_s"] = statistics.median(cpu_s for _, _, cpu_s in later)
    figures["later_cpu_p95_s"] = float(np.percentile([cpu_s for _, _, cpu_s in later], 95))
    memory = _memory_mb()
    figures |= {"own_mb": memory["RssAnon"] - before_mb, "mapped_mb": memory["RssFile"]}
    proposed = [_proposed(found) for found, _, _ in later]
    figures["proposed"] = sum(i + 1 in pieces for i, pieces in enumerate(proposed))
    figures["recall"] = _recall(folder, questions[:COMPARED], [found for found, _, _ in later])
    figures["bytes"] = {path.suffix[1:]: path.stat().st_size for path in (folder / FILE_NAME, *folder.glob("index/*"))}
    other = EmbeddedStore(folder, create=False)
    puts, removals = list[float](), list[float]()
    changed = list[tuple[Any, float, float]]()
    for number in range(REPEATS):
        new = kept[f"music-{number}"].astype(np.float32)
        puts.append(_timed(partial(_put, other, f"new-{number}", new))[1])
        changed.append(_timed(partial(nearest, questions[0], NEIGHBOURS)))
    for number in range(REPEATS):
        piece = other.named(f"new-{number}")
        assert piece is not None
        removals.append(_timed(partial(other.remove, [piece]))[1])
    figures |= {"put_s": statistics.median(puts), "removal_s": statistics.median(removals)}
    figures["after_change_s"] = statistics.median(seconds for _, seconds, _ in changed)
    figures["after_change_cpu_s"] = statistics.median(cpu_s for _, _, cpu_s in changed)
    return figures


def _recall(folder: Path, questions: list[FloatArray], found: list[Neighbours]) -> float:
    """What share of the nearest places of these questions' excerpts was found."""
    whole = EmbeddedStore(folder, create=False)
    shares = []
    with patch.object(embedded_search, "can_be_mapped", lambda: False):  # without lists all are looked at
        for question, given in zip(questions, found, strict=False):
            exact = whole.nearest(question, NEIGHBOURS)
            for true, seen in zip(_numbered(exact), _numbered(given), strict=True):
                shares.append(len(np.intersect1d(true, seen)) / len(true))
    whole.close()
    return float(np.mean(shares))


def _numbered(found: Neighbours) -> npt.NDArray[np.int64]:
    """A number for each place."""
    numbers: npt.NDArray[np.int64] = found.pieces << 32 | found.places
    return numbers


def _opened(engine: str, folder: Path, question: FloatArray) -> Nearest:
    nearest = ENGINES[engine](folder)
    nearest(question[:1], 1)
    return nearest


def _timed(job: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it returns, seconds, processor seconds."""
    start, start_cpu = time.perf_counter(), time.process_time()
    done = job()
    return done, time.perf_counter() - start, time.process_time() - start_cpu


def _proposed(found: Neighbours) -> npt.NDArray[np.int64]:
    """The pieces with most votes: over the excerpts, how far their nearest place is above the farthest neighbour."""
    pieces, index = np.unique(found.pieces, return_inverse=True)
    best = np.zeros((len(found.pieces), len(pieces)), np.float32)
    rows = np.broadcast_to(np.arange(len(best))[:, None], found.pieces.shape)
    np.maximum.at(best, (rows, index.reshape(rows.shape)), found.similarities - found.similarities[:, -1:])
    chosen: npt.NDArray[np.int64] = pieces[np.argsort(-best.sum(axis=0))[:PROPOSED]]
    return chosen


def _memory_mb() -> dict[str, float]:
    """Of this process, in MB (Linux): ``RssAnon`` is its own, ``RssFile`` is shared, and the system may drop it."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return {line[0].rstrip(":"): int(line[1]) * 1024 / 1e6 for line in lines if line[0].startswith("Rss")}


def main() -> None:
    what, *rest = sys.argv[1:]
    if what == "read":
        read(Path(rest[0]), Path(rest[1]))
    elif what == "fill":
        fill(Path(rest[0]), int(rest[1]), Path(rest[2]))
    elif what == "prepare":
        print(json.dumps(prepare(rest[0], Path(rest[1]))))
    else:
        print(json.dumps(measure(what, Path(rest[0]), Path(rest[1]))))


if __name__ == "__main__":
    main()
