from __future__ import annotations

from types import SimpleNamespace

from benchmarks.suites.tapes import Part


def test_a_stretch_is_right_when_it_shares_more_than_half() -> None:
    part = Part(SimpleNamespace(), 10.0, 30.0)  # type: ignore[arg-type]
    assert part.is_heard((12.0, 32.0))
    assert not part.is_heard((20.0, 40.0))
    assert not part.is_heard((0.0, 60.0))
