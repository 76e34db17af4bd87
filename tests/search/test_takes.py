"""One take or two: by whether what is heard in both keeps time."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.search.takes import are_one_take

TIMES_S = np.arange(0.0, 60.0, 0.5)


@pytest.mark.parametrize(
    ("others_s", "is_one"),
    [
        (TIMES_S + 12.0, True),
        (1.03 * TIMES_S, True),
        (TIMES_S + np.where(np.arange(120) % 15 == 0, 20.0, 0.2), True),
        (1.3 * TIMES_S, False),
        (TIMES_S + 2.0 * np.sin(TIMES_S / 8), False),
        (np.full(120, 3.0), False),
    ],
    ids=["cut", "faster", "a few moments are wrong", "much slower", "another's rubato", "one chord"],
)
def test_a_copy_keeps_time(others_s: np.typing.NDArray[np.float64], is_one: bool) -> None:
    assert are_one_take(TIMES_S, others_s) is is_one


def test_a_few_seconds_tell_nothing() -> None:
    assert not are_one_take(TIMES_S[:20], TIMES_S[:20])
    assert not are_one_take(TIMES_S[:1], TIMES_S[:1])
