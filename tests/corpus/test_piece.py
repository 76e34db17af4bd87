"""Staves become systems."""

from __future__ import annotations

import pytest

from earmark.corpus.engrave_lilypond import EngravedStaff
from earmark.corpus.piece import place_systems


def test_staves_are_grouped_to_systems_in_reading_order() -> None:
    def staff(rank: int, number: int, y: float, page: int = 0, x0: float = 0.1) -> EngravedStaff:
        return EngravedStaff(1, rank, number, page, (x0, y, 0.9, y + 0.04))

    staves = [staff(9, 2, 0.1, page=1), staff(0, 1, 0.1), staff(0, 2, 0.2), staff(0, 7, 0.101, x0=0.5)]
    staves.append(EngravedStaff(1, 0, 8, 0, (0.9, 0.3, 1.8, 0.34)))  # LilyPond put it beyond the paper
    placed = place_systems(staves, [(1000, 2000), (1000, 2000)])
    assert list(placed) == [(1, 0), (1, 9)]
    first = placed[1, 0]
    assert first.system.box == pytest.approx((100, 200, 900, 480))
    assert len(first.system.staves) == 2
    assert first.rows == {1: 0, 7: 0, 2: 1}
    assert first.system.staff_height_px == pytest.approx(80)
