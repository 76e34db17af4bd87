"""Score files become pages whose systems, measures and noteheads are the engraver's own."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from earmark.errors import BadInput
from earmark.sheet import engrave, score_text
from earmark.sheet.engrave import engraved
from earmark.sheet.engraved_page import PERCUSSION, TABLATURE, EngravedPage, measure_at
from earmark.sheet.formats import count_pages
from earmark.sheet.parts import Part, find_parts, read_headings
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
    first, last = page.measures[0]
    assert measure_at(page.measures[0], system.box[0] + 1) == first
    assert measure_at(page.measures[0], system.box[2] - 1) == last


def test_notes_are_on_their_beats(kern: str, tmp_path: Path) -> None:
    _, _, (page,) = read(write(tmp_path / "a.krn", kern))
    first, last = page.measures[0]
    heads = sorted({round(head.x_px, 3) for head in page.noteheads})  # those of both staves are above each other
    assert [first.beat_at(x) for x in heads[:2]] == [1.0, 2.0]
    assert last.beat_at(heads[2]) == 1.0
    assert first.beat_at((heads[1] + heads[2]) / 2) == 2.5  # the barline is beyond
    assert last.beat_at(last.x1) == 2.99


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


def test_every_tune_of_an_abc_book_has_a_page_and_its_own_measures(tmp_path: Path) -> None:
    title, composer, pages = read(write(tmp_path / "a.abc", ABC))
    assert (title, composer) == ("First Tune; Second Tune", "A. Body")
    assert [[[m.number for m in row] for row in page.measures] for page in pages] == [
        [["1", "2", "3", "4"]],
        [["1", "2"]],
    ]
    ends = [[measure.beats[-1][1] for measure in page.measures[0]] for page in pages]
    assert ends == [[4.0, 4.0, 4.0, 4.0], [3.0, 3.0]]  # of 3/4 and 2/4
    with engraved(tmp_path / "a.abc") as engraving:
        assert engraving.tunes == (("First Tune", "A. Body"), ("Second Tune", ""))
    assert find_parts(read_headings(tmp_path / "a.abc")) == [
        Part(1, 1, "First Tune", "A. Body"),
        Part(2, 2, "Second Tune"),
    ]
    assert count_pages(tmp_path / "a.abc") == 2


def test_a_tune_that_cannot_be_engraved_leaves_the_others_their_numbers(tmp_path: Path) -> None:
    _, _, pages = read(write(tmp_path / "a.abc", ABC.replace("X:2", "X:2\nT:Empty\nK:D\n\nX:3")))
    assert [len(page.systems) for page in pages] == [1, 0, 1]


def test_a_system_taller_than_the_page_gets_a_taller_page(tmp_path: Path) -> None:
    _, _, (page,) = read(write(tmp_path / "orchestra.musicxml", orchestra(24)))
    (system,) = page.systems
    assert len(system.staves) == 24
    assert 0 < system.box[1] < system.box[3] < page.image.shape[0]


@pytest.mark.parametrize(("lines", "unread"), [(1, PERCUSSION), (6, TABLATURE)])
def test_staves_that_are_not_read_are_said(lines: int, unread: str, tmp_path: Path) -> None:
    other = orchestra(2).replace(
        '<part id="P2"><measure number="1"><attributes><divisions>1</divisions>',
        f'<part id="P2"><measure number="1"><attributes><divisions>1</divisions><staff-details><staff-lines>{lines}'
        "</staff-lines></staff-details>",
    )
    _, _, (page,) = read(write(tmp_path / "band.musicxml", other))
    assert page.unread == {unread}
    assert [len(system.staves) for system in page.systems] == [1]


def orchestra(parts: int) -> str:
    """One measure of MusicXML for so many instruments."""
    names = "".join(f'<score-part id="P{i}"><part-name>P{i}</part-name></score-part>' for i in range(1, parts + 1))
    measure = (
        '<measure number="1"><attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time>'
        "<clef><sign>G</sign><line>2</line></clef></attributes><note><pitch><step>C</step><octave>5</octave></pitch>"
        "<duration>4</duration><type>whole</type></note></measure>"
    )
    music = "".join(f'<part id="P{i}">{measure}</part>' for i in range(1, parts + 1))
    return f'<score-partwise version="4.0"><part-list>{names}</part-list>{music}</score-partwise>'


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
        ("a.mei", "no music", r"a\.mei: is no score that is read; export it"),
        ("a.krn", "no music", r"a\.krn: is no score that is read; export it"),
        ("a.musicxml", "<score-partwise></score-partwise>", r"a\.musicxml: cannot be engraved"),
        ("a.musicxml", MUSICXML[:400], r"a\.musicxml: is cut off"),
        ("a.krn", "", r"is empty \(0 bytes\)"),
    ],
)
def test_what_cannot_be_engraved_is_said(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read(write(tmp_path / name, content))


def test_what_is_gone_too_large_or_too_slow_is_said(kern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        read(tmp_path / "gone.mei")
    monkeypatch.setattr(score_text, "MAX_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("score.xml", " " * 100_000)
    with pytest.raises(BadInput, match="is larger than"):
        read(tmp_path / "bomb.mxl")
    monkeypatch.setattr(engrave, "PATIENCE_S", 0.001)
    with pytest.raises(BadInput, match="to engrave"):
        read(write(tmp_path / "a.krn", kern))
