from __future__ import annotations

from benchmarks.support.results import table


def test_tables_are_markdown() -> None:
    assert table(("a", "b"), [("x|y", 1)]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |"
