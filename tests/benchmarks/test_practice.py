from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks import practice
from benchmarks.support.session import Score, Stretch


def test_who_practises_is_found_again_when_two_answers_are_near() -> None:
    ticks = np.arange(0, 4000, 500)
    score = Score(ticks, np.repeat([0, 1], 4), np.tile([0.2, 0.4, 0.6, 0.8], 2), [(1, 1), (1, 2)])
    played: Any = SimpleNamespace(performed_s=np.array([0.0, 7.0]), score_ticks=np.array([0.0, 3500.0]))
    stretch = Stretch("skips", 0, 10.0, 17.0, played)  # an onset a second
    assert (stretch.tick_at(12.0), stretch.ticks_per_s) == (1000.0, 500.0)
    assert [score.system_at(tick) for tick in (0, 1999, 2000)] == [0, 0, 1]

    def told(*places: tuple[float, int, float] | None) -> list[tuple[float, Any]]:
        return [
            (10.0 + i, place and SimpleNamespace(page=1, system=place[1], x=place[2])) for i, place in enumerate(places)
        ]

    found = practice.Found()
    places = [None, (1, 1, 0.4), (2, 2, 0.2), (3, 1, 0.8), (4, 2, 0.3), (5, 2, 0.4)]
    practice._judge(score, stretch, told(*places), found)
    assert (found.answers, found.placed, found.right) == (6, 5, 4)
    assert found.back == [("skips", 3.0)]
    assert found.off_s == pytest.approx([0.0, 0.0, -0.5, 0.0])
    practice._judge(score, stretch, told(None, (1, 1, 0.4), None), found)
    assert found.back[1] == ("skips", None)
    shown = practice.figures(found)
    assert shown["steps"][-1] == {"step": "**all jumps**", "times": 2, "found": 1, "median_s": None, "most_s": None}
