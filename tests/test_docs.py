"""What the documents say holds: commands, options, paths, links, output that is shown, figures, and that they build."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from itertools import zip_longest
from pathlib import Path
from types import FunctionType

import click
import pytest
from click.testing import CliRunner

from earmark import Library
from earmark.cli import earmark

ROOT = Path(__file__).parents[1]
README, DOCS, PACKAGE = ROOT / "README.md", ROOT / "docs", ROOT / "src" / "earmark"
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "*/README.md", "experiments/**/*.md", "src/earmark/model/**/*.md")
    for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
EXTRA = re.compile(r"\.\[([a-z,]+)\]")
MADE_LATER = ("data/", "runs/", "weights/", "parts/", "figures/", "demo/out", "docs/build", ".venv")
"""What the documents describe makes these."""
NUMBER = re.compile(r"\d+(?:\.\d+)?")
METHOD = (FunctionType, classmethod)
NEAR = 0.3
"""Seconds and confidences that processors may differ by; whole numbers have to be equal."""

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def lines_of_code(document: Path) -> Iterator[str]:
    """Every line of a fenced or indented block, continued lines joined, and every inline piece of code."""
    text = document.read_text()
    for _, block in FENCE.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    for line in FENCE.sub("", text).replace("\\\n", " ").splitlines():
        yield from [line] if line.startswith("    ") else CODE.findall(line)


def commands(program: str) -> list[pytest.ParameterSet]:
    """Words after ``program`` of every line of code that begins with it, or with settings of the environment."""
    found = []
    for document in DOCUMENTS:
        for line in lines_of_code(document):
            line = re.sub(r"^(\w+=\S+ )+", "", line.strip().removeprefix("$ ")).partition(" | ")[0]
            if line.startswith(f"{program} "):
                words = shlex.split(re.sub(r"[\[\]]", "", line), comments=True)[len(program.split()) :]
                found.append(pytest.param(words, id=f"{document.relative_to(ROOT)}: {line}"))
    return found


@pytest.mark.parametrize("words", commands("earmark"))
def test_commands_are_those_of_the_command_line(words: list[str]) -> None:
    command: click.Command = earmark
    context = click.Context(command)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, f"no verb {words[0]}"
        command, words = found, words[1:]
        context = click.Context(command)
    options = {name for parameter in command.get_params(context) for name in parameter.opts}
    for word in words:
        if word.startswith("-") and word != "-":
            assert word.split("=")[0] in options, f"{command.name} has no option {word}"


def test_the_documents_show_every_verb() -> None:
    shown = " ".join(line for document in DOCUMENTS for line in lines_of_code(document))
    verbs = list(verbs_of(earmark, "earmark"))
    assert len(verbs) > 10
    assert [verb for verb in verbs if verb not in shown] == []


def verbs_of(group: click.Group, name: str) -> Iterator[str]:
    """The command as one types it, of every verb that does something."""
    context = click.Context(group)
    for verb in group.list_commands(context):
        command = group.get_command(context, verb)
        if isinstance(command, click.Group):
            yield from verbs_of(command, f"{name} {verb}")
        else:
            yield f"{name} {verb}"


@pytest.mark.parametrize("words", commands("python -m"))
def test_modules_exist_and_have_the_options(words: list[str]) -> None:
    module = words[0]
    if module.startswith(("benchmarks.", "demo.", "experiments.", "tests.")):
        folder = ROOT / module.replace(".", "/")
        path = folder / "__main__.py" if folder.is_dir() else folder.with_suffix(".py")
        assert path.exists()
        missing = [word for word in words[1:] if word.startswith("--") and f'"{word}"' not in path.read_text()]
        assert missing == []
    else:
        assert module in ("build", "venv")


@pytest.mark.parametrize("words", commands("make"))
def test_make_targets_exist(words: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert words[0] in targets


@each_document
def test_extras_exist(document: Path) -> None:
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {extra for extras in EXTRA.findall(document.read_text()) for extra in extras.split(",")}
    assert named <= set(known)


@each_document
def test_paths_in_code_exist(document: Path) -> None:
    """A word with a slash whose first part is a folder of the project, or of its package, names something in it."""
    homes = [PACKAGE, ROOT] if document.name in ("DESIGN.md", "contributing.md") else [ROOT]
    folders = {path.name: home for home in homes for path in home.iterdir() if path.is_dir() and path.name[0] != "."}
    missing = []
    for line in lines_of_code(document):
        for word in re.split(r"[\s,;:()\[\]{}\"']+", line):
            word = word.rstrip(".…")
            home = folders.get(word.split("/")[0])
            if home is None or "/" not in word or word.startswith(MADE_LATER):
                continue
            pattern = re.sub(r"[A-Z]{3,}", "*", word)  # a placeholder such as NAME
            if not any(home.glob(pattern)) and not any(home.glob(f"{pattern}.py")):
                missing.append(word)
    assert missing == []


@each_document
def test_links_and_pictures_lead_somewhere(document: Path) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", document.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, heading = target.partition("#")
        path = document.parent / name if name else document
        if not path.exists() or (heading and heading not in headings(path)):
            broken.append(target)
    assert broken == []


def headings(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


@each_document
def test_lines_of_prose_are_short(document: Path) -> None:
    lines = FENCE.sub("", document.read_text()).splitlines()
    assert [line for line in lines if len(line) > 100 and not line.startswith(("|", "    "))] == []


@each_document
def test_no_merge_was_left_open(document: Path) -> None:
    assert re.findall(r"^(?:<{7}|>{7}|={7}$).*", document.read_text(), re.MULTILINE) == []


def test_commands_and_python_answer_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order in which they stand, each document in a folder where ``demo`` is, as in a clone.

    One test, so that the library of the demo's pieces is made once. "…" stands for the rest of an answer.
    """
    (tmp_path / "library").mkdir()
    with Library.open(tmp_path / "library") as library:
        library.add(ROOT / "demo" / "scores")
    for document in (README, DOCS / "guide.md", DOCS / "archives.md", DOCS / "api.md", DOCS / "tape.md"):
        clone = tmp_path / document.stem
        shutil.copytree(tmp_path / "library", clone / "library")
        (clone / "demo").symlink_to(ROOT / "demo")
        monkeypatch.chdir(clone)
        for kind, block in FENCE.findall(document.read_text()):
            if kind == "console":
                check_console(block)
            elif kind == "python":
                check_python(block)


def check_console(block: str) -> None:
    """Runs every ``$ earmark …`` and compares what it prints."""
    pairs = re.findall(r"^\$ earmark ([^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", block, re.MULTILINE)
    assert pairs
    for command, output in pairs:
        ran = CliRunner().invoke(earmark, shlex.split(command), catch_exceptions=False)
        assert ran.exit_code == 0, f"{command}: {ran.output}"
        wanted, got = output.splitlines(), ran.stdout.replace("unchanged:", "added:").splitlines()
        if "…" in wanted:
            wanted, got = wanted[: wanted.index("…")], got[: wanted.index("…")]
        for line, real in zip_longest(wanted, got, fillvalue=""):
            assert alike(line, real), f"{command}: {real!r}, not {line!r}"


def check_python(block: str) -> None:
    """Runs the block and compares what it prints with its comments."""
    printed = StringIO()
    with redirect_stdout(printed):
        exec(compile(block, "document", "exec"), {})
    assert printed.getvalue().split() == " ".join(re.findall(r"# (.*)", block)).split()


def alike(shown: str, real: str) -> bool:
    """The same words and whole numbers, whatever the spaces between them; other numbers may be a little off."""
    words, real_words = (" ".join(NUMBER.sub("0", line).split()) for line in (shown, real))
    numbers = zip_longest(NUMBER.findall(shown), NUMBER.findall(real), fillvalue="nan")
    return words == real_words and all(abs(float(a) - float(b)) <= NEAR * ("." in a) for a, b in numbers)


def test_the_api_page_names_the_library_s_methods() -> None:
    named = set(re.findall(r"^\| `(?:L|l)ibrary\.(\w+)\(", (DOCS / "api.md").read_text(), re.MULTILINE))
    public = {name for name, value in vars(Library).items() if name[0] != "_" and isinstance(value, METHOD)}
    assert len(named) == 15
    assert public == named | {"check", "close"}


def test_the_pages_build_without_a_warning_and_load_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("furo")
    options = ["-q", "-W", "--keep-going", "-n", "-b", "html", "-d", str(tmp_path / "doctrees")]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(DOCS), str(tmp_path / "html")], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    loads = (r"<(?!a\b)[^>]*\b(?:src|href)=[\"'](?:https?:)?//[^\"']*", r"(?:url\(|@import)\s*[\"']?(?:https?:)?//")
    pages = [*(tmp_path / "html").rglob("*.html"), *(tmp_path / "html").rglob("*.css")]
    assert len(pages) > 10
    assert [match for page in pages for match in re.findall("|".join(loads), page.read_text())] == []
