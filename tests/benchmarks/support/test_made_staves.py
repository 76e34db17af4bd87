from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.support.made_staves import staves, unread_staves
from earmark.sheet.engrave import engraved


def test_scores_of_many_staves_are_of_so_many(tmp_path: Path) -> None:
    made = [*staves(np.random.default_rng(0)), *unread_staves()]
    assert [one.staves for one in made[:28]] == list(range(3, 31))
    assert {one.pieces for one in made[28:]} == {0, 1}
    one = next(one for one in made if one.name.endswith(".musicxml"))
    one.write(tmp_path / one.name)
    with engraved(tmp_path / one.name) as engraving:
        (page,) = engraving.read()
    assert [len(system.staves) for system in page.systems] == [one.staves]
