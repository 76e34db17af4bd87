"""The same questions through a folder and through a Milvus server: are the answers equal, and what does it take?

    unshare --net sh -c "ip link set lo up; python -m benchmarks.milvus CORPUS [--places N] [--work DIR] [--json FILE]"

The library and the questions are those of `benchmarks.scale`; a question is 6 s of sound. ``make engines`` installs the
server, which `tests.store.engines` starts; it listens on all addresses, so there must be no network but loopback.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scale import EMBEDDINGS, kept
from benchmarks.support.large_library import ASKED, MODEL
from benchmarks.support.results import begin, by_clock, finish, table
from earmark.answers.look_up import SPARE
from earmark.embed.windows import QUERY_HOP_FRAMES
from earmark.model.calibration import Calibration
from earmark.model.encoders import load
from earmark.schema import AudioSpec
from earmark.search.query import Query
from earmark.search.rank import CANDIDATES, NEIGHBOURS, propose
from earmark.store.location import open_store
from earmark.store.store import Store
from earmark.store.whole import copy_pieces
from tests.store.engines import Server

PARTS = 5
"""Questions that each stretch of sound is cut into."""
TOP = 5
HOP_S = QUERY_HOP_FRAMES / AudioSpec().frames_per_second
Answer = list[tuple[str, int, float]]
"""Pieces, best first: name, place, confidence."""


def questions(embeddings: Path) -> list[Query]:
    """Excerpts of sound, a few seconds each."""
    with np.load(embeddings) as stored:
        heard = [part for i in range(ASKED) for part in np.array_split(stored[f"question-{i}"], PARTS)]
    return [
        Query(part.astype(np.float32), np.arange(len(part), dtype=np.float64) * HOP_S, len(part) * HOP_S)
        for part in heard
    ]


def answer(store: Store, query: Query, calibration: Calibration) -> Answer:
    """What a library answers, as `earmark.library.library.Library.find` does."""
    with store.snapshot():
        proposed = propose(store.nearest(query.embeddings, NEIGHBOURS), CANDIDATES + SPARE)
        there = [piece.id for piece in store.some(proposed)][:CANDIDATES]
        ranked = query.rank(store.embeddings(there), "score", calibration, TOP)
        names = {piece.id: piece.name for piece in store.some([one.piece for one in ranked])}
    return [(names[one.piece], one.place, one.confidence) for one in ranked]


def asked(store: Store, queries: list[Query], calibration: Calibration) -> tuple[list[Answer], list[float]]:
    """All answers, and how many seconds each took."""
    answers, seconds = [], []
    answer(store, queries[0], calibration)
    for query in queries:
        start = time.perf_counter()
        answers.append(answer(store, query, calibration))
        seconds.append(time.perf_counter() - start)
    return answers, seconds


def measure(folder: Path, queries: list[Query], calibration: Calibration) -> dict[str, Any]:
    """How many answers are equal, and figures of both: seconds of a clock, MB (10^6 bytes) of the server."""
    here = open_store(folder, create=False)
    pieces = here.pieces()
    sure = [query.confidence("score", calibration).sure for query in queries]
    expected, folder_s = asked(here, queries, calibration)
    server = Server()
    try:
        empty = server.resident_mb(), server.disk_mb()
        there = server.open("scale", True)
        start = time.perf_counter()
        copy_pieces(here, there, lambda *_: None)
        copied_s = time.perf_counter() - start
        answers, milvus_s = asked(there, queries, calibration)
        full = server.resident_mb(), server.disk_mb()
        there.close()
    finally:
        server.close()
        here.close()

    def equal(told: Callable[[Answer, float], Any]) -> int:
        both = zip(expected, answers, sure, strict=True)
        return sum(told(one, least) == told(other, least) for one, other, least in both)

    return {
        "pieces": len(pieces),
        "places": sum(piece.places for piece in pieces),
        "questions": len(queries),
        "first": equal(lambda one, _: one[0][:2] if one else None),
        "sure": equal(lambda one, least: bool(one) and one[0][2] >= least),
        "all": equal(lambda one, _: [(name, place) for name, place, _ in one]),
        "folder_s": [float(np.percentile(folder_s, share)) for share in (50, 95)],
        "milvus_s": [float(np.percentile(milvus_s, share)) for share in (50, 95)],
        "put_s": copied_s / len(pieces),
        "memory_mb": full[0] - empty[0],
        "disk_mb": full[1] - empty[1],
    }


def tables(results: dict[str, Any]) -> dict[str, str]:
    """Equal answers, and what both take."""
    told, of = results["answers"], f"of {results['answers']['questions']}"
    times = [by_clock(results, f"{told['folder_s'][at]:.2f}, {told['milvus_s'][at]:.2f}") for at in (0, 1)]
    rows = [
        ("pieces, places", f"{told['pieces']}, {told['places']}"),
        ("the same first piece and place", f"{told['first']} {of}"),
        ("as sure or unsure of it", f"{told['sure']} {of}"),
        (f"the same {TOP} pieces and places, in order", f"{told['all']} {of}"),
        ("a question in the folder and in Milvus, s, median", times[0]),
        ("the same, 95 % of them", times[1]),
        ("putting a piece into Milvus, s", by_clock(results, f"{told['put_s']:.2f}")),
        ("more memory of the server, bytes a place", f"{told['memory_mb'] * 1e6 / told['places']:.0f}"),
        ("more disk, bytes a place", f"{told['disk_mb'] * 1e6 / told['places']:.0f}"),
    ]
    return {"answers": table(("", ""), rows)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--places", type=int, default=100_000)
    parser.add_argument("--work", type=Path, default=Path("data/bench"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = begin(MODEL)
    given.work.mkdir(parents=True, exist_ok=True)
    embeddings = kept(given.work / EMBEDDINGS, "read", given.corpus)
    library = kept(given.work / f"{given.places}-places", "fill", embeddings, str(given.places))
    results["answers"] = measure(library, questions(embeddings), load(MODEL).calibration)
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
