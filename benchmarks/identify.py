"""How often the right piece and page are found, and how often an answer is wrongly sure.

    python -m benchmarks.identify CORPUS --suite pieces
    python -m benchmarks.identify CORPUS --suite real --scans SCANS --recordings RECORDINGS --more CORPUS
    python -m benchmarks.identify CORPUS --suite scans --scans SCANS
    python -m benchmarks.identify CORPUS --suite tapes
    python -m benchmarks.identify CORPUS --suite pages --scans SCANS
    python -m benchmarks.identify INSTRUMENTS --suite instruments --split instruments-test --more CORPUS

All suites print the same columns (`benchmarks.support.answers`). What each asks, and of which library, says its module
in ``benchmarks/suites``. A library that takes long to make is kept in ``--work``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.suites import instruments, pages, pieces, real, scans, tapes
from benchmarks.support.answers import Answer, answers_table, summarise
from benchmarks.support.results import begin, finish
from earmark.library.library import DEFAULT_MODEL


@dataclass(frozen=True)
class Suite:
    """``ask`` gives the answers; ``needs`` names the options that it cannot do without."""

    ask: Callable[[argparse.Namespace], Iterator[Answer]]
    needs: tuple[str, ...] = ()


SUITES = {
    "pieces": Suite(lambda given: pieces.ask(given.corpus, given.split, given.pieces, given.model)),
    "real": Suite(
        lambda given: real.ask(given.corpus, given.scans, given.recordings, given.more, given.work, given.model),
        ("scans", "recordings"),
    ),
    "scans": Suite(lambda given: scans.ask(given.corpus, given.scans, given.work, given.model), ("scans",)),
    "tapes": Suite(lambda given: tapes.ask(given.corpus, given.split, given.pieces, given.model)),
    "instruments": Suite(
        lambda given: instruments.ask(
            given.corpus, given.split, given.pieces, given.more, given.among, given.work, given.model
        )
    ),
    "pages": Suite(lambda given: pages.ask(given.corpus, given.scans, given.model), ("scans",)),
}


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The table of a suite's results."""
    return {"answers": answers_table(results["rows"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--suite", choices=list(SUITES), default="pieces")
    parser.add_argument("--split", default="test", help="of pieces, tapes and instruments")
    parser.add_argument("--pieces", type=int, help="of these: only so many of the split, evenly taken")
    parser.add_argument("--scans", type=Path, help="a folder with a folder of page images for each work")
    parser.add_argument("--recordings", type=Path, help="a folder of the real recordings")
    parser.add_argument("--more", type=Path, help="a corpus of pieces that CORPUS lacks")
    parser.add_argument("--among", type=int, default=1000, help="of instruments: how many pieces the library has")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--work", type=Path, default=Path("data/bench"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    suite = SUITES[given.suite]
    for name in suite.needs:
        if getattr(given, name) is None:
            parser.error(f"the suite {given.suite} needs --{name}")
    results = begin(given.model)
    answers = list(suite.ask(given))
    for answer in answers:
        if answer.rank != 1 or answer.page is False:
            print(f"{answer.row}: {answer.piece} at {answer.start_s:g} s: rank {answer.rank}, first {answer.first}")
    results |= {"suite": given.suite, "rows": summarise(answers), "answers": [asdict(answer) for answer in answers]}
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
