"""``earmark pages`` prints and draws the systems of what it is given."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.sources.test_questions import zipped

if TYPE_CHECKING:
    from tests.conftest import Command

Run = Callable[..., tuple[int, str, str]]
WIDTH, HEIGHT = 800, 1000


@pytest.fixture
def pages(earmark: Command) -> Run:
    return partial(earmark, "pages")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A page with one system of two staves, and a title page."""
    page = np.full((HEIGHT, WIDTH), 255, np.uint8)
    for top in (100, 160):
        for line in range(5):
            page[top + 10 * line : top + 10 * line + 2, 80:720] = 0
    for x in (80, 400, 718):
        page[100:202, x : x + 2] = 0
    folder = tmp_path / "piece"
    folder.mkdir()
    Image.fromarray(np.full_like(page, 255)).save(folder / "page_1.png")
    Image.fromarray(page).save(folder / "page_2.png")
    return folder


def test_json_has_boxes_staves_and_bars_in_fractions(pages: Run, folder: Path) -> None:
    code, out, _ = pages(folder, "--json")
    assert code == 0
    title, page = json.loads(out)["pages"]
    assert (title["page"], title["systems"]) == (1, [])
    assert (page["piece"], page["page"], page["width_px"], page["height_px"]) == ("piece", 2, WIDTH, HEIGHT)
    (system,) = page["systems"]
    expected = [(0.1, 0.101, 0.9, 0.141), (0.1, 0.161, 0.9, 0.201)]
    np.testing.assert_allclose(system["staves"], expected, atol=0.004)
    np.testing.assert_allclose([bar[0] for bar in system["bars"]], [0.101, 0.501, 0.899], atol=0.004)
    np.testing.assert_allclose([bar[1::2] for bar in system["bars"]], [(0.101, 0.201)] * 3, atol=0.004)
    x0, y0, x1, y1 = system["box"]
    assert x0 < 0.1
    assert y0 < 0.1
    assert x1 > 0.895
    assert 0.2 < y1 < 0.25


def test_one_line_a_page(pages: Run, folder: Path) -> None:
    assert pages(folder)[1].splitlines() == [
        "piece, page 1: 0 systems, 0 staves, 0 bar lines",
        "piece, page 2: 1 systems, 2 staves, 3 bar lines",
    ]


def test_every_page_is_drawn(pages: Run, folder: Path, tmp_path: Path) -> None:
    code, _, _ = pages(folder, "--draw", tmp_path / "seen")
    assert code == 0
    title, page = (Image.open(tmp_path / "seen" / f"piece-00{number}.png") for number in (1, 2))
    assert page.size == (WIDTH, HEIGHT)
    assert colours(title) == {(255, 255, 255)}
    assert len(colours(page)) > 3


def colours(image: Image.Image) -> set[Any]:
    return {colour for _, colour in image.convert("RGB").getcolors(1 << 20) or ()}


def test_bad_input_is_one_line_and_exit_code_2(pages: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.pdf").touch()
    for name, said in (("empty.pdf", "is empty"), ("nothing.pdf", "check the name"), ("", "holds no sheet music")):
        where = tmp_path / "none" if not name else tmp_path / name
        if not name:
            where.mkdir()
        code, out, err = pages(where)
        assert (code, out) == (2, "")
        assert said in err
        assert len(err.splitlines()) == 1


def test_an_archive_is_the_folder_of_what_it_holds(pages: Run, folder: Path, tmp_path: Path) -> None:
    _, unpacked, _ = pages(folder, "--json")
    archive = zipped(tmp_path / "piece.zip", folder)
    code, out, _ = pages(archive, "--json")
    assert code == 0
    assert json.loads(out)["pages"] == [page | {"source": str(archive)} for page in json.loads(unpacked)["pages"]]


def test_a_damaged_file_of_an_archive_does_not_end_the_rest(pages: Run, folder: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.mkdir()
    folder.rename(held / "b")
    (held / "bad.pdf").write_bytes(b"%PDF-1.4 cut")
    archive = zipped(tmp_path / "a.zip", held)
    code, out, errors = pages(archive)
    assert code == 2
    assert "b, page 2: 1 systems, 2 staves" in out
    assert errors.startswith(f"earmark: {archive}/bad.pdf: is a damaged PDF")
