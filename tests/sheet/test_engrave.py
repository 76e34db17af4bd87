"""Score files become pages whose systems, measures and noteheads are the engraver's own."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from earmark.errors import BadInput
from earmark.sheet import engrave
from earmark.sheet.engrave import engraved
from earmark.sheet.engraved_page import EngravedPage, measure_at
from earmark.sheet.systems.find import find_systems

ABC = """X:1
T:First Tune
C:A. Body
M:3/4
L:1/4
K:G
D G B | d2 G | e c A | G3 |]

X:2
T:Second Tune
M:2/4
L:1/4
K:D
D E | F2 |]
"""
MUSICXML = """<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="4.0"><work><work-title>Prelude</work-title></work>
<identification><creator type="composer">M. Composer</creator></identification>
<part-list><score-part id="P1"><part-name>Piano</part-name></score-part></part-list>
<part id="P1"><measure number="12"><attributes><divisions>1</divisions><time><beats>2</beats><beat-type>4</beat-type>
</time><staves>2</staves><clef number="1"><sign>G</sign><line>2</line></clef><clef number="2"><sign>F</sign>
<line>4</line></clef></attributes><note><pitch><step>E</step><octave>4</octave></pitch><duration>2</duration>
<type>half</type><staff>1</staff></note><backup><duration>2</duration></backup><note><pitch><step>D</step>
<octave>3</octave></pitch><duration>2</duration><type>half</type><staff>2</staff></note></measure></part>
</score-partwise>
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path) -> tuple[str, str, list[EngravedPage]]:
    with engraved(path) as engraving:
        return engraving.title, engraving.composer, list(engraving.read())


def test_kern_has_its_title_composer_systems_and_measures(kern: str, tmp_path: Path) -> None:
    title, composer, (page,) = read(write(tmp_path / "a.krn", kern))
    assert (title, composer) == ("Little Test", "Bach, Johann Sebastian")
    assert (page.title, page.composer) == (title, composer)
    assert page.image.shape[1] == 1654
    (system,) = page.systems
    assert len(system.staves) == 2
    assert [measure.number for measure in page.measures[0]] == ["7", "8"]
    assert measure_at(page.measures[0], system.box[0] + 1) == "7"
    assert measure_at(page.measures[0], system.box[2] - 1) == "8"


def test_systems_and_noteheads_lie_where_the_ink_is(kern: str, tmp_path: Path) -> None:
    _, _, (page,) = read(write(tmp_path / "a.krn", kern))
    (found,), (known,) = find_systems(page.image), page.systems
    np.testing.assert_allclose(found.box, known.box, atol=6)
    assert len(page.noteheads) == 6
    for head in page.noteheads:
        centre = page.image[round(head.y_px) - 2 : round(head.y_px) + 3, round(head.x_px) - 2 : round(head.x_px) + 3]
        assert head.staff in (0, 1)
        if head.x_px < page.measures[0][1].x0:  # black ones
            assert centre.max() < 100


def test_abc_holds_several_tunes_and_counts_its_measures(tmp_path: Path) -> None:
    title, composer, (page,) = read(write(tmp_path / "a.abc", ABC))
    assert (title, composer) == ("First Tune; Second Tune", "A. Body")
    assert [[measure.number for measure in row] for row in page.measures] == [["1", "2", "3", "4"], ["5", "6"]]


@pytest.mark.parametrize("packed", [False, True])
def test_musicxml_is_read_packed_and_not(tmp_path: Path, packed: bool) -> None:
    path = write(tmp_path / "a.xml", MUSICXML)
    if packed:
        path = tmp_path / "a.mxl"
        with zipfile.ZipFile(path, "w") as archive:
            container = '<container><rootfiles><rootfile full-path="score.xml"/></rootfiles></container>'
            archive.writestr("META-INF/container.xml", container)
            archive.writestr("score.xml", MUSICXML)
    title, composer, (page,) = read(path)
    assert (title, composer, page.measures[0][0].number) == ("Prelude", "M. Composer", "12")


def test_equal_files_give_equal_pages(kern: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.krn", kern)
    (_, _, (one,)), (_, _, (other,)) = read(path), read(path)
    assert (one.image == other.image).all()
    assert one.noteheads == other.noteheads


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mei", "no music", r"a\.mei: cannot be engraved \(.+\); export it again"),
        ("a.musicxml", "<score-partwise", r"a\.musicxml: cannot be engraved"),
        ("a.krn", "", r"is empty \(0 bytes\)"),
    ],
)
def test_what_cannot_be_engraved_is_said(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read(write(tmp_path / name, content))


def test_what_is_gone_too_large_or_too_slow_is_said(kern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        read(tmp_path / "gone.mei")
    monkeypatch.setattr(engrave, "MAX_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("score.xml", " " * 100_000)
    with pytest.raises(BadInput, match="is larger than"):
        read(tmp_path / "bomb.mxl")
    monkeypatch.setattr(engrave, "PATIENCE_S", 0.001)
    with pytest.raises(BadInput, match="to engrave"):
        read(write(tmp_path / "a.krn", kern))
