"""``earmark history``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Command, Music


def test_what_was_asked_is_told_and_forgotten(earmark: Command, music: Music, tmp_path: Path) -> None:
    library, clip = tmp_path / "lib", music.write_recording(tmp_path / "clip.wav", music.melody(1)[:40])
    earmark("add", library, music.write_pdf(tmp_path / "piece-1.pdf", music.melody(1)))
    assert earmark("history", library) == (0, "Nothing is kept.\n", "")
    earmark("find", library, clip)
    earmark("align", library, clip)
    code, out, _ = earmark("history", library)
    header, latest, first = out.splitlines()
    assert (code, header.split()) == (0, ["asked", "at", "of", "answer"])
    assert latest.split()[1:] == ["align", str(clip), "piece-1"]
    assert first.split()[1:] == ["find", str(clip), "surely:", "piece-1"]
    told = json.loads(earmark("history", library, "--json", "--most", "1")[1])
    assert told["is_on"]
    assert told["entries"][0]["answer"]["pieces"][0]["piece"] == "piece-1"
    assert earmark("history", library, "--clear", "--off") == (0, "forgotten; answers are not kept from now on\n", "")
    earmark("find", library, clip)
    assert earmark("history", library)[1] == "Nothing is kept.\n"
    assert earmark("history", library, "--on")[1] == "answers are kept from now on\n"
