"""Measures of an engraved page."""

from __future__ import annotations

from earmark.sheet.engraved_page import Measure, measure_at


def test_a_place_before_the_first_measure_belongs_to_it() -> None:
    measures = [Measure("3", 100.0, 200.0), Measure("4", 200.0, 300.0)]
    assert [measure_at(measures, x) for x in (50.0, 150.0, 200.0, 999.0)] == ["3", "3", "4", "4"]
    assert measure_at([], 10.0) is None
