"""``earmark links``: a table, JSON, and what is said when there is nothing to say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Command, Music


def test_what_belongs_together_is_listed(earmark: Command, music: Music, tmp_path: Path) -> None:
    scores = music.write_scores(tmp_path / "scores", 2, 60)
    assert earmark("add", tmp_path / "library", scores)[0] == 0
    assert earmark("links", tmp_path / "library")[:2] == (0, "No two pieces belong together.\n")
    take = music.write_recording(tmp_path / "take.wav", music.melody(1, 60))
    assert earmark("add", tmp_path / "library", take)[0] == 0
    code, said, _ = earmark("links", tmp_path / "library")
    assert code == 0
    assert [" ".join(line.split()) for line in said.splitlines()] == [
        "piece piece heard confidence",
        "take is a recording of piece-1 0:00 – 0:30 1.00",
    ]
    told = json.loads(earmark("links", tmp_path / "library", "--json")[1])
    assert told["works"] == [{"scores": ["piece-1"], "recordings": ["take"], "parts": []}]
    assert told["links"][0]["relation"] == "recording"
    code, _, err = earmark("links", tmp_path / "nothing")
    assert (code, "holds no library" in err) == (2, True)
