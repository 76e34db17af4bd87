"""The shipped weights: their size, that they still say what they said, that they find pieces they never saw."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from earmark.library.library import DEFAULT_MODEL, Library
from earmark.model.encoders import WEIGHTS, Model, available, load
from tests.ink import one_system

DEMO = Path(__file__).parents[2] / "demo"
MOST_BYTES = 12_000_000
ROWS = Path(__file__).parents[2] / "experiments" / "balke2019" / "weights"


@pytest.fixture(scope="module")
def shipped() -> Model:
    return load(DEFAULT_MODEL)


def test_our_own_model_ships_alone() -> None:
    assert available() == [DEFAULT_MODEL]


@pytest.mark.parametrize(
    "folder", [*(WEIGHTS / name for name in available()), *sorted(ROWS.iterdir())], ids=lambda folder: folder.name
)
def test_a_model_is_small_has_a_card_and_knows_how_sure_it_may_be(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.glob("*.onnx")) < MOST_BYTES
    assert "Limits" in (folder / "CARD.md").read_text()
    model = load(folder)
    anything = np.eye(model.dimension, dtype=np.float32)
    assert all(0 < levels.levels(anything).mean() < 1 for levels in model.calibration.backgrounds.values())
    assert 0.5 <= model.calibration.pages.sure < 1


def test_a_scale_still_sounds_and_looks_as_it_did(shipped: Model) -> None:
    frame, band = np.arange(400)[:, None], np.arange(92)[None, :]
    spectrogram = (0.5 * ((frame // 8 * 7 + 3) % 92 == band)).astype(np.float32)
    strip = np.zeros((1, 80, 400), np.float32)
    for i in range(40):
        strip[0, 20 + (i * 7) % 40 : 23 + (i * 7) % 40, i * 10 : i * 10 + 4] = 1
    centres = np.array([150.0, 200.0])
    audio, attention = shipped.embed_audio(spectrogram, centres)
    sheet, _ = shipped.embed_strip(one_system(strip), centres)
    assert audio.shape == sheet.shape == (2, 64)
    np.testing.assert_allclose(attention.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(
        audio[:, :5], [[0.027, 0.023, 0.415, -0.030, 0.035], [0.093, -0.023, 0.546, 0.017, -0.047]], atol=2e-3
    )
    np.testing.assert_allclose(
        sheet[:, :5], [[-0.022, -0.022, 0.113, 0.084, -0.032], [-0.021, -0.025, 0.113, 0.085, -0.010]], atol=2e-3
    )


def test_a_row_of_the_paper_can_be_searched_with(tmp_path: Path) -> None:
    scores = [DEMO / "scores" / f"{name}.pdf" for name in ("korobeiniki", "mozart-ah-vous")]
    with Library.open(tmp_path / "library", load(ROWS / "bl2-sc")) as library:
        assert [outcome.status for outcome in library.add(scores)] == ["added"] * 2
        found = library.find(DEMO / "recordings" / "mozart-ah-vous.ogg")
    assert found.hits[0].piece == "mozart-ah-vous"


def test_a_recording_finds_its_page_among_others(tmp_path: Path, shipped: Model) -> None:
    scores = [DEMO / "scores" / f"{name}.pdf" for name in ("korobeiniki", "petzold-menuet", "mozart-ah-vous")]
    with Library.open(tmp_path / "library", shipped) as library:
        assert [outcome.status for outcome in library.add(scores)] == ["added"] * 3
        found = library.find(DEMO / "recordings" / "mozart-ah-vous.ogg")
        absent = library.find(DEMO / "recordings" / "beethoven-fuer-elise.ogg")
    assert found.confident
    assert (found.hits[0].piece, found.hits[0].page, found.hits[0].system) == ("mozart-ah-vous", 1, 3)
    assert not absent.confident


EMBED = """
import numpy as np
from earmark.model.encoders import load
print(load("earmark-2").embed_audio(np.zeros((300, 92), np.float32), np.array([150.0]))[0].shape)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there it keeps no files")
def test_what_runs_the_encoders_keeps_nothing_to_report(tmp_path: Path) -> None:
    """ONNX Runtime would write a device's number and what to send into the user's folder."""
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", EMBED], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout == "(1, 64)\n"
    assert list(tmp_path.rglob("*")) == []
