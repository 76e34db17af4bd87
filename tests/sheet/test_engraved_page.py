"""Measures of an engraved page, and what a score file's author may not put on it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from earmark.sheet.engrave import engraved
from earmark.sheet.engraved_page import Measure, measure_at
from earmark.sheet.read import read_sheets

MEI = """<?xml version="1.0" encoding="UTF-8"?>
<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><meiHead><fileDesc><titleStmt><title>T</title>
</titleStmt><pubStmt/></fileDesc></meiHead><music><body><mdiv><score><scoreDef><pgHead>{picture}</pgHead><staffGrp>
<staffDef n="1" lines="5" clef.shape="G" clef.line="2"/></staffGrp></scoreDef><section><measure n="1"><staff n="1">
<layer n="1"><note dur="1" oct="4" pname="c"/></layer></staff></measure></section></score></mdiv></body></music>
</mei>"""
DRAWING = '<fig><svg xmlns="http://www.w3.org/2000/svg" width="300" height="300">{}</svg></fig>'


SQUARE_PX = 55_000
"""A black square of that size is as many px on the page; without it other things only move."""


def ink(path: Path) -> int:
    """Dark px on the one page of a file."""
    (page,) = read_sheets(path)
    return int((page.image < 128).sum())


def test_a_place_before_the_first_measure_belongs_to_it() -> None:
    measures = [Measure("3", 100.0, 200.0), Measure("4", 200.0, 300.0)]
    found = [measure_at(measures, x) for x in (50.0, 150.0, 200.0, 999.0)]
    assert [measure and measure.number for measure in found] == ["3", "3", "4", "4"]
    assert measure_at([], 10.0) is None


def test_beats_go_on_between_notes_and_never_reach_those_of_the_next_measure() -> None:
    measure = Measure("3", 100.0, 200.0, ((120.0, 1.0), (160.0, 2.0), (220.0, 3.0)))
    assert [measure.beat_at(x) for x in (100.0, 120.0, 130.0, 190.0, 999.0)] == [1.0, 1.0, 1.25, 2.5, 2.99]
    assert Measure("3", 100.0, 200.0).beat_at(150.0) is None


@pytest.mark.parametrize("attribute", ["href", "xlink:href"])
def test_a_picture_of_this_machine_is_not_drawn_into_a_page(attribute: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    PIL.Image.fromarray(np.zeros((300, 300), np.uint8)).save(secret)
    drawn = f'<image xmlns:xlink="http://www.w3.org/1999/xlink" {attribute}="{secret}" width="300" height="300"/>'
    plain, spying = tmp_path / "plain.mei", tmp_path / "spying.mei"
    plain.write_text(MEI.format(picture=""))
    spying.write_text(MEI.format(picture=DRAWING.format(drawn)))
    with engraved(spying) as engraving:
        assert str(secret) in (engraving.folder / "page-001.svg").read_text()  # the engraver lets it through
    assert abs(ink(spying) - ink(plain)) < SQUARE_PX / 10


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
@pytest.mark.timeout(60)
def test_a_picture_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    path = tmp_path / "waiting.mei"
    path.write_text(MEI.format(picture=DRAWING.format(f'<image href="{tmp_path}/pipe.png" width="9" height="9"/>')))
    assert len(list(read_sheets(path))) == 1


def test_an_author_cannot_draw_on_the_page(tmp_path: Path) -> None:
    plain, painted = tmp_path / "plain.mei", tmp_path / "painted.mei"
    plain.write_text(MEI.format(picture=""))
    painted.write_text(MEI.format(picture=DRAWING.format('<rect width="300" height="300"/><use href="#a"/>')))
    assert abs(ink(painted) - ink(plain)) < SQUARE_PX / 10
