"""Attention and entropy by hand; the figures of a made-up corpus are drawn and can be opened."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

pytest.importorskip("sklearn", reason="figures need the [figures] extra")

from earmark.balke2019 import figures
from earmark.balke2019.attention import entropies, entropy, excerpts, onsets_within, typical_onset
from earmark.balke2019.figures import entropy_and_onsets, write_figures
from earmark.errors import BadInput
from earmark.model.calibration import Calibration
from earmark.schema import AudioSpec, FloatArray, SheetSpec
from earmark.training.data.dataset import TrainingPiece, read_pieces

POSITIONS = 41


class Attentive:
    """Attention as wide as there are few sounds in the window; embeddings of the window's bands."""

    model_id = "attentive-1"
    dimension = 8
    attention_reach_frames = 40.0
    training: dict[str, object] = {}  # noqa: RUF012
    calibration = Calibration(0.5, 0, 1, 1, 1, 0, 0, 0.5)
    even = False

    def embed_audio(self, spectrogram: FloatArray, centres: npt.NDArray[np.float64]) -> tuple[FloatArray, FloatArray]:
        padded = np.pad(spectrogram, ((60, 60), (0, 0)))
        windows = np.stack([padded[60 + c - 40 : 60 + c + 41] for c in np.rint(centres).astype(int)])
        rises = (np.diff(windows.sum(axis=2), axis=1) > 0.2).sum(axis=1)
        offset = np.linspace(-1, 1, POSITIONS)
        weights = np.exp(-(offset**2) * (0.1 + rises[:, None]) * (not self.even))
        embeddings = windows[:, 40, :64].reshape(-1, 8, 8).sum(axis=2) + 1e-3
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        return embeddings.astype(np.float32), (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)

    def embed_strip(self, strip: FloatArray, centres: npt.NDArray[np.float64]) -> tuple[FloatArray, FloatArray]:
        columns = strip[:, np.clip(np.rint(centres).astype(int), 0, strip.shape[1] - 1)].T
        embeddings = columns.reshape(-1, 8, 10).sum(axis=2) + 1e-3
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        return embeddings.astype(np.float32), np.full((len(centres), 5), 0.2, np.float32)


@pytest.fixture
def piece(corpus: Path) -> TrainingPiece:
    return read_pieces(corpus, ["piece4"], ["one@1"], AudioSpec(), SheetSpec())[0]


def test_entropy_by_hand() -> None:
    weights = np.array([[1, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0]], np.float32)
    np.testing.assert_allclose(entropy(weights), [0, np.log(4), np.log(2)], atol=1e-12)


def test_onsets_are_counted_in_the_window_at_the_tempo(piece: TrainingPiece) -> None:
    """An onset every 0.4 s: two seconds to both sides hold five each and the one in the middle."""
    at = np.array([0, 30])
    assert onsets_within(piece.onsets.time_s, at, 2.05).tolist() == [6, 11]
    assert onsets_within(piece.onsets.time_s / 2, at, 2.05).tolist() == [11, 21]


def test_an_excerpt_is_the_window_the_snippet_and_their_attention(piece: TrainingPiece) -> None:
    (excerpt,) = excerpts(Attentive(), piece, "one@1", [30])
    frame = round(piece.onsets.time_s[30] * 20)
    np.testing.assert_array_equal(excerpt.spectrogram, piece.audio["one@1"][frame - 40 : frame + 40].astype(np.float32))
    assert excerpt.snippet.shape == (80, 100)
    assert excerpt.onsets == 10  # from two seconds before, included, to two seconds after, not included
    assert (excerpt.offset_s[0], excerpt.offset_s[-1]) == (-2, 2)
    assert excerpt.attention.sum() == pytest.approx(1)


def test_the_typical_onset_is_as_dense_as_most(piece: TrainingPiece) -> None:
    usable = np.ones(len(piece.onsets), bool)
    assert onsets_within(piece.onsets.time_s, np.array([typical_onset(piece, usable, 2.05)]), 2.05) == 11
    with pytest.raises(BadInput, match="shorter than the window"):
        typical_onset(piece, ~usable, 2.05)


def test_figure_4_correlates_entropy_with_onsets(piece: TrainingPiece) -> None:
    counts, found = entropies(Attentive(), [piece], "one@1", 30)
    assert len(counts) == len(found) == 30
    onsets = np.repeat(np.arange(10), 30)
    figure, correlation = entropy_and_onsets(onsets, 3.0 - onsets / 10, 3.7)
    assert correlation == pytest.approx(-1)
    assert "300 test excerpts, rank correlation -1.00" in figure.axes[0].get_title()
    even = Attentive()
    even.even = True
    with pytest.raises(BadInput, match="has no attention"):
        entropies(even, [piece], "one@1", 30)


def test_the_figures_of_a_corpus_are_drawn(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("piece4", "piece5"):
        path = corpus / "pieces" / name / "piece.json"
        about = json.loads(path.read_text())
        path.write_text(json.dumps({**about, "title": f"The {name}", "composer": "Nobody"}))
    monkeypatch.setattr(figures, "RENDERING", "one@1")
    monkeypatch.setattr(figures, "TEMPO_CHANGES", ("piece4", (5.0, 7.0, 10.0)))
    monkeypatch.setattr(figures, "EXAMPLES", ("piece4", "piece5"))
    paths, correlation = write_figures(Attentive(), corpus, tmp_path / "out", ["piece4"])
    names = ("figure-1b-map", "figure-2-tempo-changes", "figure-3-examples", "figure-4-entropy")
    assert [path.name for path in paths] == [f"{name}.{kind}" for name in names for kind in ("png", "svg")]
    assert -1 <= correlation <= 1
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert np.asarray(image.convert("L")).std() > 5, path
        else:
            assert "<svg" in path.read_text()[:2000]
