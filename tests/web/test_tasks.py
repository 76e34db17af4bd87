"""What worker processes do for the page's pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from earmark.library.library import Library
from earmark.sandbox.sandbox import Sandbox
from earmark.schema import PageImage
from earmark.sources import reading
from earmark.web import tasks

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders


def test_a_page_is_decoded_once_for_all_its_widths(
    music: Music, encoders: FakeEncoders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (score,) = music.write_scores(tmp_path / "scores", 1, 48).iterdir()
    decoded: list[Any] = []

    def read_page(files: Sequence[str], number: int, sandbox: Sandbox) -> PageImage:
        decoded.append(files)
        return reading.read_page(files, number, sandbox)

    monkeypatch.setattr(tasks, "read_page", read_page)
    with Library.open(tmp_path / "library", encoders) as library:
        shown = [tasks.page(library, print, [str(score)], "score", 1, width).content for width in (240, 960, 2400)]
        assert [Image.open(io.BytesIO(picture)).width for picture in shown] == [240, 960, 2400]
        assert len(decoded) == 1
        score.touch()
        tasks.page(library, print, [str(score)], "score", 1, 240)
        assert len(decoded) == 2
