"""``earmark identify``: what is printed, what is left in the report's folder, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Command, Music


def test_a_shelf_is_identified(earmark: Command, music: Music, tmp_path: Path) -> None:
    scores = music.write_scores(tmp_path / "scores", 2, 60)
    assert earmark("add", tmp_path / "library", scores)[0] == 0
    tapes = tmp_path / "tapes"
    tapes.mkdir()
    music.write_recording(tapes / "a.wav", music.melody(1, 60))
    out = tmp_path / "out"
    code, said, _ = earmark("identify", tmp_path / "library", tapes, "--report", out, "--also", "cue")
    assert code == 0
    assert said.splitlines() == [str(tapes / "a.wav"), "      0:00 –     0:30  piece-1", str(out / "report.html")]
    assert (out / "a.cue").exists()
    (tapes / "b.wav").write_bytes(b"no sound")
    code, said, err = earmark("identify", tmp_path / "library", tapes, "--report", out, "--json")
    assert code == 2
    assert "failed: " in err
    assert "b.wav" in err
    (told,) = json.loads(said)
    assert [one["piece"] for one in told["stretches"]] == ["piece-1"]


def test_an_empty_library_cannot_identify_anything(earmark: Command, music: Music, tmp_path: Path) -> None:
    tape = music.write_recording(tmp_path / "a.wav", music.melody(1, 20))
    code, _, err = earmark("identify", tmp_path / "library", tape, "--report", tmp_path / "out")
    assert code == 2
    assert "library" in err
    assert not (tmp_path / "out").exists()
