"""The command's verbs: help under headings, at once; suggestions for mistyped ones; completion in the shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from earmark.cli import FIND_MUSIC, MAKE_MODELS

if TYPE_CHECKING:
    from tests.conftest import Command

RUN = [sys.executable, "-c", "from earmark.cli import main; main()"]


def test_help_shows_first_what_everybody_uses(earmark: Command) -> None:
    code, out, _ = earmark("--help")
    assert code == 0
    assert "earmark find ~/scores clip.m4a" in out
    _, _, finding = out.partition("Find music:\n")
    finding, _, making = finding.partition("Make models:\n")
    assert [line.split()[0] for line in finding.strip().splitlines()] == list(FIND_MUSIC)
    assert [line.split()[0] for line in making.strip().splitlines()[: len(MAKE_MODELS)]] == list(MAKE_MODELS)
    _, out, _ = earmark("model", "--help")
    shown = [line.split()[0] for line in out.partition("Commands:\n")[2].splitlines()]
    assert shown == ["train", "refine", "make", "export", "calibrate", "evaluate", "list"]


def test_help_loads_nothing_heavy() -> None:
    timed = subprocess.run(
        [sys.executable, "-X", "importtime", *RUN[1:], "--help"], capture_output=True, text=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in timed.stderr.splitlines()}
    assert "earmark.cli" in loaded
    assert loaded.isdisjoint({"faiss", "onnxruntime", "av", "numpy", "pypdfium2", "torch", "PIL", "rich"})


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["fnd", "lib", "clip.wav"], "earmark find"),
        (["train", "recipe.toml"], "earmark model train"),
        (["models"], "earmark model"),
        (["pack"], "earmark corpus pack"),
        (["model", "evalute"], "earmark model evaluate"),
    ],
)
def test_a_mistyped_verb_gets_a_suggestion(earmark: Command, typed: list[str], meant: str) -> None:
    code, out, err = earmark(*typed)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].endswith(f"Did you mean: {meant}")


def test_what_is_like_no_verb_gets_none(earmark: Command) -> None:
    code, _, err = earmark("xyzzy")
    assert (code, err.splitlines()[-1]) == (2, "Error: there is no command 'xyzzy'.")


@pytest.mark.parametrize(
    ("words", "verbs"), [("earmark f", ["find"]), ("earmark model e", ["export", "evaluate"]), ("earmark x", [])]
)
def test_the_shell_completes_verbs(words: str, verbs: list[str]) -> None:
    asked = {"_EARMARK_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    completed = subprocess.run(RUN, env={**os.environ, **asked}, capture_output=True, text=True, check=True)
    assert sorted(completed.stdout.split()) == sorted(f"plain,{verb}" for verb in verbs)


def test_the_model_that_ships_is_listed(earmark: Command) -> None:
    code, out, _ = earmark("model", "list")
    assert (code, "earmark-2" in out) == (0, True)
    assert [row["name"] for row in json.loads(earmark("model", "list", "--json")[1])] == ["earmark-2"]
