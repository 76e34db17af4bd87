"""A shelf of recordings: what is on each, a report that lasts, and a second run that goes on."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from earmark.embed.recording import EmbeddedRecording
from earmark.errors import BadInput
from earmark.library.library import Library
from earmark.library.shelf import ANSWERS, REPORT, TABLE, Answer, Shelf
from earmark.sources import on_disk
from earmark.sources.on_disk import Score
from tests.fake_encoders import NOTE_S, flat_background
from tests.sources.test_archives import zipped

if TYPE_CHECKING:
    from tests.conftest import Music, WriteWav
    from tests.fake_encoders import FakeEncoders

NOTES = 100


@pytest.fixture
def encoders(encoders: FakeEncoders) -> FakeEncoders:
    """The usual ones, for whom chance reaches farther: a tape is long, and melodies have six degrees."""
    encoders.calibration = replace(
        encoders.calibration,
        backgrounds=dict.fromkeys(("score", "recording"), flat_background(0.75, encoders.dimension)),
    )
    return encoders


@pytest.fixture
def library(encoders: FakeEncoders, music: Music, tmp_path: Path) -> Library:
    library = Library.open(tmp_path / "library", encoders)
    library.add(music.write_scores(tmp_path / "scores", 3, NOTES))
    return library


@pytest.fixture
def tapes(music: Music, tmp_path: Path, write_wav: WriteWav) -> Path:
    """A folder: a tape of piece 1, music nobody has, piece 0 and silence; only such music; and a file that is none."""
    from earmark.audio.decode import read_samples

    folder = tmp_path / "tapes"
    folder.mkdir()
    parts = []
    for seed, first, last in ((1, 10, 60), (99, 40, 80), (0, 0, 70)):
        wav = music.write_recording(tmp_path / "part.wav", music.melody(seed, NOTES)[first:last])
        parts.append(np.concatenate(list(read_samples(wav))).astype(np.float64))
    write_wav(folder / "evening.wav", np.concatenate([*parts, np.zeros(22_050 * 15)]))
    music.write_recording(folder / "stranger.wav", music.melody(99, 40))
    (folder / "torn.wav").write_bytes(b"RIFF....WAVE and no more")
    return folder


def ask(library: Library, tapes: Path, out: Path) -> tuple[Shelf, list[Answer]]:
    shelf = Shelf(library, out)
    return shelf, shelf.ask([tapes], 2, lambda answer, done, total: None)


def test_every_stretch_of_a_tape_is_told_in_order(library: Library, tapes: Path) -> None:
    told = library.identify(tapes / "evening.wav")
    assert [(one.what, one.piece) for one in told.stretches] == [
        ("piece", "piece-1"),
        ("unknown", ""),
        ("piece", "piece-0"),
        ("silence", ""),
    ]
    ends = [one.end_s for one in told.stretches]
    np.testing.assert_allclose(ends, [25, 45, 80, 95], atol=3.0)
    assert [one.start_s for one in told.stretches] == [0.0, *ends[:-1]]
    assert ends[-1] == told.duration_s
    first = told.stretches[0]
    assert first.sure
    assert first.begins is not None
    assert first.ends is not None
    assert (first.begins.page, first.begins.system) == (1, 1)
    assert (first.ends.page, first.ends.system) == (1, 3)  # note 60, of 24 a system


@pytest.mark.parametrize("seconds", [1, 10])
def test_silence_is_one_stretch(library: Library, tmp_path: Path, write_wav: WriteWav, seconds: int) -> None:
    told = library.identify(write_wav(tmp_path / "s.wav", np.zeros(22_050 * seconds)))
    assert [(one.what, one.start_s, one.end_s) for one in told.stretches] == [("silence", 0.0, seconds)]


def test_the_report_accounts_for_every_file(library: Library, tapes: Path, tmp_path: Path) -> None:
    shelf, answers = ask(library, tapes, tmp_path / "out")
    assert [Path(answer.source).name for answer in answers] == ["evening.wav", "stranger.wav", "torn.wav"]
    assert [answer.identified is not None for answer in answers] == [True, True, False]
    shelf.write(answers, ["cue", "labels", "regions", "jams", "annotations"])
    page = (tmp_path / "out" / REPORT).read_text(encoding="utf-8")
    for words in (
        "evening.wav",
        "piece-1",
        "not in this library",
        "torn.wav",
        'data-start="0.00"',
        "../tapes/evening.wav",
    ):
        assert words in page
    assert "//" not in page.replace("https://", "").split("<body>")[0]  # nothing is fetched
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out" / TABLE).read_text(encoding="utf-8"))))
    assert [row["piece"] for row in rows if row["what"] == "piece"] == ["piece-1", "piece-0"]
    assert {row["recording"] for row in rows} == {answer.source for answer in answers if answer.identified}
    assert list((tmp_path / "out" / "pages").glob("*.png"))
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert {f"evening{end}" for end in (".cue", ".labels.txt", ".regions.csv", ".jams", ".annotations.json")} <= made


def test_what_was_answered_is_asked_again_only_if_something_changed(
    library: Library, tapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, music: Music
) -> None:
    _, first = ask(library, tapes, tmp_path / "out")
    with (tmp_path / "out" / ANSWERS).open("a") as file:
        file.write('{"source": "a line that was cut o')
    read: list[str] = []
    real = Shelf._read

    def noted(shelf: Shelf, score: Score) -> EmbeddedRecording:
        read.append(score.source)
        return real(shelf, score)

    monkeypatch.setattr(Shelf, "_read", noted)
    _, again = ask(library, tapes, tmp_path / "out")
    assert again == first
    assert [Path(source).name for source in read] == ["torn.wav"]
    os.utime(tapes / "stranger.wav", (1, 1))
    read.clear()
    ask(library, tapes, tmp_path / "out")
    assert [Path(source).name for source in read] == ["stranger.wav", "torn.wav"]
    library.add(music.write_pdf(tmp_path / "new.pdf", music.melody(99, 40)))
    _, later = ask(library, tapes, tmp_path / "out")
    assert [one.piece for answer in later if answer.identified for one in answer.identified.stretches if one.piece] == [
        "piece-1",
        "piece-0",
        "new",
    ]


def test_what_archives_hold_is_unpacked_once_and_can_be_played_from_the_report(
    library: Library, music: Music, tmp_path: Path
) -> None:
    tape = music.write_recording(tmp_path / "evening.wav", music.melody(1, 40)).read_bytes()
    (tmp_path / "evening.wav").unlink()
    tapes = zipped(tmp_path / "tapes.zip", {"1990/evening.wav": tape, "1991/torn.wav": b"x", "letter.doc": b"x"})
    (letters := tmp_path / "letters").mkdir()
    (letters / "letter.txt").write_text("no recording")
    pdf = next((tmp_path / "scores").iterdir())
    shelf = Shelf(library, tmp_path / "out")
    answers = shelf.ask([tmp_path, letters, pdf], 1, lambda *_: None)
    named = [(Path(one.source), one.identified and one.identified.stretches[0].piece) for one in answers]
    held = [(tapes / "1990/evening.wav", "piece-1"), (tapes / "1991/torn.wav", None)]
    assert named == [*held, (letters, None), (pdf, None)]
    assert [one.reason for one in answers[2:]] == [
        f"holds no sheet music and no recordings; give a folder with {on_disk._KNOWN}",
        "holds no recordings; give recordings",
    ]
    shelf.write(answers, [])
    page = (tmp_path / "out" / REPORT).read_text(encoding="utf-8")
    (played,) = re.findall(r'src="([^"]+evening.wav)"', page)
    assert (tmp_path / "out" / played).read_bytes() == tape
    assert Shelf(library, tmp_path / "out").ask([tmp_path], 1, lambda *_: None) == answers[:2]


def test_a_run_that_is_stopped_goes_on_where_it_was(library: Library, tapes: Path, tmp_path: Path) -> None:
    class Stop(Exception):  # noqa: N818
        pass

    def stop(answer: Answer, done: int, total: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        Shelf(library, tmp_path / "out").ask([tapes], 1, stop)
    lines = (tmp_path / "out" / ANSWERS).read_text().splitlines()
    assert [Path(json.loads(line)["source"]).name for line in lines] == ["evening.wav"]
    _, answers = ask(library, tapes, tmp_path / "out")
    assert len((tmp_path / "out" / ANSWERS).read_text().splitlines()) == 2
    assert answers[0].identified is not None
    assert answers[0].identified.duration_s > NOTE_S


def test_an_empty_library_is_not_a_fault_of_the_recordings(encoders: FakeEncoders, tapes: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "empty", encoders) as library, pytest.raises(BadInput, match="add sheet music first"):
        ask(library, tapes, tmp_path / "out")
