from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.support.among_scans import Turns, added_from
from earmark.results.alignment import Alignment, Mark


def test_the_pages_of_a_clip_are_those_that_the_alignment_is_on() -> None:
    points = tuple(Mark(float(i), 1 if i < 4 else 2, 1, 0.5, 0.0, 0.4 if i == 0 else 0.9) for i in range(8))
    turns = Turns(Alignment("a.wav", 8.0, "m", "p", "p.pdf", (), points))
    assert turns.pages_between(0.0, 3.5) == {1}
    assert turns.pages_between(3.0, 5.0) == {1, 2}
    assert (str(turns), turns.doubtful) == ("1, 2 from 4 s", 1 / 8)


def test_a_scan_is_known_by_any_way_to_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    scan: Any = SimpleNamespace(source="/scans/op-49")
    library: Any = SimpleNamespace(pieces=lambda: [SimpleNamespace(source="/scans/op-79"), scan])
    for way in ("/scans/op-49", "scans/op-49", "elsewhere/../scans/op-49"):
        assert added_from(library, Path(way)) is scan
    with pytest.raises(RuntimeError, match="is not in the library"):
        added_from(library, Path("op-49"))
