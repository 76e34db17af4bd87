"""Pages and places of a clip are right when the score has them there."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.support.clips import Clip, Score
from benchmarks.support.pieces import Piece

PAGE_PX = (1000, 2000)  # width, height


def write_piece(folder: Path) -> None:
    """Two pages of one system each; four onsets a second apart, the first two on page 1, a tied note without any."""
    folder.mkdir(parents=True)
    width, height = PAGE_PX
    pages = [{"number": number, "width_px": width, "height_px": height} for number in (1, 2)]
    systems = [{"page": number, "box": [100, 200, 900, 300]} for number in (1, 2)]
    (folder / "piece.json").write_text(json.dumps({"pages": pages, "systems": systems}))
    onset_s = np.array([2.0, 0.0, np.nan, 1.0, 3.0])
    x_px = np.array([300.0, 200.0, 400.0, 700.0, 600.0])
    np.savez(folder / "noteheads.npz", onset_s=onset_s, system=np.array([1, 0, 0, 0, 1]), x_px=x_px)


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    """Seconds 0.5 to 2.5 of a piece."""
    write_piece(tmp_path / "piece")
    piece = Piece("piece", tmp_path / "piece", 2)
    return Clip(piece, Score(piece), tmp_path / "clip.wav", 0.5, 2.5)


def hit(clip: Clip, page: int, x: float, query_time_s: float) -> Any:
    box = (x - 0.05, 0.08, x + 0.05, 0.17)
    return SimpleNamespace(source=str(clip.piece.pdf), page=page, box=box, query_time_s=query_time_s)


def test_the_page_is_right_when_the_clip_plays_from_it(clip: Clip) -> None:
    assert clip.score.pages_between(0.5, 1.5) == {1}
    assert clip.score.pages_between(clip.start_s, clip.end_s) == {1, 2}
    assert clip.is_right_page(hit(clip, 2, 0.5, 0.0))
    assert not clip.is_right_page(hit(clip, 3, 0.5, 0.0))
    other = hit(clip, 2, 0.5, 0.0)
    other.source = "/another/score.pdf"
    assert not clip.is_right_page(other)


def test_the_place_is_right_when_it_shows_the_note_that_is_heard(clip: Clip) -> None:
    assert clip.is_right_place(hit(clip, 1, 0.7, 0.6))  # 1.1 s: the onset at 1 s, at 700 px of page 1
    assert not clip.is_right_place(hit(clip, 1, 0.2, 0.6))
    assert not clip.is_right_place(hit(clip, 2, 0.7, 0.6))
    assert clip.is_right_place(hit(clip, 2, 0.3, 1.4))  # 1.9 s: the onset at 2 s, at 300 px of page 2
