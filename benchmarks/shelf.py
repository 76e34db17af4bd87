"""What `earmark identify` finds on tapes of an hour: stretches, boundaries, pages, what is wrong, and what it takes.

    python -m benchmarks.shelf CORPUS --tapes 24 --json benchmarks/results/shelf.json

The tapes are those of `benchmarks.support.hours`. Of every four pieces of the split, three are in the library. A piece
is found where one stretch of it shares more than half of the union of both; a stretch is wrong where its piece is not
played for half of it. A page is right that shows a note near the boundary which was told. A tape whose results are in
the file of ``--json`` already, of the same code and weights, is not made again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.support.command import earmark, run
from benchmarks.support.hours import ABSENT_EVERY, Part, Takes, make
from benchmarks.support.overlap import is_same, shared_s
from benchmarks.support.pieces import Piece, add, read_pieces
from benchmarks.support.results import begin, finish, table
from earmark.files import write_json
from earmark.library.library import DEFAULT_MODEL

NEAR_S = 2.0
AROUND_S = 4.2
"""Half of what an excerpt hears: the page of a boundary is right if it shows a note so near to it."""
HEARD = ("a piece of the library", "another piece", "talking", "applause", "silence")
CALLED = ("its piece", "a piece that is not", "other music", "talking", "applause", "silence")

FOUND = ("tapes", "hours", "pieces there", "found", "surely", "in one stretch", "pages right")

Told = dict[str, Any]
"""A stretch as the command tells it."""


def measure(parts: Sequence[Part], told: Sequence[Told], sources: dict[str, Piece]) -> dict[str, Any]:
    """What of a tape was found, and how well.

    ``sources`` are the library's pieces by their paths there. ``off_s`` are signed errors of boundaries (told less
    true) of the pieces that were found, ``called_s`` the seconds of each of `HEARD` that are called each of `CALLED`.
    """
    known = set(sources.values())
    named = [one for one in told if one["what"] == "piece"]
    present = [part for part in parts if part.piece in known]
    found, sure, whole, pages = 0, 0, 0, 0
    off_s: list[float] = []
    for part in present:
        own = [one for one in named if sources[one["source"]] == part.piece and _shared_s(one, part) > 0]
        heard_s = part.start_s, part.end_s
        right = next((one for one in own if is_same((one["start_s"], one["end_s"]), heard_s)), None)
        if right is None:
            continue
        found, sure, whole = found + 1, sure + right["sure"], whole + (len(own) == 1)
        for side, at_s, true_s in (("begins", "start_s", part.start_s), ("ends", "end_s", part.end_s)):
            off_s.append(round(right[at_s] - true_s, 3))
            pages += right[side]["page"] in part.pages_around(right[at_s], AROUND_S)
    wrong = [one for one in named if not _is_played(one, parts, sources)]
    return {
        "minutes": parts[-1].end_s / 60,
        "pieces": len(present),
        "absent": sum(part.what == "piece" for part in parts) - len(present),
        "found": found,
        "surely": sure,
        "in_one": whole,
        "named": len(named),
        "wrong": len(wrong),
        "surely_wrong": sum(one["sure"] for one in wrong),
        "pages_right": pages,
        "off_s": off_s,
        "called_s": _called_s(parts, told, sources),
    }


def _shared_s(one: Told, part: Part) -> float:
    return shared_s((one["start_s"], one["end_s"]), (part.start_s, part.end_s))


def _is_played(one: Told, parts: Sequence[Part], sources: dict[str, Piece]) -> bool:
    """Whether a stretch's piece is played during at least half of it."""
    own = [part for part in parts if part.piece == sources[one["source"]]]
    length_s: float = one["end_s"] - one["start_s"]
    return sum(_shared_s(one, part) for part in own) >= 0.5 * length_s


def _called_s(parts: Sequence[Part], told: Sequence[Told], sources: dict[str, Piece]) -> list[list[float]]:
    known, seconds = set(sources.values()), np.zeros((len(HEARD), len(CALLED)))
    for part in parts:
        row = HEARD.index(part.what) if part.what != "piece" else 0 if part.piece in known else 1
        for one in told:
            if one["what"] == "piece":
                column = 0 if sources[one["source"]] == part.piece else 1
            else:
                column = 2 if one["what"] == "unknown" else CALLED.index(one["what"])
            seconds[row, column] += _shared_s(one, part)
    rounded: list[list[float]] = seconds.round(1).tolist()
    return rounded


def tables(results: dict[str, Any]) -> dict[str, str]:
    """All tapes together: what was found, the boundaries, what each second was called, and what it takes."""
    tapes = results["tapes"]
    numbers = [key for key, value in tapes[0].items() if isinstance(value, int | float)]
    total = {key: sum(tape[key] for tape in tapes) for key in numbers}
    off_s = np.concatenate([np.reshape(tape["off_s"], (-1, 2)) for tape in tapes])
    called_s = np.sum([tape["called_s"] for tape in tapes], axis=0)
    found = [len(tapes), f"{total['minutes'] / 60:.1f}", total["pieces"], total["found"], total["surely"]]
    found += [total["in_one"], f"{_percent(total['pages_right'], off_s.size)}", total["named"], total["wrong"]]
    sides = (("start", off_s[:, 0]), ("end", off_s[:, 1]), ("both", off_s))
    boundaries = [[name, *_boundary(errors_s)] for name, errors_s in sides]
    shares = [[heard, *(_percent(s, row.sum()) for s in row)] for heard, row in zip(HEARD, called_s, strict=True)]
    cost = [f"{60 * total['cpu_s'] / total['minutes']:.0f}", f"{max(tape['peak_mb'] for tape in tapes):.0f}"]
    return {
        "tapes": table(
            (*FOUND, "stretches named", "wrong", "surely wrong"),
            [[*found, total["surely_wrong"]]],
        ),
        "boundaries": table(["boundary", "off by, median", "90 %", "within 2 s", "late by, median"], boundaries),
        "called": table(["seconds of", *CALLED], shares),
        "cost": table(["", "an hour of tape"], [["CPU s", cost[0]], ["memory at most, MB", cost[1]]]),
    }


def _boundary(off_s: npt.NDArray[np.float64]) -> list[str]:
    """How far off, float64 in seconds, boundaries are; cells of a table."""
    errors_s = np.abs(off_s)
    near = _percent((errors_s <= NEAR_S).sum(), errors_s.size)
    return [f"{np.median(errors_s):.1f} s", f"{np.quantile(errors_s, 0.9):.1f} s", near, f"{np.median(off_s):+.1f} s"]


def _percent(some: float, all_of_them: float) -> str:
    return f"{100 * some / all_of_them:.1f}%" if all_of_them else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--tapes", type=int, default=24)
    parser.add_argument("--minutes", type=float, default=60.0, help="the least that a tape has")
    parser.add_argument("--lower", type=float, default=0.0, help="by how many semitones the tapes are too slow")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--work", type=Path, default=Path("data/bench"), help="where performances are kept")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    about = {"split": given.split, "minutes": given.minutes, "lower": given.lower}
    results = begin(given.model) | about | {"tapes": []}
    if given.json and given.json.exists():
        before = json.loads(given.json.read_text())
        if all(before.get(key) == results[key] for key in ("model", "revision", *about)):
            results = before
    pieces = read_pieces(given.corpus, given.split)
    absent = pieces[ABSENT_EVERY - 1 :: ABSENT_EVERY]
    known = [piece for piece in pieces if piece not in absent]
    sources = {str(piece.pdf): piece for piece in known}
    takes = Takes(given.work / "takes")
    with tempfile.TemporaryDirectory() as folder:
        library, path = Path(folder) / "library", Path(folder) / "tape.wav"
        add(library, known, given.model)
        for number in range(len(results["tapes"]), given.tapes):
            parts = make(path, known, absent, takes, given.minutes, number, given.lower)
            report = Path(folder) / f"report-{number}"
            heard = run([earmark(), "identify", library, path, "--report", report, "--jobs", "1", "--json"])
            told = heard.json()[0]["stretches"]
            taken = {"cpu_s": heard.cpu_s, "peak_mb": heard.peak_mb}
            results["tapes"].append(measure(parts, told, sources) | taken)
            print({k: v for k, v in results["tapes"][-1].items() if k not in ("off_s", "called_s")}, flush=True)
            if given.json:
                write_json(given.json, results)
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
