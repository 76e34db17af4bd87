"""What is said of music that sounds in another key than it is printed in."""

from __future__ import annotations

from earmark.results.keys import remark


def test_the_instrument_is_named() -> None:
    assert remark(0) == []
    assert remark(2) == ["sounds 2 semitones lower than it is printed, as on an instrument in B flat"]
    assert remark(-1) == ["sounds 1 semitone higher than it is printed"]
