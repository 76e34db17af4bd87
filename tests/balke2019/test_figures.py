"""The figures of a made-up corpus are drawn and can be opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("sklearn", reason="figures need the [figures] extra")

from earmark.balke2019 import figures
from earmark.balke2019.attention import entropies
from earmark.balke2019.figures import entropy_and_onsets, write_figures
from earmark.errors import BadInput
from earmark.training.data.dataset import TrainingPiece

if TYPE_CHECKING:
    from tests.balke2019.conftest import Attentive


def test_figure_4_correlates_entropy_with_onsets(piece: TrainingPiece, attentive: Attentive) -> None:
    counts, found = entropies(attentive, [piece], "one@1", 30)
    assert len(counts) == len(found) == 30
    onsets = np.repeat(np.arange(10), 30)
    figure, correlation = entropy_and_onsets(onsets, 3.0 - onsets / 10, 3.7)
    assert correlation == pytest.approx(-1)
    assert "300 test excerpts, rank correlation -1.00" in figure.axes[0].get_title()
    attentive.even = True
    with pytest.raises(BadInput, match="has no attention"):
        entropies(attentive, [piece], "one@1", 30)


def test_the_figures_of_a_corpus_are_drawn(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attentive: Attentive
) -> None:
    for name in ("piece4", "piece5"):
        path = corpus / "pieces" / name / "piece.json"
        about = json.loads(path.read_text())
        path.write_text(json.dumps({**about, "title": f"The {name}", "composer": "Nobody"}))
    monkeypatch.setattr(figures, "RENDERING", "one@1")
    monkeypatch.setattr(figures, "TEMPO_CHANGES", ("piece4", (5.0, 7.0, 10.0)))
    monkeypatch.setattr(figures, "EXAMPLES", ("piece4", "piece5"))
    paths, correlation = write_figures(attentive, corpus, tmp_path / "out", ["piece4"])
    names = ("figure-1b-map", "figure-2-tempo-changes", "figure-3-examples", "figure-4-entropy")
    assert [path.name for path in paths] == [f"{name}.{kind}" for name in names for kind in ("png", "svg")]
    assert -1 <= correlation <= 1
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert np.asarray(image.convert("L")).std() > 5, path
        else:
            assert "<svg" in path.read_text()[:2000]
