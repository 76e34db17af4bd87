"""The path through a piece is the best of all paths."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.search import path as path_module
from earmark.search.path import JUMP_COST, follow, trailing_maximum


def test_a_repeat_costs_one_jump_only() -> None:
    once = np.arange(10, 30)
    grid = np.zeros((40, 60), np.float32)
    grid[np.arange(40), np.concatenate([once, once])] = 0.8
    score, path = follow(grid.__getitem__, np.full(39, 5))
    assert score * 40 == pytest.approx(40 * 0.8 - JUMP_COST, abs=1e-4)
    np.testing.assert_array_equal(path, np.concatenate([once, once]))


@given(st.data())
def test_following_finds_the_best_of_all_paths(data: st.DataObject) -> None:
    excerpts, places = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    values = data.draw(st.lists(st.floats(0, 2, width=32), min_size=excerpts * places, max_size=excerpts * places))
    grid = np.array(values, np.float32).reshape(excerpts, places)
    reach = np.array(data.draw(st.lists(st.integers(0, 3), min_size=excerpts - 1, max_size=excerpts - 1)), int)

    def total(path: tuple[int, ...]) -> float:
        jumps = sum(not 0 <= b - a <= r for a, b, r in zip(path, path[1:], reach, strict=False))
        return float(sum(grid[t, place] for t, place in enumerate(path))) - JUMP_COST * jumps

    best = max(total(path) for path in np.ndindex(*[places] * excerpts))
    with patch.object(path_module, "BLOCK", data.draw(st.integers(1, 5))):
        score, path = follow(grid.__getitem__, reach)
    assert score * excerpts == pytest.approx(best, abs=1e-4)
    assert total(tuple(int(place) for place in path)) == pytest.approx(best, abs=1e-4)


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=30), st.integers(0, 40))
def test_thetrailing_maximum_is_the_maximum_of_each_window(values: list[float], reach: int) -> None:
    array = np.array(values, np.float32)
    expected = [array[max(0, i - reach) : i + 1].max() for i in range(len(array))]
    np.testing.assert_array_equal(trailing_maximum(array, reach), expected)
