"""Long inputs are cut into stretches that hold whole windows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from earmark.embed import windows
from earmark.model.encoders import GRID


@given(length=st.integers(1, 700), block=st.integers(1, 300), window=st.integers(4, 60), hop=st.integers(1, 30))
def test_stretches_hold_whole_windows_and_every_centre_once(length: int, block: int, window: int, hop: int) -> None:
    columns = np.arange(length, dtype=np.float32)[:, None]
    read = []
    for stretch, first, centres in windows.windowed(
        (columns[i : i + block] for i in range(0, length, block)), window, hop
    ):
        assert first % GRID == 0
        for centre in centres:
            start, end = max(0, centre - window // 2), min(length, centre + window // 2)
            assert first <= start
            assert end <= first + len(stretch)
        np.testing.assert_array_equal(stretch[:, 0], first + np.arange(len(stretch)))
        read += list(centres)
    np.testing.assert_allclose(read, hop * (0.5 + np.arange(len(read))))
    assert len(read) == max(0, int(np.ceil(length / hop - 0.5)))
