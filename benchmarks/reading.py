"""What it costs to read files in confined processes, and what more of them bring: seconds, in turns on one machine.

    python -m benchmarks.reading --json benchmarks/results/reading.json

A page and a minute of sound are read and encoded in this process and through the sandbox, whose process is warm; then
the same scores are added with one job and with two, processes started anew. All files are those of ``demo``.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support.results import begin, finish, table
from earmark.audio.decode import read_samples
from earmark.embed.piece import embed_piece
from earmark.embed.recording import embed_recording, read_blocks
from earmark.library.library import DEFAULT_MODEL, Library
from earmark.library.reading import read_piece, read_recording
from earmark.model.encoders import load
from earmark.sandbox.sandbox import Sandbox
from earmark.schema import AudioSpec
from earmark.sheet.flat_pages import read_flat_pages

DEMO = Path(__file__).parents[1] / "demo"
JOBS = (1, 2)
SCORES = 6
Work = Callable[[], object]


def in_turns(works: dict[str, Work], turns: int) -> dict[str, float]:
    """The median seconds of each, one after the other, ``turns`` times."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(turns):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(every) for name, every in seconds.items()}


def measure(turns: int, model_name: str) -> dict[str, Any]:
    """Seconds for all pages, a minute of sound, and all scores with each number of jobs; how many pages there are."""
    model, sandbox = load(model_name), Sandbox()
    scores = sorted((DEMO / "scores").glob("*.pdf"))[:SCORES]
    pages = sum(len(read_piece([score], model, sandbox).pages) for score in scores)  # makes the sessions, too

    folder = tempfile.TemporaryDirectory()
    minute = write_minute(Path(folder.name, "minute.wav"))

    def add(jobs: int) -> None:
        with tempfile.TemporaryDirectory() as folder, Library.open(Path(folder, "library"), model) as library:
            library.add(scores, jobs=jobs)

    works: dict[str, Work] = {
        "pages here": lambda: [embed_piece(read_flat_pages([score]), score, model) for score in scores],
        "pages confined": lambda: [read_piece([score], model, sandbox) for score in scores],
        "sound here": lambda: embed_recording(read_blocks(minute), model),
        "sound confined": lambda: read_recording(minute, model, sandbox),
        **{f"add, {jobs} jobs": lambda jobs=jobs: add(jobs) for jobs in JOBS},  # type: ignore[misc]
    }
    for name in ("sound here", "sound confined"):
        works[name]()
    seconds = in_turns(works, turns)
    folder.cleanup()
    return {"seconds": seconds, "pages": pages, "turns": turns}


def write_minute(path: Path) -> Path:
    """The demo's recordings, joined to a minute of 16-bit sound."""
    chunks = (chunk for recording in sorted((DEMO / "recordings").glob("*.ogg")) for chunk in read_samples(recording))
    samples = np.concatenate(list(chunks))[: 60 * AudioSpec().sample_rate_hz]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, AudioSpec().sample_rate_hz, 0, "NONE", ""))
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return path


def tables(results: dict[str, Any]) -> dict[str, str]:
    """What confining costs, and what jobs bring."""
    seconds, pages = results["seconds"], results["pages"]
    costs = []
    for what, name, count in (("a page", "pages", pages), ("a minute of sound", "sound", 1)):
        here, confined = seconds[f"{name} here"], seconds[f"{name} confined"]
        costs.append((what, f"{here / count:.2f} s", f"{confined / count:.2f} s", f"{confined / here - 1:+.0%}"))
    rates = [(f"{jobs}", f"{pages / seconds[f'add, {jobs} jobs']:.1f}") for jobs in JOBS]
    return {
        "costs": table(("read and encoded", "in one process", "confined", "more"), costs),
        "jobs": table(("jobs", "pages/s"), rates),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = begin(given.model)
    results |= measure(given.turns, given.model)
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
