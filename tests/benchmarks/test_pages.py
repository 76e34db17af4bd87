from __future__ import annotations

from benchmarks.pages import Result, match, overlap


def test_every_true_system_is_matched_once() -> None:
    true = [(0.0, 0.0, 100.0, 20.0), (0.0, 40.0, 100.0, 60.0)]
    assert overlap(true[0], true[0]) == 1
    assert overlap(true[0], true[1]) == 0
    assert overlap(true[0], (0.0, 0.0, 50.0, 20.0)) == 0.5
    found = [true[1], true[0], (0.0, 1.0, 100.0, 20.0)]
    matched = match(found, true)
    assert sorted(matched) == [(0, 1), (1, 0)]
    result = Result("page", 2, 3, matched, 0.1)
    assert (result.is_right, result.in_order, result.wrong) == (False, False, 1)
