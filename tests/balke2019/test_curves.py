"""The curves of the rows that have one are drawn, in their colours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="figures need the [figures] extra")

from earmark.balke2019.curves import read_curves, validation_curves, write_curves
from earmark.errors import BadInput


def test_rows_with_a_curve_are_drawn(tmp_path: Path) -> None:
    def step(pairs: int, mrr: float) -> dict[str, object]:
        return {"pairs": pairs, "validation": {"mrr": mrr}}

    for name, curve in (
        ("bl2-lc-at", [step(10_000, 0.1), step(20_000, 0.4)]),
        ("bl2-lc", [step(10_000, 0.2)]),
        ("bl2-sc", []),
        ("earmark-2", [step(10_000, 0.9)]),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps({"curve": curve} if curve else {}))
    curves = read_curves(tmp_path)
    assert list(curves) == ["bl2-lc", "bl2-lc-at"]
    drawn = {line.get_label(): line for line in validation_curves(curves).axes[0].lines}
    assert set(drawn) == {"BL2-LC", "BL2-LC + AT"}
    np.testing.assert_allclose(np.asarray(drawn["BL2-LC + AT"].get_xydata(), np.float64), [[0.01, 0.1], [0.02, 0.4]])
    assert drawn["BL2-LC"].get_color() == drawn["BL2-LC + AT"].get_color()
    assert drawn["BL2-LC"].get_linestyle() != drawn["BL2-LC + AT"].get_linestyle()
    assert [path.name for path in write_curves(tmp_path, tmp_path / "out")] == ["curves.png", "curves.svg"]


def test_results_without_curves_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has no curve of a row"):
        write_curves(tmp_path, tmp_path)
