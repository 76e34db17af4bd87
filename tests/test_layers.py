"""DESIGN.md's layer table holds: a module imports only from rows above its own, or nothing of the package."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "earmark"
STANDS_APART = {"earmark"}  # __init__.py holds the version and may be imported from everywhere


@cache
def rows() -> dict[str, int]:
    """Module -> row, as DESIGN.md's layer table says."""
    text = (ROOT / "DESIGN.md").read_text()
    found: dict[str, int] = {}
    for line in re.findall(r"^\| \d+ \|.*$", text, re.MULTILINE):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for module in re.findall(r"`([a-z_/]+)`", cells[1]):
            found["earmark." + module.replace("/", ".")] = int(cells[0])
    return found


@cache
def modules() -> dict[str, Path]:
    """Every module of the package with code in it."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(("earmark", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        tree = ast.parse(path.read_text())
        if any(not isinstance(node, ast.Expr) for node in tree.body):
            found[name] = path
    return found


def imports(path: Path) -> set[str]:
    """The package's own modules that this file imports, anywhere in it."""
    found: set[str] = set()
    known = modules()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("earmark"):
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & set(known)
            found |= inner or {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("earmark.")}
    return found - STANDS_APART


def test_every_module_has_a_row_and_every_row_its_module() -> None:
    assert set(rows()) == set(modules()) - STANDS_APART


@pytest.mark.parametrize("name", sorted(set(modules()) - STANDS_APART))
def test_imports_go_up(name: str) -> None:
    row = rows()
    below = {other for other in imports(modules()[name]) if row[other] >= row[name]}
    assert not below, f"{name} (row {row[name]}) imports {sorted(below)}"


def test_corpus_and_training_meet_on_disk_only() -> None:
    for name, path in modules().items():
        for one, other in (("earmark.corpus", "earmark.training"), ("earmark.training", "earmark.corpus")):
            if name.startswith(one):
                assert not {imported for imported in imports(path) if imported.startswith(other)}, name


def test_searching_needs_neither_pytorch_nor_the_corpus_tools() -> None:
    heavy = {"torch", "onnx", "fluidsynth", "lilypond"}
    allowed = ("earmark.networks", "earmark.paper", "earmark.training", "earmark.corpus", "earmark.cli")
    for name, path in modules().items():
        if name.startswith(allowed):
            continue
        tree = ast.parse(path.read_text())
        names = {
            alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        names |= {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not names & heavy, name
