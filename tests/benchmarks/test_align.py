from __future__ import annotations

import numpy as np

from benchmarks.align import Onsets, judge
from earmark.results.alignment import Alignment, Mark, SystemBox


def test_an_alignment_is_judged_by_when_the_mark_passes_the_notes() -> None:
    systems = tuple(SystemBox(1, number, (0.1, 0.0, 0.9, 0.1)) for number in (1, 2))
    # Through the first system in 4 s, back to its start for 2 s more of it.
    x = [*np.linspace(0.1, 0.9, 41)[:-1], *np.linspace(0.1, 0.5, 21)]
    points = tuple(Mark(round(0.1 * i, 1), 1, 1, float(at), 0.0, 1.0) for i, at in enumerate(x))
    alignment = Alignment("a.wav", 6.0, "m", "p", "p.pdf", systems, points)
    onsets = Onsets(
        tick=np.zeros(4, np.int64),
        system=np.array([0, 0, 0, 1]),
        x=np.array([0.3, 0.3, 0.7, 0.3]),
        time_s=np.array([1.2, 5.0, 5.0, 1.0]),
    )
    errors_s, right = judge(alignment, onsets)
    np.testing.assert_allclose(errors_s, [-0.2, 0.0, -2.0, np.inf], atol=1e-6)
    assert right.tolist() == [True, True, True, False]
