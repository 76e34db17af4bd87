"""What the documents say exists: every command with its verbs and options, every make target, path and link."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from earmark.cli import VERBS, earmark

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("src/earmark/model/weights/*/*.md")])
FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
MADE_LATER = ("data/", "runs/", "weights/", "parts/", "figures/", "demo/out", ".venv")  # by what the documents describe


def lines_of_code(document: Path) -> Iterator[str]:
    """Every line of a fenced or indented block, continued lines joined, and every inline piece of code."""
    text = document.read_text()
    for block in FENCE.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    for line in FENCE.sub("", text).replace("\\\n", " ").splitlines():
        yield from [line] if line.startswith("    ") else CODE.findall(line)


def commands(program: str) -> list[pytest.ParameterSet]:
    """Words after ``program`` of every line of code that begins with it, ``[]`` of optional ones taken off."""
    found = []
    for document in DOCUMENTS:
        for line in lines_of_code(document):
            line = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
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
        if word.startswith("-"):
            assert word.split("=")[0] in options, f"{command.name} has no option {word}"


def test_the_readme_shows_every_verb() -> None:
    shown = " ".join(lines_of_code(ROOT / "README.md"))
    assert [verb for verb in VERBS if f"earmark {verb}" not in shown] == []


@pytest.mark.parametrize("words", commands("python -m"))
def test_modules_exist_and_have_the_options(words: list[str]) -> None:
    module = words[0]
    if not module.startswith(("benchmarks.", "demo.")):
        pytest.skip(f"{module} is not ours")
    path = ROOT / f"{module.replace('.', '/')}.py"
    assert path.exists()
    for word in words[1:]:
        if word.startswith("--"):
            assert f'"{word}"' in path.read_text(), f"{module} has no option {word}"


@pytest.mark.parametrize("words", commands("make"))
def test_make_targets_exist(words: list[str]) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert words[0] in targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_in_code_exist(document: Path) -> None:
    """A word with a slash whose first part is a folder of the project names something in it."""
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    missing = []
    for line in lines_of_code(document):
        for word in re.split(r"[\s,;:()\[\]{}]+", line):
            word = word.rstrip(".…")
            if word.split("/")[0] not in folders or "/" not in word or word.startswith(MADE_LATER):
                continue
            pattern = re.sub(r"[A-Z]{3,}", "*", word)  # a placeholder such as NAME
            if not any(ROOT.glob(pattern)) and not any(ROOT.glob(f"{pattern}.py")):
                missing.append(word)
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
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
