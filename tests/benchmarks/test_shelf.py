"""How the bench of long tapes judges an answer, and how it makes a tape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy")

from benchmarks.shelf import CALLED, HEARD, measure, tables
from benchmarks.support.hours import Part, in_room
from benchmarks.support.pieces import Piece

FUGE, MINUET, WALTZ = (Piece(name, Path(f"/{name}"), 1) for name in ("fuge", "minuet", "waltz"))


def told(what: str, start_s: float, end_s: float, piece: Piece | None = None) -> dict[str, Any]:
    place = {"page": 1}
    source = str(piece.pdf) if piece else ""
    return {"what": what, "start_s": start_s, "end_s": end_s, "source": source, "sure": True} | {
        "begins": place,
        "ends": place,
    }


def test_stretches_are_held_against_what_is_on_the_tape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Part, "pages_around", lambda part, time_s, within_s: {1} if time_s < 50 else {2})
    parts = [
        Part("piece", 0.0, 60.0, FUGE),
        Part("applause", 60.0, 70.0),
        Part("piece", 70.0, 100.0, WALTZ),  # not in the library
        Part("talking", 100.0, 110.0),
        Part("piece", 110.0, 140.0, MINUET),
    ]
    answer = [
        told("piece", 1.0, 63.0, FUGE),
        told("applause", 63.0, 70.0),
        told("piece", 70.0, 110.0, FUGE),
        told("unknown", 110.0, 140.0),
    ]
    measured = measure(parts, answer, {str(one.pdf): one for one in (FUGE, MINUET)})
    assert (measured["pieces"], measured["absent"], measured["found"], measured["in_one"]) == (2, 1, 1, 1)
    assert (measured["named"], measured["wrong"], measured["surely_wrong"]) == (2, 1, 1)
    assert (measured["off_s"], measured["pages_right"]) == ([1.0, 3.0], 1)
    called = dict(zip(HEARD, measured["called_s"], strict=True))
    assert called["applause"] == [0.0, 3.0, 0.0, 0.0, 7.0, 0.0]
    assert called["another piece"][CALLED.index("a piece that is not")] == 30.0
    made = tables({"tapes": [measured | {"cpu_s": 1.0, "peak_mb": 2.0}]})
    assert "| both | 2.0 s | 2.8 s | 50.0% | +2.0 s |" in made["boundaries"]


def test_what_comes_from_the_stage_rings_on_in_what_follows() -> None:
    response = np.array([1.0, 0.0, 0.5], np.float32)
    sounds = [(np.ones(4, np.float32), True), (np.zeros(3, np.float32), False)]
    first, second, last = in_room(sounds, response)
    np.testing.assert_allclose(first, [1.0, 1.0, 1.5, 1.5], atol=1e-6)
    np.testing.assert_allclose(second, [0.5, 0.5, 0.0], atol=1e-6)
    assert len(last) == 0
