"""Writes every generated table of the documents anew: ``python -m benchmarks.report [--check]``.

A document has a table between two lines, the first of which names a results file's stem, and which of its tables:

    <!-- results: NAME TABLE -->
    <!-- end of results -->

NAME.json lies in ``benchmarks/results`` or ``experiments/analysis/results``; what its tables are, says the module
that measured them. The table ``measured`` says of any file with which weights, code and machine it was made. The name
``models`` stands for all of ``experiments/results`` (`experiments.analysis.models`). With ``--check`` nothing is
written, and the exit code is 1 if any table differs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.support.results import measured_with

ROOT = Path(__file__).parents[1]
FOLDERS = {"benchmarks": ROOT / "benchmarks/results", "experiments.analysis": ROOT / "experiments/analysis/results"}
BLOCK = re.compile(
    r"(?P<begin><!-- results: (?P<name>[\w.-]+) (?P<table>[\w.-]+) -->\n).*?(?P<end><!-- end of results -->)", re.DOTALL
)

Tables = Callable[[dict[str, Any]], dict[str, str]]


def documents() -> list[Path]:
    """All Markdown files that may hold tables."""
    found = (ROOT.glob(pattern) for pattern in ("*.md", "docs/*.md", "benchmarks/*.md", "experiments/**/*.md"))
    return sorted(path for paths in found for path in paths)


def tables_of(name: str) -> dict[str, str]:
    """The tables of one results file by name; raises FileNotFoundError when there is no such file."""
    if name == "models":
        made: dict[str, str] = import_module("experiments.analysis.models").tables(ROOT / "experiments/results")
        return made
    for package, folder in FOLDERS.items():
        path = folder / f"{name}.json"
        if path.exists():
            results = json.loads(path.read_text(encoding="utf-8"))
            tables: Tables = import_module(f"{package}.{name.split('-')[0]}").tables
            return {"measured": measured_with(results), **tables(results)}
    raise FileNotFoundError(f"{name}.json is in none of the folders of results")


def filled(text: str) -> str:
    """A document with all its tables as the results files say; raises KeyError when a file has no such table."""

    def fill(block: re.Match[str]) -> str:
        table = tables_of(block["name"])[block["table"]]
        return f"{block['begin']}{table}\n{block['end']}"

    return BLOCK.sub(fill, text)


def outdated() -> Iterator[tuple[Path, str]]:
    """The documents that differ from what the results files say, and what they should be."""
    for path in documents():
        text = path.read_text(encoding="utf-8")
        if (new := filled(text)) != text:
            yield path, new


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    differing = list(outdated())
    for path, text in differing:
        print(path.relative_to(ROOT))
        if not given.check:
            path.write_text(text, encoding="utf-8")
    sys.exit(bool(given.check and differing))


if __name__ == "__main__":
    main()
