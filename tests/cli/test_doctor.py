"""``earmark doctor`` tries what it says."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from earmark.cli import doctor
from earmark.sandbox import landlock, seccomp

if TYPE_CHECKING:
    from tests.conftest import Command


def findings(out: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(finding["part"], finding["what"]): finding for finding in json.loads(out)["findings"]}


def test_a_sound_installation(earmark: Command, processes: None) -> None:
    code, out, err = earmark("doctor", "--json")
    found = findings(out)
    assert (code, err) == (0, "")
    assert found["weights", "earmark-2"]["state"].startswith("work (earmark-2-")
    assert "av " in found["reads", "recordings, videos"]["state"]
    if sys.platform == "linux" and landlock.version() and seccomp.is_offered():
        assert found["confined", "memory"]["state"] == "limited"
        assert found["confined", "files"]["state"] == "the input and the installation only"
        assert found["confined", "network"]["state"] == "none"
        assert found["confined", "programs"]["state"] == "none but the engraver"


def test_files_that_are_read_unconfined_are_said(earmark: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own processes are not confined."""
    code, out, _ = earmark("doctor")
    could_be = bool(landlock.version() or seccomp.is_offered() or sys.platform == "linux")
    assert code == could_be
    assert "all of yours, although this system can do better" in out if landlock.version() else "all of yours" in out
    monkeypatch.setattr(landlock, "version", lambda: 0)
    assert "all of yours, since this system can do no better" in earmark("doctor")[1]


def test_a_package_that_is_broken_is_named(earmark: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.READERS, "PDF", ("no-such-package",))
    code, out, _ = earmark("doctor", "--json")
    assert code == 1
    assert "no-such-package cannot be loaded" in findings(out)["reads", "PDF"]["state"]
