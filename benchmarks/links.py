"""Which pieces of a library are said to belong together, against what is true.

    python -m benchmarks.links CORPUS --scans SCANS --recordings RECORDINGS --json benchmarks/results/links.json

The library has the test and validation pieces, the movements of the scanned works, the scans and the real recordings,
and of some test pieces (on a piano that no model was trained on, `earmark.corpus.takes`) three recordings: a
performance as synthesised; the same take without its first seconds, a little faster, recorded in a room; and another
performance. Every third of these pieces is left out of the scores. A scan's music is that of the engraved movements of
its opus. Which of the corpus' scores are the same music nobody has said: what is found is listed, to be judged.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Container
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mido
import numpy as np

from benchmarks.suites.pages import opus
from benchmarks.suites.real import PIECE_OF
from benchmarks.support.among_scans import library_among_scans, published, title
from benchmarks.support.clips import PIANO, RATE_HZ, write_wav
from benchmarks.support.pieces import Piece, evenly_chosen, read_pieces
from benchmarks.support.results import begin, finish, table
from earmark.corpus.acoustics import record
from earmark.corpus.render import render
from earmark.corpus.takes import perform
from earmark.library.library import DEFAULT_MODEL, Library
from earmark.results.links import Relation
from earmark.schema import FloatArray

Pair = tuple[Relation, str, str]
CUT_S, FASTER = 3.0, 1.02
"""What a copy of a take lacks, and how much faster it runs."""
ABSENT_EVERY = 3
ROWS: dict[Relation, str] = {
    "recording": "recordings of scores",
    "part": "movements of scanned works",
    "take": "copies of one take",
    "performance": "performances of the same music",
    "edition": "editions among the corpus' scores",
}


def write_takes(piece: Piece, folder: Path) -> dict[str, Path]:
    """The three recordings of a piece, by what they are."""
    score = mido.MidiFile(piece.midi)
    first, second = (render(perform(score, piece.name, number)[0], PIANO) for number in (1, 2))
    copy = record(faster(first[round(CUT_S * RATE_HZ) :]), np.random.default_rng(len(piece.name)))
    sounds = {"take": first, "copy": copy, "other": second}
    return {name: write_wav(folder / f"{piece.name}.{name}.wav", sound) for name, sound in sounds.items()}


def faster(samples: FloatArray) -> FloatArray:
    """As a tape runs that is a little too fast: higher, too."""
    moments = np.arange(0, len(samples) - 1, FASTER)
    played: FloatArray = np.interp(moments, np.arange(len(samples)), samples).astype(np.float32)
    return played


def truth(scores: list[str], takes: dict[str, dict[str, str]], scans: list[str], real: list[str]) -> set[Pair]:
    """All pairs that are true, by names of files; ``takes`` are the recordings of each piece by what they are."""
    pairs = set[Pair]()
    for name, made in takes.items():
        pairs |= {("recording", one, name) for one in made.values() if name in scores}
        pairs.add(pair("take", made["take"], made["copy"]))
        pairs |= {pair("performance", made["other"], made[one]) for one in ("take", "copy")}
    pairs |= {("recording", name, PIECE_OF[name]) for name in real if PIECE_OF[name] in scores}
    works = {opus(scan): scan for scan in scans}
    pairs |= {("part", name, works[opus(name)]) for name in scores if is_scanned(name, works)}
    return pairs


def is_scanned(name: str, works: Container[Any]) -> bool:
    """Whether a piece of the corpus is a movement of one of these works, by opus."""
    return name.startswith("Beethoven") and opus(name) in works


def pair(relation: Relation, one: str, other: str) -> Pair:
    """A pair of which it is the same which comes first."""
    return (relation, *sorted((one, other)))  # type: ignore[return-value]


def tables(results: dict[str, Any]) -> dict[str, str]:
    """Of each relation, how many pairs are true, found, and surely wrong."""
    header = ("which belong together", "true", "found", "surely", "wrong", "surely wrong")
    rows = [
        (ROWS[row["relation"]], *("–" if row[key] is None else row[key] for key in ("true", "found", "surely")))
        + (("–", "–") if row["wrong"] is None else (row["wrong"], row["surely_wrong"]))
        for row in results["rows"]
    ]
    cost = results["cost"]
    costs = [
        ("all pieces, CPU s a piece", f"{cost['first_s'] / cost['pieces']:.1f}"),
        ("after one more score, CPU s", f"{cost['one_more_s']:.1f}"),
        ("when nothing is new, CPU s", f"{cost['again_s']:.2f}"),
    ]
    return {"links": table(header, rows), "cost": table((f"a library of {cost['pieces']} pieces", ""), costs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--pieces", type=int, default=24, help="so many test pieces are played")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--work", type=Path, default=Path("data/bench"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = begin(given.model)
    chosen = evenly_chosen(read_pieces(given.corpus, "test"), given.pieces)
    kept = library_among_scans(published(given.corpus), [], given.scans, given.work, given.model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(kept, folder / "library")
        with Library.open(folder / "library", given.model) as library:
            absent = {str(piece.pdf) for piece in chosen[ABSENT_EVERY - 1 :: ABSENT_EVERY]}
            works = {opus(folder.name) for folder in given.scans.iterdir() if folder.is_dir()}
            kept_pieces = [piece for split in ("valid", "test") for piece in read_pieces(given.corpus, split)]
            kept_pieces += [piece for piece in published(given.corpus) if is_scanned(piece.name, works)]
            there = {str(piece.pdf) for piece in kept_pieces} | {
                str(folder) for folder in given.scans.absolute().iterdir()
            }
            library.remove(*(piece.name for piece in library.pieces() if piece.source not in there - absent))
            made = {piece.name: write_takes(piece, folder) for piece in chosen}
            library.add([given.recordings, *(path for takes in made.values() for path in takes.values())])
            results |= measure(library, made, min(absent))
    finish(results, tables(results), given.json)


def measure(library: Library, made: dict[str, dict[str, Path]], one_more: str) -> dict[str, Any]:
    """What is found, and what it takes: of all, of one more score, and of nothing new."""
    started = time.process_time()
    links = library.links(lambda done, total: print(done, "of", total, flush=True) if done % 20 == 0 else None)
    first_s = time.process_time() - started
    pieces = library.pieces()
    called = {
        piece.id: Path(piece.source).stem if piece.kind == "recording" else title(piece.source) for piece in pieces
    }
    scores = [title(piece.source) for piece in pieces if piece.source.endswith(".pdf")]
    scans = [title(piece.source) for piece in pieces if piece.kind == "score" and not piece.source.endswith(".pdf")]
    real = [called[piece.id] for piece in pieces if called[piece.id] in PIECE_OF]
    takes = {name: {what: path.stem for what, path in paths.items()} for name, paths in made.items()}
    true = truth(scores, takes, scans, real)
    found, wrong = set[Pair](), list[tuple[Pair, bool]]()
    surely = Counter[Relation]()
    for one in links.links:
        names = called[one.piece_id], called[one.other_id]
        told = (one.relation, *names) if one.relation in ("recording", "part") else pair(one.relation, *names)
        if told in true:
            found.add(told)
            surely[one.relation] += one.sure
        else:
            wrong.append((told, one.sure))
            print("not in the truth:", told, one.confidence, one.sure)
    print("missing:", *sorted(true - found), sep="\n  ")
    rows: list[dict[str, Any]] = []
    for relation in ROWS:
        others = [is_sure for told, is_sure in wrong if told[0] == relation]
        known: dict[str, int | None] = {
            "true": sum(told[0] == relation for told in true),
            "found": sum(told[0] == relation for told in found),
            "surely": surely[relation],
        }
        if relation == "edition":  # nobody has said which there are
            known = {"true": None, "found": len(others), "surely": sum(others)}
        judged = {"wrong": len(others), "surely_wrong": sum(others)} if relation != "edition" else {}
        rows.append({"relation": relation, **known, "wrong": None, "surely_wrong": None, **judged})
    started = time.process_time()
    library.add(one_more)
    added_s = time.process_time()
    library.links()
    one_more_s = time.process_time() - added_s
    started = time.process_time()
    library.links()
    again_s = time.process_time() - started
    cost = {"pieces": len(pieces), "first_s": first_s, "one_more_s": one_more_s, "again_s": again_s}
    return {"rows": rows, "cost": cost, "links": [asdict(one) for one in links.links]}


if __name__ == "__main__":
    main()
