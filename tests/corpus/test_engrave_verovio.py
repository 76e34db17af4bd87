"""The second engraver: score files, our own compositions among them, become pieces like LilyPond's."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import PIL.Image
import pytest

from earmark.corpus.compose import compose
from earmark.corpus.engrave_lilypond import EngravingError
from earmark.corpus.engrave_verovio import FONTS, look
from earmark.corpus.format import read_json
from earmark.corpus.piece import Renderings, build_piece
from earmark.corpus.render import timed
from earmark.corpus.sources import Source, list_pieces
from earmark.sheet.images import read_pages

KERN = """**kern\t**kern
*clefF4\t*clefG2
*k[b-]\t*k[b-]
*M4/4\t*M4/4
*MM120\t*MM120
=1\t=1
4F\t4a
4G\t[4b-
4A\t4b-]
4B-\t8ccL
.\t8ddJ
=2\t=2
1F\t1a
==\t==
*-\t*-
"""


@pytest.fixture
def source(tmp_path: Path) -> Source:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "tie.krn").write_text(KERN)
    (folder / "own.mei").write_text(compose(3), encoding="utf-8")
    (folder / "broken.mei").write_text("<mei")
    return Source(folder, str(folder), None)


def build(source: Source, out: Path, piece: str) -> Path:
    (out / "pieces").mkdir(parents=True)
    build_piece(out, source, piece, list_pieces(source, None)[piece], Renderings((), ()))
    return out / "pieces" / piece


def test_score_files_of_a_folder_are_its_pieces(source: Source) -> None:
    assert list_pieces(source, None) == {"broken": "broken.mei", "own": "own.mei", "tie": "tie.krn"}


def test_noteheads_have_their_system_staff_pitch_and_onset(source: Source, tmp_path: Path) -> None:
    folder = build(source, tmp_path / "out", "tie")
    with np.load(folder / "noteheads.npz") as heads:
        by_time = sorted(zip(heads["staff"], np.nan_to_num(heads["onset_s"], nan=-1.0), heads["pitch"], strict=True))
        x_px, system = heads["x_px"], heads["system"]
    assert [(int(staff), float(onset), int(pitch)) for staff, onset, pitch in by_time] == [
        (0, -1.0, 70),  # held over by the tie
        *((0, onset, pitch) for onset, pitch in ((0.0, 69), (0.5, 70), (1.5, 72), (1.75, 74), (2.0, 69))),
        *((1, onset, pitch) for onset, pitch in ((0.0, 53), (0.5, 55), (1.0, 57), (1.5, 58), (2.0, 53))),
    ]
    description = read_json(folder / "piece.json")
    assert (description["sounding"], description["matched_fraction"], set(system)) == (10, 1.0, {0})
    x0, _, x1, _ = description["systems"][0]["box"]
    assert (x0 < x_px).all()
    assert (x_px < x1).all()


def test_pages_are_the_pdfs_and_noteheads_lie_on_ink(source: Source, tmp_path: Path) -> None:
    folder = build(source, tmp_path / "out", "own")
    description = read_json(folder / "piece.json")
    assert description["title"].endswith("No. 3")
    assert description["matched"] == description["sounding"] > 100
    images = [np.asarray(PIL.Image.open(folder / page["image"])) for page in description["pages"]]
    drawn = [page.image for page in read_pages(folder / "score.pdf")]
    assert all((one == other).all() for one, other in zip(images, drawn, strict=True))
    pages = [system["page"] - 1 for system in description["systems"]]
    with np.load(folder / "noteheads.npz") as heads:
        x_px, y_px = heads["x_px"].round().astype(int), heads["y_px"].round().astype(int)
        places = list(zip(heads["system"], x_px, y_px, strict=True))
    ink = [images[pages[system]][y - 4 : y + 5, x - 8 : x + 9].min() for system, x, y in places]
    assert max(ink) < 128


def test_every_onset_is_a_note_of_the_performance(source: Source, tmp_path: Path) -> None:
    folder = build(source, tmp_path / "out", "own")
    notes = {(tick, note.note) for tick, note in timed(mido.MidiFile(folder / "score.mid")) if note.type == "note_on"}
    with np.load(folder / "noteheads.npz") as heads:
        sounding = heads["tick"] >= 0
        found = set(zip(heads["tick"][sounding].tolist(), heads["pitch"][sounding].tolist(), strict=True))
    assert found <= notes
    assert len(found) > 100


def test_a_broken_file_is_reported_and_leaves_nothing(source: Source, tmp_path: Path) -> None:
    with pytest.raises(EngravingError, match="is cut off"):
        build(source, tmp_path / "out", "broken")
    assert not list((tmp_path / "out" / "pieces").iterdir())


def test_looks_differ_between_files_and_not_between_runs() -> None:
    looks = [look(compose(seed).encode()) for seed in range(40)]
    assert looks[0] == look(compose(0).encode())
    assert {found["font"] for found in looks} == set(FONTS)
    assert len({(found["pageWidth"], found["unit"], found["spacingLinear"]) for found in looks}) == 40
