"""When positions of a score are passed, and how long each takes."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.search.tempo import passes

STEP_S = 0.1
POSITIONS = np.arange(0.0, 500.0, 100.0)


def test_a_steady_performance_takes_as_long_everywhere() -> None:
    times_s = 3.0 + np.arange(0.0, 8.05, STEP_S)
    first_s, lasts_s = passes(times_s, 50.0 * (times_s - 3.0), POSITIONS, 1.5 * STEP_S)
    assert first_s == pytest.approx([3.0, 5.0, 7.0, 9.0, 11.0])
    assert lasts_s[:-1] == pytest.approx([2.0] * 4)
    assert np.isnan(lasts_s[-1])


def test_the_first_time_counts_and_nothing_is_known_across_gaps() -> None:
    # 0 to 250 px, back to 0 and on to the end, twice as fast; then a gap in the middle of the last stretch.
    slow, fast = np.arange(0.0, 250.0, 5.0), np.arange(0.0, 401.0, 10.0)
    strip_px = np.concatenate([slow, fast])
    times_s = np.arange(len(strip_px), dtype=np.float64) * STEP_S
    kept = (strip_px < 320.0) | (strip_px > 370.0)
    first_s, lasts_s = passes(times_s[kept], strip_px[kept], POSITIONS, 1.5 * STEP_S)
    assert first_s[:3] == pytest.approx([0.0, 2.0, 4.0])
    assert lasts_s[:2] == pytest.approx([2.0, 2.0])  # as at first
    assert lasts_s[2] == pytest.approx(1.0)  # only the second time goes on
    assert np.isnan(lasts_s[3:]).all()
    assert first_s[4] == pytest.approx(times_s[-1])


def test_nothing_heard_is_nothing_passed() -> None:
    first_s, lasts_s = passes(np.zeros(0), np.zeros(0), POSITIONS, 0.15)
    assert np.isnan(first_s).all()
    assert np.isnan(lasts_s).all()
