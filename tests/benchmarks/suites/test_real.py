from __future__ import annotations

from benchmarks.suites.real import starts


def test_clips_lie_within_the_recording() -> None:
    assert starts(20.0, 10.0) == [0.0, 5.0, 10.0]
    assert starts(19.9, 10.0) == [0.0, 5.0]
    assert starts(19.9, 20.0) == []
