"""Which pieces have the same music as one has where it is heard."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from earmark.schema import FloatArray
from earmark.search import path
from earmark.search.editions import have_same_music
from tests.fake_encoders import flat_background

DIMENSION = 32
HEARD = np.arange(80, 140)


def unit(vectors: npt.NDArray[np.floating]) -> FloatArray:
    lengths: FloatArray = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
    return vectors.astype(np.float32) / lengths


@pytest.mark.parametrize("most_cells", [path.MOST_CELLS, 1])
def test_editions_are_told_from_other_music_together_as_one_by_one(
    most_cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(path, "MOST_CELLS", most_cells)
    rng = np.random.default_rng(3)
    piece = unit(rng.normal(size=(300, DIMENSION)))
    wider = np.repeat(piece, 2, axis=0)
    degraded = unit(piece + 0.05 * rng.normal(size=piece.shape))
    unrelated = unit(rng.normal(size=(250, DIMENSION)))
    phrase = unrelated.copy()
    phrase[100:120] = piece[100:120]
    elsewhere = np.concatenate([unrelated, piece[:30]])
    others = [unrelated, wider, phrase, degraded, elsewhere, piece[20:210]]
    background = flat_background(0.6, DIMENSION)
    together = have_same_music(others, piece, HEARD, background)
    assert together == [False, True, False, True, False, True]
    assert together == [have_same_music([other], piece, HEARD, background)[0] for other in others]
    assert have_same_music([], piece, HEARD, background) == []
