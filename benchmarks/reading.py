"""What it costs to read files in confined processes, and what more of them bring, in turns on one machine; on Linux.

    python -m benchmarks.reading --json benchmarks/results/reading.json

Scores, a recording of some minutes and files of one minute are read and encoded in this process and through the
sandbox, whose process is warm, both on one core: a confined process has one thread, this one has more. Then the same
scores are added with one job and with two, on all cores, processes started anew. All files are those of ``demo``.
Processor seconds are those of all processes; the kernel counts them in hundredths, so that few of them say little.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
import wave
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support.processors import cpu_s
from benchmarks.support.results import begin, by_clock, finish, table
from earmark.audio.decode import read_samples
from earmark.embed.piece import embed_piece
from earmark.embed.recording import embed_recording, read_blocks
from earmark.library.library import DEFAULT_MODEL, Library
from earmark.model.encoders import load
from earmark.sandbox.sandbox import Sandbox
from earmark.schema import AudioSpec
from earmark.sheet.flat_pages import read_flat_pages
from earmark.sources.reading import read_piece, read_recording

DEMO = Path(__file__).parents[1] / "demo"
JOBS = (1, 2)
SCORES = sorted((DEMO / "scores").glob("*.pdf"))[:6]
MINUTES = 5
Work = Callable[[], object]
Times = dict[str, dict[str, float]]


def in_turns(works: dict[str, Work], turns: int) -> Times:
    """The median of each by the clock and of processors, in seconds, one after the other, ``turns`` times."""
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(turns):
        for name, work in works.items():
            start_s, start_cpu_s = time.perf_counter(), cpu_s()
            work()
            measured[name].append((time.perf_counter() - start_s, cpu_s() - start_cpu_s))
    medians = {name: np.median(every, axis=0).tolist() for name, every in measured.items()}
    return {of: {name: both[i] for name, both in medians.items()} for i, of in enumerate(("seconds", "cpu_s"))}


def measure(turns: int, model_name: str) -> dict[str, Any]:
    """What reading confined costs, and adding with each number of jobs; how many pages there are."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as on_one_core:
            pages, costs = on_one_core.submit(costs_of_confining, turns, model_name).result()
    finally:
        os.sched_setaffinity(0, cores)
    rates = rates_of_jobs(turns, model_name)
    return {**{of: costs[of] | rates[of] for of in costs}, "pages": pages, "turns": turns}


def costs_of_confining(turns: int, model_name: str) -> tuple[int, Times]:
    """How many pages all scores have, and what it takes to read and encode these and `MINUTES` of sound, as one file
    and as many, in this process and confined."""
    model = load(model_name)
    with tempfile.TemporaryDirectory() as folder, closing(Sandbox()) as sandbox:
        pages = sum(len(read_piece([score], model, sandbox).pages) for score in SCORES)  # makes the sessions, too
        minute, minutes = (write_sound(Path(folder, f"{count}.wav"), count) for count in (1, MINUTES))
        works: dict[str, Work] = {
            "pages here": lambda: [embed_piece(read_flat_pages([score]), score, model) for score in SCORES],
            "pages confined": lambda: [read_piece([score], model, sandbox) for score in SCORES],
            "sound here": lambda: embed_recording(read_blocks(minutes), model),
            "sound confined": lambda: read_recording(minutes, model, sandbox),
            "files here": lambda: [embed_recording(read_blocks(minute), model) for _ in range(MINUTES)],
            "files confined": lambda: [read_recording(minute, model, sandbox) for _ in range(MINUTES)],
        }
        for name in ("sound here", "sound confined"):
            works[name]()
        return pages, in_turns(works, turns)


def rates_of_jobs(turns: int, model_name: str) -> Times:
    """What it takes to add all scores, by the number of jobs."""
    model = load(model_name)

    def add(jobs: int) -> None:
        with tempfile.TemporaryDirectory() as folder, Library.open(Path(folder, "library"), model) as library:
            library.add(SCORES, jobs=jobs)

    return in_turns({f"add, {jobs} jobs": partial(add, jobs) for jobs in JOBS}, turns)


def write_sound(path: Path, minutes: int) -> Path:
    """The demo's recordings, again and again, as ``minutes`` of 16-bit sound."""
    chunks = (chunk for recording in sorted((DEMO / "recordings").glob("*.ogg")) for chunk in read_samples(recording))
    samples = np.resize(np.concatenate(list(chunks)), 60 * minutes * AudioSpec().sample_rate_hz)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, AudioSpec().sample_rate_hz, 0, "NONE", ""))
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return path


def tables(results: dict[str, Any]) -> dict[str, str]:
    """What confining costs, and what jobs bring."""
    seconds, cpu_s, pages = results["seconds"], results["cpu_s"], results["pages"]
    costs = []
    read = (
        ("a page", "pages", pages),
        (f"a minute of {MINUTES}", "sound", MINUTES),
        ("a file of a minute", "files", MINUTES),
    )
    for what, name, count in read:
        here, confined = f"{name} here", f"{name} confined"
        clock = [f"{1000 * seconds[of] / count:.0f}" for of in (here, confined)]
        processors = [f"{1000 * cpu_s[of] / count:.0f}" for of in (here, confined)]
        more = [f"{of[confined] / of[here] - 1:+.0%}" for of in (seconds, cpu_s)]
        costs.append((what, *(by_clock(results, one) for one in (*clock, more[0])), *processors, more[1]))
    rates = []
    for jobs in JOBS:
        name = f"add, {jobs} jobs"
        rates.append((jobs, by_clock(results, f"{pages / seconds[name]:.1f}"), f"{1000 * cpu_s[name] / pages:.0f}"))
    times = [f"{unit}, {how}" for unit in ("ms", "processor ms") for how in ("in one process", "confined", "more")]
    return {
        "costs": table(("read and encoded", *times), costs),
        "jobs": table(("jobs", "pages/s", "processor ms a page"), rates),
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
