from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import mido
import pypdfium2 as pdfium
import pytest

from earmark.corpus.engrave_lilypond import EngravingError, engrave

pytestmark = pytest.mark.usefixtures("lilypond")


def test_every_notehead_has_its_pitch_moment_and_box(source: Path, tmp_path: Path) -> None:
    engraving = engrave(source / "ftp/Own/bars/two.ly", source, tmp_path)
    heads = sorted(engraving.noteheads, key=lambda head: (head.staff, head.box[0], head.pitch))
    upper, lower = (
        [(head.pitch, head.main, head.grace, head.held) for head in heads if head.staff == staff]
        for staff in sorted({head.staff for head in heads})
    )
    start, quarter, eighth = Fraction(0), Fraction(1, 4), Fraction(1, 8)
    assert upper == [
        (72, start, start, False),
        (64, quarter, start, False),
        (67, quarter, start, False),
        (69, 2 * quarter, start, False),
        (69, 3 * quarter, start, True),
        (71, 7 * eighth, start, False),
        (72, 4 * quarter, start, False),
        (74, 6 * quarter, -Fraction(1, 16), False),
        (76, 6 * quarter, start, False),
    ]
    assert lower == [(48, start, start, False), (36, 4 * quarter, start, False), (48, 6 * quarter, start, False)]
    assert engraving.header == {"title": "Two Bars", "composer": "Earmark", "license": "CC0"}
    assert len(engraving.midis) == 1, "a printed score without a midi block is given one"

    top, bottom = sorted(engraving.staves, key=lambda staff: staff.box[1])
    assert top.page == bottom.page == 0
    assert (top.box[0], top.box[2]) == (bottom.box[0], bottom.box[2])
    # LilyPond's staff is 20 pt high (72.27 to the inch); the paper is A4, 297 mm high.
    for staff in (top, bottom):
        assert staff.box[3] - staff.box[1] == pytest.approx(20 / 72.27 * 25.4 / 297, rel=1e-3)
    # Position 0 is the middle line: c'' lies half a space above that of the upper staff, c in the second space of
    # the lower.
    space = (top.box[3] - top.box[1]) / 4
    middle = (top.box[1] + top.box[3]) / 2
    c = heads[0].box
    assert (c[1] + c[3]) / 2 == pytest.approx(middle - space / 2, abs=space / 50)


def test_landscape_pages_are_turned_upright(source: Path, tmp_path: Path) -> None:
    file = source / "ftp/Own/one/one.ly"
    landscape = '#(set-default-paper-size "a5" \'landscape)\n\\header { tagline = ##f }\n'
    file.write_text(landscape + file.read_text())
    engraving = engrave(file, source, tmp_path)
    (staff,) = engraving.staves
    # A staff is 20 pt high, and A5 in landscape 148 mm.
    assert staff.box[3] - staff.box[1] == pytest.approx(20 / 72.27 * 25.4 / 148, rel=1e-3)
    assert all(staff.box[0] < head.box[0] < staff.box[2] for head in engraving.noteheads)
    heads = [head.box[0] for head in sorted(engraving.noteheads, key=lambda head: head.main)]
    assert heads == sorted(heads)
    with pdfium.PdfDocument(engraving.pdfs[0]) as document:
        width, height = document[0].get_size()
    assert width > height


def test_a_file_without_pages_is_reported_with_lilyponds_complaint(source: Path, tmp_path: Path) -> None:
    (source / "ftp/Own/broken/broken.ly").write_text('\\version "2.24.0"\n#(ly:error "no music today")')
    with pytest.raises(EngravingError, match="no music today"):
        engrave(source / "ftp/Own/broken/broken.ly", source, tmp_path)


@pytest.mark.parametrize("semitones", [-4, 6])
def test_a_score_in_another_key_is_printed_and_played_in_it(source: Path, tmp_path: Path, semitones: int) -> None:
    printed, moments, sounds = {}, {}, {}
    for shift in (0, semitones):
        scratch = tmp_path / f"{shift}"
        scratch.mkdir()
        engraving = engrave(source / "ftp/Own/bars/two.ly", source, scratch, shift)
        heads = sorted(engraving.noteheads, key=lambda head: (head.main, head.grace, head.staff, head.pitch))
        printed[shift] = [head.pitch for head in heads]
        moments[shift] = [(head.main, head.grace, head.held) for head in heads]
        sounds[shift] = [event.note for event in mido.MidiFile(engraving.midis[0]) if event.type == "note_on"]
    assert printed[semitones] == [pitch + semitones for pitch in printed[0]]
    assert sounds[semitones] == [pitch + semitones for pitch in sounds[0]]
    assert moments[semitones] == moments[0]


def test_another_key_is_spelt_with_few_accidentals(source: Path, tmp_path: Path) -> None:
    # B major has five sharps. A semitone up it is C major, not B sharp; two up D flat with its five flats.
    file = source / "ftp/Own/one/one.ly"
    file.write_text('\\version "2.24.0"\n\\score { { \\key b \\major b\'1 } }')
    places = {}
    for semitones in (0, 1, 2):
        scratch = tmp_path / f"{semitones}"
        scratch.mkdir()
        engraving = engrave(file, source, scratch, semitones)
        (head,), (staff,) = engraving.noteheads, engraving.staves
        middle = (staff.box[1] + staff.box[3]) / 2
        half_space = (staff.box[3] - staff.box[1]) / 8
        places[semitones] = round((middle - (head.box[1] + head.box[3]) / 2) / half_space)
    assert places == {0: 0, 1: 1, 2: 2}
