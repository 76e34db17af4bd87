"""How long ``earmark add`` and ``find`` take and how much memory they need: whole, stage by stage, and exact search.

    python -m benchmarks.speed CORPUS [--model NAME] [--work DIR] [--json FILE]

Everything is measured in a process of its own. DIR (data/bench) keeps what takes long to make: the library of all the
corpus's pieces, recordings, embeddings. Remove it to have it made again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.command import Run, earmark, run, succeed
from benchmarks.pieces import add, evenly, read_pieces, whole_library
from benchmarks.report import describe, machine, table, write_json
from earmark.library.library import DEFAULT_MODEL

ADDED_PAGES = 60
REPEATS = 5
CLIP_MINUTES = 0.5
LONG_MINUTES = 10
LONGEST_MINUTES = 180
SIZES = (10_000, 100_000, 1_000_000)
ENGINES = {"library": "Earmark, float16", "faiss": "FAISS flat, float32", "numpy": "NumPy product, argpartition"}
DIMENSION = 64  # of the shipped model


@dataclass(frozen=True)
class Figure:
    """``amount`` times ``unit`` (pages, minutes of audio) took ``seconds``, in a process of at most ``peak_mb``."""

    what: str
    seconds: float
    peak_mb: float
    amount: float = 1.0
    unit: str = ""
    target: str = ""
    met: bool | None = None

    def row(self) -> tuple[str, ...]:
        each = f"{1000 * self.seconds / self.amount:.1f} ms a {self.unit}" if self.unit else ""
        verdict = {None: "", True: ": met", False: ": missed"}[self.met]
        return self.what, f"{self.seconds:.2f}", each, f"{self.peak_mb:.0f}", self.target + verdict


class Setting:
    """What the measurements share: pieces, recordings, the library of all pieces."""

    def __init__(self, corpus: Path, work: Path, model: str) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self.corpus, self.work, self.model = corpus, work, model
        self.pieces = read_pieces(corpus)
        self.pages = sum(piece.pages for piece in self.pieces)
        self.few = evenly(self.pieces, ADDED_PAGES)
        self.few_pages = sum(piece.pages for piece in self.few)
        self.files = [str(piece.pdf) for piece in self.few]
        self.library = whole_library(self.pieces, work, model)
        self.clip, self.long, self.longest = map(self._recording, (CLIP_MINUTES, LONG_MINUTES, LONGEST_MINUTES))

    def _recording(self, minutes: float) -> Path:
        path = self.work / f"{minutes:g}-minutes.mp3"
        if not path.exists():
            succeed(run([sys.executable, "-m", "benchmarks.concert", self.corpus, f"{minutes:g}", path]))
        return path


def median(arguments: Sequence[str | Path]) -> Run:
    """Of `REPEATS` runs the one of median length."""
    runs = [succeed(run(arguments)) for _ in range(REPEATS)]
    return sorted(runs, key=lambda finished: finished.seconds)[REPEATS // 2]


def stage(name: str, *arguments: str | Path) -> tuple[dict[str, Any], float]:
    """Figures of one of ``benchmarks.stages``, and its peak MB."""
    finished = run([sys.executable, "-m", "benchmarks.stages", name, *arguments])
    return finished.json(), finished.peak_mb


def measure_command(setting: Setting) -> list[Figure]:
    """The whole command, from its start to its end."""
    helped = median([earmark(), "--help"])
    with tempfile.TemporaryDirectory() as folder:
        added = add(Path(folder) / "library", setting.few, setting.model)
    find: list[str | Path] = [earmark(), "find", setting.library, "--model", setting.model, "--json"]
    found = median([*find, setting.clip])
    long, longest = (succeed(run([*find, recording])) for recording in (setting.long, setting.longest))
    rate = setting.few_pages / added.seconds
    within = found.seconds < 2 if setting.pages >= 1000 else None
    in_library = f"library of {setting.pages} pages"
    return [
        Figure("`earmark --help`", helped.seconds, helped.peak_mb),
        Figure(
            f"`earmark add`, {setting.few_pages} pages in {len(setting.few)} PDFs",
            *(added.seconds, added.peak_mb, setting.few_pages, "page"),
            *("2 pages/s", rate >= 2),
        ),
        Figure(f"`earmark find`, 30 s, {in_library}", found.seconds, found.peak_mb, target="2 s", met=within),
        Figure(f"`earmark find`, {LONG_MINUTES} min", long.seconds, long.peak_mb, LONG_MINUTES, "minute"),
        Figure(f"`earmark find`, {LONGEST_MINUTES} min", longest.seconds, longest.peak_mb, LONGEST_MINUTES, "minute"),
    ]


def measure_stages(setting: Setting) -> list[Figure]:
    """The stages of ``find`` on a long recording, those of ``add``, and those of ``find`` on a clip."""
    model, library, files = setting.model, setting.library, setting.files

    def figure(what: str, name: str, arguments: Sequence[str | Path], amount: float = 1.0, unit: str = "") -> Figure:
        measured, peak_mb = stage(name, *arguments)
        return Figure(what, measured["seconds"], peak_mb, amount, unit)

    audio, page = (LONG_MINUTES, "minute"), (setting.few_pages, "page")
    together = figure("**audio → embeddings**, all three", "audio_to_embeddings", [setting.long, model], *audio)
    fast = together.seconds <= LONG_MINUTES * 60 / 200
    return [
        figure("decode (MP3, 44.1 kHz stereo)", "decode", [setting.long], *audio),
        figure("samples → spectrogram", "spectrum", [setting.long], *audio),
        figure("spectrogram → embeddings", "encode_audio", [setting.long, model], *audio),
        replace(together, target="200 × real time", met=fast),
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
    """One run of ``benchmarks.vectors``."""
    return run([sys.executable, "-m", "benchmarks.vectors", engine, str(size), str(DIMENSION), *folder])


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


def search_row(figure: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"{figure['embeddings']:,}".replace(",", " "),
        ENGINES[figure["engine"]],
        f"{figure['load_s']:.2f}",
        f"{1000 * figure['seconds']:.0f}",
        f"{figure['peak_mb']:.0f}",
        f"{figure['same_nearest']:.1%}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--work", type=Path, default=Path("data/bench"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    about = machine()
    print(describe(about), "\n", sep="")
    setting = Setting(given.corpus, given.work, given.model)
    command = measure_command(setting)
    print(table(("the command", "seconds", "each", "peak MB", "target"), [figure.row() for figure in command]), "\n")
    stages = measure_stages(setting)
    print(table(("stage", "seconds", "each", "peak MB", "target"), [figure.row() for figure in stages]), "\n")
    search = measure_search(given.work)
    header = ("embeddings", "engine", "load, s", "120 queries, ms", "peak MB", "nearest as NumPy's")
    print(table(header, [search_row(figure) for figure in search]))
    if given.json:
        parts = {"command": [asdict(figure) for figure in command], "stages": [asdict(figure) for figure in stages]}
        write_json(given.json, {"machine": about, "model": setting.library.name, **parts, "search": search})


if __name__ == "__main__":
    main()
