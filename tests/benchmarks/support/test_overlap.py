from __future__ import annotations

from benchmarks.support.overlap import is_same, shared_s


def test_stretches_are_the_same_when_they_share_more_than_half() -> None:
    assert is_same((10.0, 30.0), (12.0, 32.0))
    assert not is_same((10.0, 30.0), (20.0, 40.0))
    assert not is_same((10.0, 30.0), (0.0, 60.0))
    assert shared_s((10.0, 30.0), (20.0, 40.0)) == 10.0
    assert shared_s((10.0, 30.0), (31.0, 40.0)) == 0.0
