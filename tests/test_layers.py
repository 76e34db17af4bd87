"""DESIGN.md's list of folders holds: imports go down it only, searching needs neither PyTorch nor SciPy, and tests lie
where what they test lies."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "earmark"
TESTS = ROOT / "tests"


# Tests of what is no module of the package, or of several at once.
OF_THE_WHOLE = {
    "cli/test_bad_input.py": "what every command says of bad input",
    "fuzz/test_fuzz.py": "all that reads files",
    "cli/test_milvus.py": "the real command and a real Milvus server",
    "cli/test_verbs.py": "the help, suggestions and completion of all commands",
    "store/test_any_order.py": "anything done to a library, in any order",
    "store/test_faults.py": "libraries on disks that fail",
    "store/test_milvus_kills.py": "libraries in Milvus and processes that are killed",
    "library/test_kinds.py": "every kind of file that is added",
    "model/test_shipped.py": "the weights that ship",
    "test_demo.py": "demo/",
    "test_docs.py": "the documents",
    "test_layers.py": "the folders",
    "test_release.py": "pyproject.toml and constraints.txt",
    "web/browser/test_answers.py": "the page, in a browser",
    "web/browser/test_axe.py": "the page, in a browser",
    "web/browser/test_errors.py": "the page, in a browser",
    "web/browser/test_find.py": "the page, in a browser",
    "web/browser/test_history.py": "the page, in a browser",
    "web/browser/test_keys.py": "the page, in a browser",
    "web/browser/test_library.py": "the page, in a browser",
    "web/browser/test_listen.py": "the page, in a browser",
    "web/browser/test_practice.py": "the page, in a browser",
    "web/browser/test_stand.py": "the page, in a browser",
    "web/browser/test_webkit.py": "the page, in a browser",
    "web/test_hostile.py": "crafted files and clients",
}


@cache
def order() -> list[str]:
    """The package's folders and loose modules, top to bottom, as the table in DESIGN.md has them."""
    text = (ROOT / "DESIGN.md").read_text()
    section = text.partition("## The folders\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([a-z0-9_]+)(?:/|\.py)` \|", section, re.MULTILINE)


@cache
def files() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def room(path: Path) -> str:
    """The folder of the package that a file is in, or its own name if it is loose."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports(path: Path) -> set[str]:
    """What a file imports, anywhere in it, as dotted names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def rooms_used(path: Path) -> set[str]:
    """The rooms of the package that a file imports from; the version may be imported from everywhere."""
    own = {name.split(".")[1] for name in imports(path) if name.startswith("earmark.")}
    return own - {"__version__", "Library"}


def test_tests_lie_where_what_they_test_lies() -> None:
    """``tests/X/test_y.py`` tests the module or folder ``src/earmark/X/y``, or ``X/y`` of benchmarks or experiments, or
    is one of `OF_THE_WHOLE`."""
    tests = {path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    tested = {path.relative_to(PACKAGE).with_suffix("").as_posix() for path in files()}
    tested |= {path.parent.relative_to(PACKAGE).as_posix() for path in files()}
    beside = [path for folder in ("benchmarks", "experiments") for path in (ROOT / folder).rglob("*.py")]
    tested |= {path.relative_to(ROOT).with_suffix("").as_posix() for path in beside}
    astray = {name for name in tests if name.replace("test_", "", 1).removesuffix(".py") not in tested}
    assert astray == set(OF_THE_WHOLE)


def test_the_table_names_every_folder_and_loose_module() -> None:
    assert set(order()) == {room(path) for path in files()}
    assert len(order()) == len(set(order()))


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    here = order().index(room(path))
    above = {other for other in rooms_used(path) if order().index(other) < here}
    assert not above, f"{path.relative_to(ROOT)} imports from {sorted(above)}, which stand above it"


def test_no_two_files_import_each_other_in_a_circle() -> None:
    names = {"earmark." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in files()}
    arrows = {
        name: {other for other in names for used in imports(path) if used == other or used.startswith(f"{other}.")}
        for name, path in names.items()
    }
    while removable := {name for name, others in arrows.items() if not others & set(arrows)}:
        arrows = {name: others for name, others in arrows.items() if name not in removable}
    assert not arrows, f"in a circle, or above one: {sorted(arrows)}"


def test_searching_needs_neither_pytorch_nor_scipy_nor_the_corpus_tools() -> None:
    heavy = ("torch", "scipy", "onnx", "fluidsynth", "lilypond", "matplotlib", "sklearn")
    code = f"""
import builtins, importlib, sys
real = builtins.__import__
def refusing(name, *rest, **named):
    if name.partition('.')[0] in {heavy!r}:
        raise AssertionError(name)
    return real(name, *rest, **named)
builtins.__import__ = refusing
for module in ("earmark.cli.library", "earmark.web.app", "earmark.web.worker"):
    importlib.import_module(module)
from earmark import Library
import earmark.library.add, earmark.search.query, earmark.sheet.read, earmark.audio.midi
"""
    subprocess.run([sys.executable, "-c", code], check=True)
