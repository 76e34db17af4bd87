"""What a library of very many places needs: to open, to be asked, after a change, to be added to and taken from.

    python -m benchmarks.scale CORPUS [--places N ...] [--engines NAME ...] [--work DIR] [--json FILE]

Beside Earmark's engine stand, in the same run and each in a process of its own on one core, what it did before and
FAISS's flat index; see `benchmarks.support.large_library`, also for what the libraries hold. DIR keeps them: 10^6
places take 350 MB and some minutes, 10^7 ten times as much; there, no engine is measured that looks at all of them.
What other sizes need is computed from these figures.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support.command import run, succeed
from benchmarks.support.large_library import MODEL, MUSIC
from benchmarks.support.pieces import evenly_chosen, read_pieces
from benchmarks.support.results import begin, finish, table

ENGINES = {
    "files": "Earmark, all places looked at",
    "lists": "Earmark, with lists",
    "database": "before: all loaded from SQLite",
    "flat": "FAISS flat, float32, loaded from SQLite",
}
EMBEDDINGS = "scale.npz"
SPEED = Path(__file__).with_name("results") / "speed.json"
MOST_LOOKED_AT = 10**6
"""Places; of more, only the engine is measured that does not look at all."""
STORED = ("sqlite", "embeddings", "lists")
COMPUTED = (10**6, 10**7, 10**8, 10**9)
ALONE = {**os.environ, "OMP_NUM_THREADS": "1"}


def large_library(*arguments: str | Path) -> Any:
    """The process that makes or measures one."""
    return succeed(run([sys.executable, "-m", "benchmarks.support.large_library", *arguments], env=ALONE))


def kept(path: Path, *arguments: str | Path) -> Path:
    """``path``, made by these arguments, whose last it becomes, if it is not there."""
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            unfinished = Path(folder) / path.name
            large_library(*arguments, unfinished)
            unfinished.rename(path)
    return path


def prepared(engine: str, library: Path) -> Any:
    """What it took to prepare a library for an engine. Lists that are there are not made again."""
    kept = library / "lists.json"
    if engine == "lists" and kept.exists():
        return json.loads(kept.read_text(encoding="utf-8"))
    kept.unlink(missing_ok=True)
    figures = large_library("prepare", engine, library).json()
    if engine == "lists":
        kept.write_text(json.dumps(figures), encoding="utf-8")
    return figures


def measure(corpus: Path, sizes: list[int], engines: list[str], work: Path) -> list[dict[str, Any]]:
    """Figures of these engines at every size."""
    work.mkdir(parents=True, exist_ok=True)
    embeddings = kept(work / EMBEDDINGS, "read", corpus)
    figures = []
    for size in sizes:
        library = kept(work / f"{size}-places", "fill", embeddings, str(size))
        for engine in engines if size <= MOST_LOOKED_AT else ["lists"]:
            made = prepared(engine, library)
            measured = large_library(engine, embeddings, library).json()
            figures.append({"places": size, "engine": engine, **made, **measured})
            print(figures[-1], flush=True)
    return figures


def music(corpus: Path) -> dict[str, Any]:
    """How many pages and places the pieces of a corpus have that libraries are made of, and what reading a page takes,
    as `benchmarks.speed` measured it."""
    pieces = evenly_chosen(read_pieces(corpus, "train"), MUSIC)
    speed = json.loads(SPEED.read_text(encoding="utf-8"))
    page_cpu_s = next(stage["cpu_s"] / stage["amount"] for stage in speed["stages"] if "all four" in stage["what"])
    return {"pieces": len(pieces), "pages": sum(piece.pages for piece in pieces), "page_cpu_s": page_cpu_s}


def made_of(work: Path) -> int:
    """How many places the pieces have that libraries are made of."""
    with np.load(work / EMBEDDINGS) as kept:
        return sum(len(kept[f"music-{i}"]) for i in range(MUSIC))


def row(figure: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table of engines."""
    names = ("open_cpu_s", "first_cpu_s", "later_cpu_s", "after_change_cpu_s")
    milliseconds = (figure[name] * 1000 for name in ("put_s", "removal_s"))
    return (
        _spaced(figure["places"]),
        ENGINES[figure["engine"]],
        *(f"{figure[name]:.3f}" for name in names),
        *(f"{figure[name]:.0f}" for name in ("own_mb", "mapped_mb")),
        *(f"{value:.0f}" for value in milliseconds),
        f"{figure['proposed']} of 20",
    )


def lists(figure: dict[str, Any]) -> tuple[str, ...]:
    """A row of what a library with lists takes on disk, in bytes a place, of how much its searches find, and of what
    they and making the lists take."""
    stored = [figure["bytes"][name] / figure["places"] for name in STORED]
    return (
        _spaced(figure["places"]),
        *(f"{size:.0f}" for size in (*stored, sum(stored))),
        f"{figure['recall']:.2f}",
        *(f"{figure[name]:.3f}" for name in ("later_cpu_s", "later_cpu_p95_s")),
        f"{figure['prepared_cpu_s']:.1f}",
    )


def need(places: int, listed: list[dict[str, Any]], about: dict[str, Any]) -> tuple[str, ...]:
    """A row of what so many places need in a folder with lists, computed from the largest library that was measured and
    has no more.

    A query looks into as many lists however many there are. They grow in number and in length with the square root of
    the places, and making them takes places times lists.
    """
    largest = max((one for one in listed if one["places"] <= places), key=lambda one: int(one["places"]))
    times, stored = places / largest["places"], largest["bytes"]
    pages = places / about["places"] * about["pages"]
    return (
        _power(places),
        f"{pages:,.0f}".replace(",", " "),
        _rounded(pages * about["page_cpu_s"] / 3600),
        _rounded(sum(stored[name] for name in STORED) * times / 1e9),
        _rounded(stored["lists"] * times / 1e9),
        _rounded(largest["prepared_cpu_s"] * times**1.5 / 3600),
        _rounded(largest["later_cpu_s"] * times**0.5),
    )


def tables(results: dict[str, Any]) -> dict[str, str]:
    """All engines and sizes; libraries with lists; what other sizes need; what a page and a piece are."""
    times = ("open, CPU s", "first question", "later ones", "after another's change")
    rest = ("own MB", "shared MB", "put, ms", "remove, ms", "right piece proposed")
    stored = ("database", "files for searching", "lists", "bytes a place")
    costs = ("recall@500", "a question, CPU s", "95 % of them", "making the lists, CPU s")
    needs = ("pages", "reading them, CPU h", "disk, GB", "of it lists, GB", "making them, CPU h", "a question, CPU s")
    made = {"engines": table(("places", "engine", *times, *rest), [row(figure) for figure in results["engines"]])}
    listed = [figure for figure in results["engines"] if figure["engine"] == "lists"]
    if not listed or "music" not in results:
        return made
    about, least = results["music"], min(figure["places"] for figure in listed)
    shares = [(f"a {what}", f"{about['places'] / about[f'{what}s']:.0f}") for what in ("page", "piece")]
    return made | {
        "lists": table(("places", *stored, *costs), [lists(figure) for figure in listed]),
        "needs": table(("places", *needs), [need(places, listed, about) for places in COMPUTED if places >= least]),
        "music": table(("", "places"), shares),
    }


def _power(number: int) -> str:
    return f"10^{len(str(number)) - 1}"


def _rounded(value: float) -> str:
    """Two digits that count."""
    return f"{float(f'{value:.2g}'):,.10g}".replace(",", " ")


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--places", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--work", type=Path, default=Path("data/bench"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = begin(MODEL)
    results["music"] = music(given.corpus)
    results["engines"] = measure(given.corpus, given.places, given.engines, given.work)
    results["music"]["places"] = made_of(given.work)
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
