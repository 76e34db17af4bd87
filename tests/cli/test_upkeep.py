"""``earmark verify`` and ``backup``, run in this process with the fake encoders."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

if TYPE_CHECKING:
    from tests.conftest import Command, Music

PIECES, NOTES = 3, 48


@pytest.fixture
def library(earmark: Command, music: Music, tmp_path: Path) -> Path:
    scores = music.write_scores(tmp_path / "scores", PIECES, NOTES)
    assert earmark("add", tmp_path / "library", scores)[0] == 0
    return tmp_path / "library"


def damage(library: Path) -> None:
    """A file that is renamed, one that is gone, a piece that is damaged."""
    scores = library.with_name("scores")
    (scores / "piece-0.pdf").rename(scores / "renamed.pdf")
    (scores / "piece-1.pdf").unlink()
    db = sqlite3.connect(library / "library.sqlite")
    db.execute("UPDATE vectors SET vectors = zeroblob(60) WHERE piece = 3")
    db.commit()
    db.close()


def test_a_whole_library_is_said_to_be_whole(earmark: Command, library: Path) -> None:
    assert earmark("verify", library) == (0, "whole: 3 pieces, 3 files\n", "")
    code, out, _ = earmark("verify", library, "--json")
    assert code == 0
    assert json.loads(out) == {"library": str(library), "pieces": 3, "files": 3, "problems": []}


def test_what_is_wrong_is_told_and_mended(earmark: Command, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damage(library)
    scores = library.with_name("scores")
    code, out, err = earmark("verify", library)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "damaged: piece-2: what is stored of it is damaged; take it out with --repair, then: "
        f"earmark add LIBRARY {scores / 'piece-2.pdf'}",
        f"moved: piece-0: {scores / 'piece-0.pdf'} is gone, and its content is in {scores / 'renamed.pdf'}; "
        "note it with --repair",
        f"gone: piece-1: {scores / 'piece-1.pdf'} is gone; put it back, or take the piece out with: earmark remove",
        "wrong: 3 things",
    ]
    asked = []

    def confirm(question: str, err: bool) -> bool:
        asked.append(question)
        return False

    monkeypatch.setattr(click, "confirm", confirm)
    code, out, _ = earmark("verify", library, "--repair")
    assert (code, asked) == (1, ["Remove piece-2, which is damaged?"])
    assert out.splitlines()[-2:] == ["mended: piece-0: noted where it is", "wrong: 2 things"]
    code, out, _ = earmark("verify", library, "--repair", "--yes", "--json")
    assert code == 1
    told = [(one["problem"], one["subject"], one["mended"]) for one in json.loads(out)["problems"]]
    assert told == [("damaged", "piece-2", True), ("gone", "piece-1", False)]
    assert len(asked) == 1
    assert earmark("remove", library, "piece-1")[0] == 0
    assert earmark("add", library, scores)[1].splitlines()[:2] == [
        "added: piece-2 (1 page, 2 systems)",
        "unchanged: piece-0 (1 page, 2 systems)",
    ]
    assert earmark("verify", library) == (0, "whole: 2 pieces, 2 files\n", "")


def test_orphans_go_when_that_is_agreed_to(earmark: Command, library: Path) -> None:
    orphan = library / "uploads" / "old.pdf"
    orphan.parent.mkdir()
    orphan.write_text("x")
    os.utime(orphan, (1, 1))
    code, out, _ = earmark("verify", library, "--repair", "--yes")
    assert (code, orphan.exists()) == (0, False)
    assert f"mended: {orphan}: removed" in out


def test_a_damaged_piece_ends_a_search_in_one_line(earmark: Command, library: Path, music: Music) -> None:
    damage(library)
    clip = music.write_recording(library.with_name("clip.wav"), music.melody(0, NOTES)[:40])
    code, out, err = earmark("find", library, clip)
    assert (code, out) == (2, "")
    remedy = "see what else is, and what helps: earmark verify LIBRARY"
    assert err == f"earmark: {library}: its piece 'piece-2' is damaged; {remedy}\n"


def test_a_copy_is_a_library(earmark: Command, library: Path, music: Music, tmp_path: Path) -> None:
    assert earmark("backup", library, tmp_path / "copy") == (0, f"copied: 3 pieces to {tmp_path / 'copy'}\n", "")
    clip = music.write_recording(tmp_path / "clip.wav", music.melody(1, NOTES)[:40])
    assert earmark("find", tmp_path / "copy", clip)[1].startswith("piece-1, ")
    code, out, err = earmark("backup", library, tmp_path / "copy")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "is there already" in err
