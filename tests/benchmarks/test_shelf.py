"""How the bench of long tapes judges an answer, and how it makes a tape."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("scipy")

from benchmarks.shelf import CALLED, HEARD, measure, tables
from benchmarks.support.clips import RATE_HZ
from benchmarks.support.hours import Part, Takes, in_room, make
from benchmarks.support.pieces import Piece
from earmark.schema import FloatArray

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


def test_a_tape_that_is_too_slow_is_lower_and_longer(tmp_path: Path) -> None:
    class Tones(Takes):
        def take(self, piece: Piece, number: int) -> tuple[FloatArray, npt.NDArray[np.float64]]:
            tone = np.sin(2 * np.pi * 220 * np.arange(2 * RATE_HZ) / RATE_HZ)
            return tone.astype(np.float32), np.array([[0.0, 2.0], [0.0, 2.0]])

    takes = Tones(tmp_path)
    asked = [make(tmp_path / f"{lower}.wav", [FUGE, MINUET], [WALTZ], takes, 0.2, 1, lower) for lower in (0.0, 12.0)]
    for at_speed, slow in zip(*asked, strict=True):
        assert (slow.what, slow.start_s, slow.end_s) == (at_speed.what, 2 * at_speed.start_s, 2 * at_speed.end_s)
    with wave.open(str(tmp_path / "12.0.wav")) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(asked[1][-1].end_s, abs=0.01)
