"""Performances of a piece, side by side: of the library and of files; the picture and tables of them."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from earmark.errors import BadInput
from earmark.exports.charts import curve, picture, table, write
from earmark.library.library import Library
from earmark.results.comparison import Comparison, Performance, ScorePosition

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders


def test_performances_of_a_library_and_of_files_are_compared(
    encoders: FakeEncoders, music: Music, tmp_path: Path
) -> None:
    pages = replace(encoders.calibration.pages, intercept=0.0)  # made-up encoders hear what is fast less clearly
    encoders.calibration = replace(encoders.calibration, pages=pages)
    scores = music.write_scores(tmp_path / "scores", 2, 72)
    takes = [music.write_recording(tmp_path / f"take-{tempo}.wav", music.melody(1, 72), tempo) for tempo in (1.0, 1.25)]
    with Library.open(tmp_path / "library", encoders) as library:
        library.add([scores, *takes])
        with pytest.raises(BadInput, match=r"no recording that is known to be of 'piece-1'; .* earmark links"):
            library.compare("piece-1")
        with pytest.raises(BadInput, match="is a recording"):
            library.compare("take-1.0")
        library.links()
        known = library.compare("piece-1")
        given = library.compare("piece-1", takes)
    assert [one.recording for one in known.performances] == ["take-1.0", "take-1.25"]
    assert [one.recording for one in given.performances] == list(map(str, takes))
    assert known.unit == "strip px per second"
    for one in (known, given):
        slow, fast = (np.array(row, np.float64) for row in one.relative())
        assert np.nanmedian(fast / slow) == pytest.approx(1.25, abs=0.1)
        assert np.isfinite(slow).mean() > 0.7
        times_s = [time_s for time_s in one.performances[0].times_s if time_s is not None]
        assert times_s == sorted(times_s)


AT = tuple(ScorePosition(1 + i // 2, 1, 0.1, 80.0 * i, str(7 + i)) for i in range(4))
SLOW = Performance("a/slow <1>.wav", "/a", (0.0, 2.0, 4.0, None), (30.0, 30.0, None, None))
FAST = Performance("fast", "/b", (5.0, 6.5, 8.0, 9.0), (40.0, 40.0, 60.0, None))
COMPARISON = Comparison("A & B", "/s", "m", "measures per minute", AT, (SLOW, FAST))


def test_tempi_are_told_against_their_mean() -> None:
    slow, fast = COMPARISON.relative()
    assert slow == [pytest.approx(6 / 7), pytest.approx(6 / 7), None, None]
    assert fast == [pytest.approx(8 / 7), pytest.approx(8 / 7), None, None]
    assert replace(COMPARISON, performances=(FAST,)).relative() == [[None] * 4]


def test_tables_have_a_line_for_each_position_and_each_moment() -> None:
    header, first, *_, last = csv.reader(table(COMPARISON).splitlines())
    assert header[:6] == [
        "page",
        "system",
        "measure",
        "strip_px",
        "slow <1>.wav time_s",
        "slow <1>.wav measures per minute",
    ]
    assert first == ["1", "1", "7", "0.0", "0.0", "30.0", "5.0", "40.0"]
    assert last == ["2", "1", "10", "240.0", "", "", "9.0", ""]
    assert curve(SLOW) == "0.000,30.00\n2.000,30.00\n"


def test_the_picture_has_a_line_for_each_performance(tmp_path: Path) -> None:
    root = ET.fromstring(picture(COMPARISON))
    texts = [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"A & B", "slow <1>.wav", "fast", "measure", "7", "10"} <= set(texts)
    lines = [path.get("d", "") for path in root.iter("{http://www.w3.org/2000/svg}path") if path.get("fill") == "none"]
    assert [line.count("L") for line in lines] == [1, 2, 1, 1]
    written = write(replace(COMPARISON, performances=(SLOW, SLOW)), tmp_path / "out")
    assert [path.name for path in written] == ["tempo.svg", "tempo.csv", "slow _1_.tempo.csv", "slow _1_-2.tempo.csv"]
    assert all(path.exists() for path in written)
