"""What commands print is text: no name of a file, no title and no error makes a terminal do anything."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earmark.cli.options import print_json, say
from earmark.errors import printable

if TYPE_CHECKING:
    from tests.conftest import Command, Music

CLI = Path(__file__).parents[2] / "src/earmark/cli"
EVIL = "\x1b]0;mine\x07\x1b[2J\r\x9b31mred\u202etxt\u2028\x7f"
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\u2066\ud800-\udfff]")


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert printable(EVIL) == r"\x1b]0;mine\x07\x1b[2J\r\x9b31mred\u202etxt\u2028\x7f"
    assert printable("a\nb\udcff", keep="\n") == "a\nb\\udcff"
    for shown in ("Für Élise", "月光 №14", "👩\u200d🎤", "שלום"):
        assert printable(shown) == shown


def test_json_says_the_same_and_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"name": EVIL + "Für Élise 👩\u200d🎤"}
    print_json(value)
    out = capsys.readouterr().out
    assert not OBEYED.search(out)
    assert "Für Élise 👩\u200d🎤" in out
    assert json.loads(out) == value


def test_lines_stay_lines(capsys: pytest.CaptureFixture[str]) -> None:
    say("one\ntwo\x1b[1m")
    assert capsys.readouterr().out == "one\ntwo\\x1b[1m\n"


@pytest.mark.skipif(sys.platform == "win32", reason="files cannot be called so there")
def test_names_of_files_reach_no_terminal(earmark: Command, music: Music, tmp_path: Path) -> None:
    folder = tmp_path / "scores"
    folder.mkdir()
    good = music.write_pdf(folder / f"good{EVIL}.pdf", music.melody(1, 48))
    bad = folder / f"bad{EVIL}.pdf"
    bad.write_bytes(b"%PDF-1.4 nothing")
    library, clip = tmp_path / "library", tmp_path / f"clip{EVIL}.wav"
    music.write_recording(clip, music.melody(1, 48))
    name = good.stem
    for arguments in (
        ("add", library, folder),
        ("add", library, "--json", folder),
        ("list", library),
        ("list", library, "--json"),
        ("find", library, clip),
        ("find", library, bad),
        ("find", library, clip, "--draw", tmp_path / EVIL),
        ("align", library, clip),
        ("align", library, clip, "--piece", f"no{EVIL}"),
        ("pages", folder),
        ("find", library, f"gone{EVIL}"),
        ("find", library, clip, f"--no{EVIL}"),
        (f"no{EVIL}",),
        ("remove", library, name),
        ("verify", tmp_path / EVIL),
    ):
        _, out, err = earmark(*arguments)
        assert out + err
        assert not OBEYED.search(out + err), arguments


def test_nothing_is_printed_past_that() -> None:
    for path in CLI.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        for line in text.splitlines():
            if "click.echo(" in line and path.name != "options.py":
                assert "printable(" in line or line.strip() == "click.echo()", (path.name, line)
