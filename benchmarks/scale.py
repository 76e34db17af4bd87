"""What a library of very many places needs: to open, to be asked, after a change, to be added to and taken from.

    python -m benchmarks.scale CORPUS [--places N ...] [--engines NAME ...] [--work DIR] [--json FILE]

Beside Earmark's engine stand, in the same run and each in a process of its own on one core, what it did before and
FAISS's flat index; see `benchmarks.support.large_library`, also for what the libraries hold. DIR keeps them: 10^6
places take 300 MB and some minutes, 10^7 ten times as much; there, leave out the engines that look at all of them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.support.command import run, succeed
from benchmarks.support.results import begin, finish, table

MODEL = "earmark-1"
ENGINES = {
    "files": "Earmark, all places looked at",
    "lists": "Earmark, with lists",
    "database": "before: all loaded from SQLite",
    "flat": "FAISS flat, float32, loaded from SQLite",
}
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


def measure(corpus: Path, sizes: list[int], engines: list[str], work: Path) -> list[dict[str, Any]]:
    """Figures of these engines at every size."""
    work.mkdir(parents=True, exist_ok=True)
    embeddings = kept(work / "scale.npz", "read", corpus)
    figures = []
    for size in sizes:
        library = kept(work / f"{size}-places", "fill", embeddings, str(size))
        for engine in engines:
            prepared = large_library("prepare", engine, library).json()
            measured = large_library(engine, embeddings, library).json()
            figures.append({"places": size, "engine": engine, **prepared, **measured})
            print(figures[-1], flush=True)
    return figures


def row(figure: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table."""
    seconds = (figure[name] for name in ("open_cpu_s", "first_cpu_s", "later_cpu_s", "after_change_cpu_s"))
    milliseconds = (figure[name] * 1000 for name in ("put_s", "removal_s"))
    return (
        f"{figure['places']:,}".replace(",", " "),
        ENGINES[figure["engine"]],
        *(f"{value:.3f}" for value in seconds),
        *(f"{figure[name]:.0f}" for name in ("own_mb", "mapped_mb")),
        *(f"{value:.0f}" for value in milliseconds),
        f"{figure['proposed']} of 20",
    )


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The table of all engines and sizes."""
    times = ("open, CPU s", "first question", "later ones", "after another's change")
    rest = ("own MB", "shared MB", "put, ms", "remove, ms", "right piece proposed")
    return {"engines": table(("places", "engine", *times, *rest), [row(figure) for figure in results["engines"]])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--places", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--work", type=Path, default=Path("data/bench"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = begin(MODEL)
    results["engines"] = measure(given.corpus, given.places, given.engines, given.work)
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
