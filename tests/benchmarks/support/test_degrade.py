from __future__ import annotations

import numpy as np

from benchmarks.support.degrade import WAYS, degrade


def test_a_degraded_page_is_the_same_again_and_its_points_are_where_they_are_said_to_be() -> None:
    page = np.full((1170, 827), 255, np.uint8)
    dots = np.array([(200.0, 300.0), (600.0, 350.0), (420.0, 900.0)])
    for x, y in dots.astype(int):
        page[y - 12 : y + 12, x - 12 : x + 12] = 0
    for way in WAYS:
        worse, place = degrade(page, way, "a page")
        np.testing.assert_array_equal(worse, degrade(page, way, "a page")[0])
        height, width = worse.shape
        scale = min(height, width) / 827
        for x, y in place(dots):
            near = worse[round(y - 5 * scale) : round(y + 5 * scale), round(x - 5 * scale) : round(x + 5 * scale)]
            around = worse[round(y - 40 * scale) : round(y + 40 * scale), round(x - 40 * scale) : round(x + 40 * scale)]
            assert near.mean() < np.median(around) - 20, way
