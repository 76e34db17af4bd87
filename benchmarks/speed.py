"""How long ``earmark add`` and ``find`` take and how much memory they need: whole, stage by stage, and exact search.

    python -m benchmarks.speed CORPUS [--pages N] [--among SPLIT] [--model NAME] [--work DIR] [--json FILE]

Everything is measured in a process of its own. DIR (data/bench) keeps what takes long to make: the library of all the
corpus's pieces or of a split's, recordings, embeddings. Remove it to have it made again. Processor seconds are those of
all threads: a busy machine changes them less than the seconds of a clock, which are not shown of one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.support.command import Run, earmark, run, succeed
from benchmarks.support.pieces import add, evenly, kept_library, read_pieces
from benchmarks.support.results import begin, by_clock, finish, table

MODEL = "earmark-2"
"""The library's default. That is not imported here, for its imports would count as memory of what is measured."""

REPEATS = 5
CLIP_MINUTES = 0.5
LONG_MINUTES = 10
LONGEST_MINUTES = 180
SIZES = (10_000, 100_000, 1_000_000)
ENGINES = {"library": "Earmark, float16", "faiss": "FAISS flat, float32", "numpy": "NumPy product, argpartition"}
DIMENSION = 64  # of the shipped model


@dataclass(frozen=True)
class Figure:
    """``amount`` times ``unit`` (pages, minutes of audio) took ``seconds`` by the clock and ``cpu_s`` of processors, in
    a process of at most ``peak_mb``; ``target`` is what it should take."""

    what: str
    seconds: float
    cpu_s: float
    peak_mb: float
    amount: float = 1.0
    unit: str = ""
    target: str = ""


def figure_row(figure: dict[str, Any], results: dict[str, Any]) -> tuple[str, ...]:
    """A row of a table of ``results`` from a `Figure`'s fields."""
    each = f"{1000 * figure['cpu_s'] / figure['amount']:.0f} ms a {figure['unit']}" if figure["unit"] else ""
    times = by_clock(results, f"{figure['seconds']:.2f}"), f"{figure['cpu_s']:.2f}"
    return figure["what"], *times, each, f"{figure['peak_mb']:.0f}", figure["target"]


class Setting:
    """What the measurements share: pieces, recordings, the library of all pieces."""

    def __init__(self, corpus: Path, among: str | None, pages: int, work: Path, model: str) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self.corpus, self.work, self.model = corpus, work, model
        self.pieces = read_pieces(corpus, among)
        self.pages = sum(piece.pages for piece in self.pieces)
        self.few = evenly(self.pieces, pages)
        self.few_pages = sum(piece.pages for piece in self.few)
        self.files = [str(piece.pdf) for piece in self.few]
        self.library = kept_library(self.pieces, work, model, among or "all")
        self.clip, self.long, self.longest = map(self._recording, (CLIP_MINUTES, LONG_MINUTES, LONGEST_MINUTES))

    def _recording(self, minutes: float) -> Path:
        path = self.work / f"{minutes:g}-minutes.mp3"
        if not path.exists():
            succeed(run([sys.executable, "-m", "benchmarks.support.concert", self.corpus, f"{minutes:g}", path]))
        return path


def median(arguments: Sequence[str | Path]) -> Run:
    """Of `REPEATS` runs the one of median length."""
    runs = [succeed(run(arguments)) for _ in range(REPEATS)]
    return sorted(runs, key=lambda finished: finished.seconds)[REPEATS // 2]


def stage(name: str, *arguments: str | Path) -> tuple[dict[str, Any], float]:
    """Figures of one of ``benchmarks.support.stages``, and its peak MB."""
    finished = run([sys.executable, "-m", "benchmarks.support.stages", name, *arguments])
    return finished.json(), finished.peak_mb


def measure_command(setting: Setting) -> list[Figure]:
    """The whole command, from its start to its end."""
    helped = median([earmark(), "--help"])
    with tempfile.TemporaryDirectory() as folder:
        added = add(Path(folder) / "library", setting.few, setting.model)
    find: list[str | Path] = [earmark(), "find", setting.library, "--model", setting.model, "--json"]
    found = median([*find, setting.clip])
    long, longest = (succeed(run([*find, recording])) for recording in (setting.long, setting.longest))
    pages = f"{setting.few_pages} pages in {len(setting.few)} PDFs"

    def figure(what: str, finished: Run, amount: float = 1.0, unit: str = "", target: str = "") -> Figure:
        return Figure(what, finished.seconds, finished.cpu_s, finished.peak_mb, amount, unit, target)

    return [
        figure("`earmark --help`", helped),
        figure(f"`earmark add`, {pages}", added, setting.few_pages, "page", "500 ms a page"),
        figure(f"`earmark find`, 30 s, library of {setting.pages} pages", found, target="2 s"),
        figure(f"`earmark find`, {LONG_MINUTES} min", long, LONG_MINUTES, "minute"),
        figure(f"`earmark find`, {LONGEST_MINUTES} min", longest, LONGEST_MINUTES, "minute"),
    ]


def measure_stages(setting: Setting) -> list[Figure]:
    """The stages of ``find`` on a long recording, those of ``add``, and those of ``find`` on a clip."""
    model, library, files = setting.model, setting.library, setting.files

    def figure(what: str, name: str, arguments: Sequence[str | Path], amount: float = 1.0, unit: str = "") -> Figure:
        measured, peak_mb = stage(name, *arguments)
        return Figure(what, measured["seconds"], measured["cpu_s"], peak_mb, amount, unit)

    audio, page = (LONG_MINUTES, "minute"), (setting.few_pages, "page")
    together = figure("**audio → embeddings**, all three", "audio_to_embeddings", [setting.long, model], *audio)
    return [
        figure("decode (MP3, 44.1 kHz stereo)", "decode", [setting.long], *audio),
        figure("samples → spectrogram", "spectrum", [setting.long], *audio),
        figure("spectrogram → embeddings", "encode_audio", [setting.long, model], *audio),
        replace(together, target="300 ms a minute"),
        figure("PDF → page images", "draw_pages", [*files], *page),
        figure("page images → systems", "systems", [*files], *page),
        figure("systems → strips", "strips", [*files], *page),
        figure("strips → embeddings", "encode_sheet", [model, *files], *page),
        figure("**PDF → embeddings**, all four", "pages_to_embeddings", [model, *files], *page),
        figure("load the model", "load_model", [model]),
        figure(f"open the library, {setting.pages} pages", "open_library", [library, model]),
        figure("search in it, 30 s of audio", "search_library", [library, setting.clip, model]),
        figure("rank pieces and places, 30 s of audio", "rank_pieces", [library, setting.clip, model]),
    ]


def embeddings(engine: str, size: int, *folder: str | Path) -> Run:
    """One run of ``benchmarks.support.exact_search``."""
    return run([sys.executable, "-m", "benchmarks.support.exact_search", engine, str(size), str(DIMENSION), *folder])


def measure_search(work: Path) -> list[dict[str, Any]]:
    """Exact search: every engine at every size, and how often it names the same nearest vector as NumPy."""
    figures = []
    for size in SIZES:
        folder = work / f"{size}-embeddings"
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=work) as unfinished:
                succeed(embeddings("fill", size, unfinished))
                Path(unfinished).rename(folder)
                Path(unfinished).mkdir()  # for the context to remove
        nearest: dict[str, list[int]] = {}
        for engine in ENGINES:
            finished = embeddings(engine, size, *([folder] if engine == "library" else []))
            measured = finished.json()
            nearest[engine] = measured.pop("nearest")
            figures.append({"embeddings": size, "engine": engine, **measured, "peak_mb": finished.peak_mb})
        for figure in figures[-len(ENGINES) :]:
            same = zip(nearest[figure["engine"]], nearest["numpy"], strict=True)
            figure["same_nearest"] = sum(a == b for a, b in same) / len(nearest["numpy"])
    return figures


def search_row(figure: dict[str, Any], results: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table of exact search."""
    return (
        f"{figure['embeddings']:,}".replace(",", " "),
        ENGINES[figure["engine"]],
        by_clock(results, f"{figure['load_s']:.2f}"),
        by_clock(results, f"{1000 * figure['seconds']:.0f}"),
        f"{figure['peak_mb']:.0f}",
        f"{figure['same_nearest']:.1%}",
    )


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The tables of the command, of its stages and of exact search."""
    header = ("seconds", "processor s", "each", "peak MB", "target")
    found = {
        part: table((name, *header), [figure_row(figure, results) for figure in results[part]])
        for part, name in (("command", "the command"), ("stages", "stage"))
    }
    engines = ("embeddings", "engine", "load, s", "120 queries, ms", "peak MB", "nearest as NumPy's")
    return {**found, "search": table(engines, [search_row(figure, results) for figure in results["search"]])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--pages", type=int, default=60, help="how many to add")
    parser.add_argument("--among", metavar="SPLIT", help="search in the pieces of this split alone, not in all")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--work", type=Path, default=Path("data/bench"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = begin(given.model)
    setting = Setting(given.corpus, given.among, given.pages, given.work, given.model)
    results["command"] = [asdict(figure) for figure in measure_command(setting)]
    results["stages"] = [asdict(figure) for figure in measure_stages(setting)]
    results["search"] = measure_search(given.work)
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
