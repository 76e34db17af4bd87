"""What ``make demo`` runs: put the demo's sheet music in a library, ask it where each recording is played.

Everything goes through the installed ``earmark`` command. What came back is held against ``queries.json`` and
printed, right or wrong; for each recording the page found is drawn, with the place marked, into ``demo/out``.
Exits 1 unless every recording of a piece in the library brings that piece first.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

HERE = Path(__file__).resolve().parent
OUT = HERE / "out"
LIBRARY = OUT / "library"
EARMARK = str(Path(sys.executable).with_name("earmark"))
NEAR_S = 0.5  # around the end of a system, either of the two is right


@dataclass(frozen=True)
class Answer:
    """What one ``earmark find`` answered to ``query`` (an entry of ``queries.json``), after ``seconds``."""

    query: dict[str, Any]
    found: dict[str, Any]
    seconds: float

    @property
    def best(self) -> dict[str, Any] | None:
        hits = self.found["hits"]
        return hits[0] if hits else None

    @property
    def right_piece(self) -> bool:
        return self.best is not None and Path(self.best["source"]).stem == self.query["plays"]

    @property
    def right_page(self) -> bool:
        return self.right_piece and any(self.best_is(system, "page") for system in self.heard())

    @property
    def right_system(self) -> bool:
        return self.right_piece and any(self.best_is(system, "page", "system") for system in self.heard())

    def best_is(self, system: dict[str, Any], *keys: str) -> bool:
        return self.best is not None and all(self.best[key] == system[key] for key in keys)

    def heard(self) -> list[dict[str, Any]]:
        """Return the systems that sound at the time in the recording to which the best hit belongs."""
        if self.best is None:
            return []
        at_s, systems = self.best["query_time_s"], self.query["systems"]
        ends_s = [*(system["from_s"] for system in systems[1:]), float("inf")]
        return [
            system
            for system, end_s in zip(systems, ends_s, strict=True)
            if system["from_s"] - NEAR_S <= at_s <= end_s + NEAR_S
        ]


def main() -> int:
    console = Console()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    subprocess.run([EARMARK, "add", str(LIBRARY), str(HERE / "scores")], check=True)

    queries = json.loads((HERE / "queries.json").read_text())["queries"]
    answers = [ask(query) for query in track(queries, "Listening", console=console, transient=True)]
    console.print(table(answers))
    present = [answer for answer in answers if answer.query["in_library"]]
    absent = [answer for answer in answers if not answer.query["in_library"]]
    first = sum(answer.right_piece for answer in present)
    console.print(
        f"{first} of {len(present)} recordings brought their piece first, "
        f"{sum(answer.right_page for answer in present)} on the right page, "
        f"{sum(answer.right_system for answer in present)} in the right system; "
        f"{sum(answer.found['confident'] for answer in present)} of them confidently. "
        f"{sum(not answer.found['confident'] for answer in absent)} of {len(absent)} recordings of pieces "
        "that are not in the library came back as not confident."
    )
    console.print(f"The pages found, with the place marked: {os.path.relpath(OUT)}/RECORDING.png")
    return 0 if first == len(present) else 1


def ask(query: dict[str, Any]) -> Answer:
    """Run ``earmark find`` for one query; raises ``CalledProcessError`` when the command fails."""
    command = [EARMARK, "find", str(LIBRARY), str(HERE / query["recording"]), "--json", "--draw", str(OUT)]
    began = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return Answer(query, json.loads(done.stdout), time.perf_counter() - began)


def table(answers: list[Answer]) -> Table:
    """Return one row an answer, marked right or wrong; fits 80 columns."""
    rows = Table("recording", "found", "page", "system", "confidence", "s", box=box.SIMPLE, padding=(0, 1, 0, 0))
    rows.caption = "* not in the library"
    for answer in answers:
        in_library, best = answer.query["in_library"], answer.best
        cells = ["nothing", "", "", ""]
        if best is not None:
            sure = "sure" if answer.found["confident"] else "unsure"
            cells = [
                mark(answer.right_piece, in_library) + best["piece"],
                mark(answer.right_page, answer.right_piece) + str(best["page"]),
                mark(answer.right_system, answer.right_piece) + str(best["system"]),
                f"{best['confidence']:.2f} {sure}",
            ]
        rows.add_row(answer.query["plays"] + ("" if in_library else "*"), *cells, f"{answer.seconds:.1f}")
    return rows


def mark(right: bool, asked: bool) -> str:
    """Return a sign for right or wrong, or nothing where it makes no sense to ask."""
    if not asked:
        return ""
    return "✓ " if right else "✗ "


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:  # the command has said itself what is wrong
        sys.exit(error.returncode)
