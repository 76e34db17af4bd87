"""What a search answered to one query of a benchmark, and the row of a table that many of them make.

All suites of `benchmarks.identify` give such answers, so that their tables have the same columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.support.results import table

FIRST = 5


@dataclass(frozen=True)
class Answer:
    """The answer to one query of the kind ``row`` about the piece ``piece``; None is what a suite does not judge.

    ``rank``: of the right piece, from 1, None if it is not among the hits. ``page``: the first hit's page is one that
    is played. ``place``: it also shows the very notes, or the very stretch of the recording. ``confident``: the answer
    was called sure. ``absent``: so was the answer in a library without the piece. ``first``: what the first hit is.
    """

    row: str
    piece: str
    start_s: float
    rank: int | None
    confident: bool
    page: bool | None = None
    place: bool | None = None
    absent: bool | None = None
    first: str | None = None


def summarise(answers: Iterable[Answer]) -> list[dict[str, Any]]:
    """A row for each kind of query, in order: how many queries there were, and for how many of them what held."""
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(answer.row, []).append(answer)
    return [_row(name, group) for name, group in groups.items()]


def _row(name: str, answers: Sequence[Answer]) -> dict[str, Any]:
    def count(held: Iterable[bool | None]) -> int | None:
        known = [one for one in held if one is not None]
        return sum(known) if known else None

    return {
        "row": name,
        "queries": len(answers),
        "piece_first": count(one.rank == 1 for one in answers),
        "among_first": count(one.rank is not None and one.rank <= FIRST for one in answers),
        "right_page": count(one.page for one in answers),
        "right_place": count(one.place for one in answers),
        "confident": count(one.confident for one in answers),
        "confidently_wrong": count(one.confident and one.rank != 1 for one in answers),
        "confident_without": count(one.absent for one in answers),
    }


COLUMNS = {
    "piece_first": "piece first",
    "among_first": f"in the first {FIRST}",
    "right_page": "right page",
    "right_place": "right place",
    "confident": "confident",
    "confidently_wrong": "confidently wrong",
    "confident_without": "confident without the piece",
}


def answers_table(rows: Iterable[dict[str, Any]]) -> str:
    """Shares of the queries, – where a suite does not judge it."""
    cells = []
    for row in rows:
        shares = ("–" if row[key] is None else f"{row[key] / row['queries']:.1%}" for key in COLUMNS)
        cells.append((row["row"], row["queries"], *shares))
    return table(("query", "queries", *COLUMNS.values()), cells)
