from __future__ import annotations

from pathlib import Path

from benchmarks.kinds import judge, tables
from benchmarks.support.made import Made
from earmark.library.add import Outcome
from earmark.store.store import Piece


def test_what_comes_of_a_file_of_a_kind_is_judged() -> None:
    def write(path: Path) -> None:
        path.touch()

    piece = Piece(1, "a", "a.pdf", "", "", 2, 6, 40)
    read, refused = Outcome("a.pdf", "added", piece), Outcome("a.pdf", "failed", reason="is empty; copy it again")
    scan, sound = Made("PDF", "a.pdf", write, pages=2, systems=6), Made("recordings", "a.wav", write, seconds=10)
    assert judge(scan, [read], 4) == judge(sound, [read], 4) == ""
    assert judge(sound, [read], 5) == "8.0 s are heard, not 10.0 s"
    assert judge(Made("PDF", "a.pdf", write, systems=5), [read], 4) == "6 systems, not 5"
    assert judge(scan, [], 4) == "nothing was said of it"
    assert judge(scan, [refused], 4) == "0 pieces, not 1: is empty; copy it again"
    empty = Made("empty", "a.pdf", write, pieces=0, says="is empty")
    assert judge(empty, [refused], 4) == ""
    assert judge(empty, [read], 4).startswith("1 pieces, not 0")
    assert judge(empty, [Outcome("a.pdf", "failed", reason="is empty")], 4).startswith("is refused without a remedy")
    count = {"tried": 2, "read": 1, "refused": 0, "wrong": 1, "verbs": {"find": [1, 2]}}
    told = tables({"kinds": {"PDF": count}, "wrong": [{"kind": "PDF", "name": "a.pdf", "what": "6 systems, not 5"}]})
    assert "| PDF | 2 | 1 | 0 | 1 | 1 of 2 |" in told["kinds"]
    assert "| PDF | `a.pdf` | 6 systems, not 5 |" in told["wrong"]
