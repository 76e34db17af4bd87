"""Results in, the paper's tables out: the right number in the right cell, and what is not there said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from earmark.balke2019.published import MRR_BY_TEMPO, REFINED, TEMPI, UNREFINED
from earmark.balke2019.tables import read_results, write_tables
from earmark.errors import BadInput


def write_result(folder: Path, name: str, mrr_at: dict[float, float]) -> None:
    def found(mrr: float) -> dict[str, float]:
        return {"recall@1": 100 * mrr - 5, "recall@5": 70.0, "recall@25": 90.0, "mrr": mrr, "median_rank": 2.0}

    training = {"pairs": 300_000, "minutes": 61.2, "refined_pairs": 25_000, "hardware": "2 cores", "seed": 1}
    tempi = {
        f"{tempo:g}": {"audio_to_sheet": found(mrr), "sheet_to_audio": found(mrr) | {"mrr": mrr + 0.01}}
        for tempo, mrr in mrr_at.items()
    }
    result = {"model": f"{name}-0123456789ab", "training": {**training, "revision": "abc"}, "tempi": tempi}
    (folder / f"{name}.json").write_text(json.dumps(result))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    results = tmp_path / "results"
    results.mkdir()
    write_result(results, "bl2-lc-at", dict(zip(TEMPI, (0.51, 0.52, 0.53, 0.54, 0.55), strict=True)))
    write_result(results, "bl2-lc-at-unrefined", {1.0: 0.31})
    write_result(results, "first-light", {1.0: 0.88})
    assert [path.name for path in write_tables(results, tmp_path / "out")] == ["tables.md", "tables.json"]
    return tmp_path / "out"


def cells(folder: Path, **wanted: Any) -> list[dict[str, Any]]:
    every: list[dict[str, Any]] = json.loads((folder / "tables.json").read_text())["cells"]
    return [cell for cell in every if all(cell[key] == value for key, value in wanted.items())]


def test_every_cell_has_the_published_number_beside_ours(written: Path) -> None:
    (cell,) = cells(written, table="2b", row="bl2-lc-at", metric="recall@1", direction="audio_to_sheet")
    assert (cell["published"], cell["ours"]) == (66.71, pytest.approx(48))
    (cell,) = cells(written, table="2a", row="bl2-lc-at", metric="mrr", direction="audio_to_sheet")
    assert (cell["published"], cell["ours"]) == (0.63, 0.31)
    by_tempo = cells(written, table="3", row="bl2-lc-at", direction="audio_to_sheet")
    assert [cell["tempo"] for cell in by_tempo] == list(TEMPI)
    assert [cell["published"] for cell in by_tempo] == [0.64, 0.69, 0.75, 0.73, 0.64]
    assert [cell["ours"] for cell in by_tempo] == [0.51, 0.52, 0.53, 0.54, 0.55]
    (cell,) = cells(written, table="2b", row="bl2-lc-at", metric="mrr", direction="sheet_to_audio")
    assert (cell["published"], cell["ours"]) == (None, pytest.approx(0.54))


def test_no_row_is_left_out(written: Path) -> None:
    for table in ("2a", "2b", "3"):
        rows = {cell["row"] for cell in cells(written, table=table)}
        assert rows >= set(REFINED)
    assert all(cell["ours"] is None for cell in cells(written, row="bl2-mc"))
    text = (written / "tables.md").read_text()
    assert "| BL2-MC | 47.08 / not trained |" in text
    assert (
        "| BL2-LC + AT | 66.71 / **48.00** | 84.43 / **70.00** | 91.19 / **90.00** | 0.75 / **0.53** | 1 / **2** |"
        in text
    )
    assert "| first-light | – / **83.00** |" in text
    assert "| first-light | – / not measured | – / not measured | – / **0.88** |" in text
    assert "| BL2-LC + AT | 300 000 | 61 | 2 cores | 1 | abc | 25 000 pairs |" in text


def test_the_published_tables_are_consistent() -> None:
    """Table 3's middle column is Table 2b's MRR; refinement never made a row worse."""
    for row, printed in REFINED.items():
        assert MRR_BY_TEMPO[row][TEMPI.index(1.0)] == printed.mrr
        assert printed.recall_at_1 > UNREFINED[row].recall_at_1
        assert printed.recall_at_1 < printed.recall_at_5 < printed.recall_at_25


def test_files_that_are_no_results_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no results"):
        read_results(tmp_path)
    (tmp_path / "other.json").write_text('{"model": "a-1", "tempo": 1}')
    with pytest.raises(BadInput, match=r"other\.json: is no result"):
        read_results(tmp_path)
