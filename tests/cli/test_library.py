"""``earmark add``, ``find``, ``align``, ``list`` and ``remove``, run in this process with the fake encoders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import mido
import numpy as np
import pytest
from PIL import Image

from earmark.cli.wording import SCREENFUL
from earmark.sheet.formats import UNREAD
from tests.sources.test_questions import zipped

if TYPE_CHECKING:
    from tests.conftest import Command, Music, WriteWav

PIECES, NOTES = 3, 120


@pytest.fixture
def scores(music: Music, tmp_path: Path) -> Path:
    return music.write_scores(tmp_path / "scores", PIECES, NOTES)


@pytest.fixture
def clip(music: Music, tmp_path: Path) -> Path:
    return music.write_recording(tmp_path / "clip.wav", music.melody(1, NOTES)[:95], first=75)


def test_add_find_list_remove(earmark: Command, scores: Path, clip: Path, tmp_path: Path) -> None:
    library = tmp_path / "lib"
    code, out, _ = earmark("add", library, scores)
    assert code == 0
    *added, counts, following = out.splitlines()
    assert added == [f"added: piece-{seed} (2 pages, 5 systems)" for seed in range(PIECES)]
    assert (counts, following) == (f"{PIECES} added", f"next: earmark find {library} RECORDING")
    code, out, _ = earmark("find", library, clip)
    assert code == 0
    sentence, _, first, *_ = out.splitlines()
    assert sentence == "piece-1, page 2, system 1, surely."
    assert first.split()[:4] == ["1", "piece-1", "2", "1"]
    code, out, _ = earmark("list", library)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["piece-0", "piece-1", "piece-2"]
    code, out, _ = earmark("edit", library, "piece-2", "--title", "Größe", "--composer", "Antonín Dvořák")
    assert (code, out) == (0, "edited: piece-2 (Antonín Dvořák: Größe)\n")
    code, out, _ = earmark("list", library, "--search", "dvorak grosse")
    assert [line.split()[0] for line in out.splitlines()] == ["piece", "piece-2"]
    code, _, err = earmark("edit", library, "piece-2", "--name", "piece-1")
    assert (code, "has another piece 'piece-1'" in err) == (2, True)
    assert earmark("edit", library, "piece-2")[0] == 2
    assert earmark("edit", library, "piece-1", "--tag", "to  do", "--tag", "easy", "--note", "Of 1912.")[0] == 0
    assert earmark("edit", library, "piece-1", "--untag", "easy")[0] == 0
    (scores / "piece-1.pdf").rename(scores / "moved.pdf")
    for only in ("--tag=To do", "--missing", "--search=1912"):
        code, out, _ = earmark("list", library, only)
        header, row, hint = out.splitlines()
        assert header.split()[-3:] == ["tags", "file", "source"]
        assert (row.split()[0], row.split()[-4:-1]) == ("piece-1", ["to", "do", "gone"])
        assert hint == f"1 piece with files gone; to find them: earmark verify {library} --repair"
    code, out, _ = earmark("remove", library, "piece-0", "piece-2")
    assert (code, out) == (0, "removed: piece-0\nremoved: piece-2\n")
    code, out, _ = earmark("list", library, "--json")
    (piece,) = json.loads(out)["pieces"]
    assert (piece["piece"], piece["tags"], piece["note"], piece["is_missing"]) == (
        "piece-1",
        ["to do"],
        "Of 1912.",
        True,
    )


def test_find_prints_the_json_of_the_documentation(earmark: Command, scores: Path, clip: Path, tmp_path: Path) -> None:
    earmark("add", tmp_path / "lib", scores)
    code, out, err = earmark("find", tmp_path / "lib", clip, "--top", "2", "--start", "1", "--end", "9", "--json")
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert list(answer) == ["query", "model", "confident", "said", "why", "remarks", "hits", "recordings"]
    assert answer["query"] == {"path": str(clip), "start_s": 1.0, "duration_s": 8.0, "semitones": 0}
    assert answer["model"] == "fake-1"
    assert (answer["confident"], answer["said"], answer["why"]) == (True, "surely", "")
    hit = answer["hits"][0]
    assert list(hit) == [
        "rank",
        "piece_id",
        "piece",
        "source",
        "confidence",
        "page",
        "system",
        "box",
        "query_time_s",
        "measure",
        "title",
        "composer",
        "query_place",
        "heard_s",
        "same_as",
        "image",
        "side",
    ]
    assert (hit["rank"], hit["piece"], hit["page"]) == (1, "piece-1", 2)
    assert hit["source"] == str(scores / "piece-1.pdf")
    assert 0.5 <= hit["confidence"] <= 1.0
    assert len(hit["box"]) == 4
    assert all(0.0 <= value <= 1.0 for value in hit["box"])
    from_s, to_s = hit["heard_s"]
    assert 1.0 <= from_s <= hit["query_time_s"] <= to_s <= 9.0


def test_the_table_says_what_is_heard_from_when_to_when(
    earmark: Command, scores: Path, clip: Path, tmp_path: Path
) -> None:
    earmark("add", tmp_path / "lib", scores)
    hit = json.loads(earmark("find", tmp_path / "lib", clip, "--json")[1])["hits"][0]
    _, header, first, *_ = earmark("find", tmp_path / "lib", clip)[1].splitlines()
    assert header.split() == ["piece", "page", "system", "heard", "most", "like", "confidence"]
    minutes = [f"0:{seconds:04.1f}" for seconds in hit["heard_s"]]
    assert " – ".join(minutes) in first
    assert f"{hit['query_time_s']:.1f} s" in first


def test_find_draws_the_page_with_the_place_marked(earmark: Command, scores: Path, clip: Path, tmp_path: Path) -> None:
    earmark("add", tmp_path / "lib", scores)
    code, out, _ = earmark("find", tmp_path / "lib", clip, "--draw", tmp_path / "drawn", "--json")
    assert code == 0
    hit = json.loads(out)["hits"][0]
    drawn = np.asarray(Image.open(tmp_path / "drawn" / "clip.png"))
    assert os.listdir(tmp_path / "drawn") == ["clip.png"]
    coloured = np.argwhere(np.ptp(drawn.astype(int), axis=2) > 100)
    height, width = drawn.shape[:2]
    expected = np.array(hit["box"]) * (width, height, width, height)
    found = [coloured[:, 1].min(), coloured[:, 0].min(), coloured[:, 1].max(), coloured[:, 0].max()]
    np.testing.assert_allclose(found, expected, atol=8)


def test_align_prints_systems_csv_or_json(earmark: Command, scores: Path, music: Music, tmp_path: Path) -> None:
    earmark("add", tmp_path / "lib", scores)
    recording = music.write_recording(tmp_path / "whole.wav", music.melody(1, NOTES))
    code, out, err = earmark("align", tmp_path / "lib", recording)
    assert (code, err) == (0, "")
    title, header, *rows = out.splitlines()
    assert title == "piece-1, 1:00.0"
    assert header.split() == ["from", "to", "page", "system"]
    assert [row.split()[2:] for row in rows] == [["1", "1"], ["1", "2"], ["1", "3"], ["2", "1"], ["2", "2"]]
    assert rows[0].split()[0] == "0:00.0"
    assert rows[4].split()[1] == "1:00.0"
    code, out, _ = earmark("align", tmp_path / "lib", recording, "--piece", "piece-1", "--json")
    answer = json.loads(out)
    assert list(answer) == ["audio", "model", "piece", "source", "remarks", "systems", "points", "others"]
    assert answer["audio"] == {"path": str(recording), "duration_s": 60.0, "semitones": 0}
    assert list(answer["systems"][0]) == ["page", "system", "box"]
    columns = ["time_s", "page", "system", "x", "strip_px", "confidence", "measure", "beat"]
    assert list(answer["points"][0]) == columns
    code, out, _ = earmark("align", tmp_path / "lib", recording, "--csv")
    lines = out.splitlines()
    assert lines[0] == ",".join([*columns, "piece"])
    assert len(lines) == 1 + len(answer["points"])
    last = list(answer["points"][-1].values())
    assert lines[-1].split(",") == [*map(str, last[:-2]), "", "", "piece-1"]


def test_align_says_the_pieces_of_a_tape(earmark: Command, scores: Path, music: Music, tmp_path: Path) -> None:
    earmark("add", tmp_path / "lib", scores)
    melodies = [music.melody(1, NOTES)[:50], music.melody(2, NOTES)[:50]]
    tape = music.write_recording(tmp_path / "tape.wav", np.concatenate(melodies))
    title, header, *rows = earmark("align", tmp_path / "lib", tape)[1].splitlines()
    assert (title, header.split()) == ("2 pieces, 0:50.0", ["from", "to", "piece", "page", "system"])
    assert list(dict.fromkeys(row.split()[2] for row in rows if "–" not in row)) == ["piece-1", "piece-2"]


def test_align_does_not_follow_what_it_is_not_sure_of(
    earmark: Command, scores: Path, music: Music, tmp_path: Path, write_wav: WriteWav
) -> None:
    earmark("add", tmp_path / "lib", scores)
    stranger = music.write_recording(tmp_path / "stranger.wav", music.melody(99, 40))
    code, out, err = earmark("align", tmp_path / "lib", stranger)
    assert (code, out) == (1, "")
    assert err.startswith(f"earmark: {stranger}: is probably of no piece in this library")
    code, _, err = earmark("align", tmp_path / "lib", stranger, "--piece", "piece-9")
    assert (code, err.split(":")[2]) == (2, " has no piece 'piece-9'; see")
    silence = write_wav(tmp_path / "silence.wav", np.zeros(22_050 * 10))
    assert earmark("align", tmp_path / "lib", silence, "--piece", "piece-1")[:2] == (
        0,
        "Nothing of piece-1 was heard.\n",
    )
    code, _, err = earmark("align", tmp_path / "lib", stranger, "--csv", "--json")
    assert (code, err.splitlines()[-1]) == (2, "Error: give --json or --csv, not both")


def test_find_writes_annotations(earmark: Command, scores: Path, clip: Path, tmp_path: Path) -> None:
    earmark("add", tmp_path / "lib", scores)
    code, out, _ = earmark("find", tmp_path / "lib", clip, "--annotations", tmp_path / "a.json", "--json")
    assert code == 0
    hits, items = json.loads(out)["hits"], json.loads((tmp_path / "a.json").read_text())["items"]
    assert len(items) == len(hits)
    assert items[0]["target"]["source"] == Path(hits[0]["source"]).as_uri()
    code, _, err = earmark("find", tmp_path / "lib", clip, "--annotations", tmp_path / "none" / "a.json")
    assert (code, err.count("\n")) == (2, 1)
    assert "cannot be written" in err


def test_find_takes_a_page_and_shows_recordings_and_measures(
    earmark: Command, scores: Path, clip: Path, kern: str, tmp_path: Path
) -> None:
    (tmp_path / "a.krn").write_text(kern)
    (tmp_path / "copy.krn").write_text(kern)
    code, out, _ = earmark("add", tmp_path / "lib", scores, clip, tmp_path / "a.krn")
    assert (code, "added: clip (recording)" in out, "added: a (1 page, 1 system)" in out) == (0, True, True)
    _, out, _ = earmark("find", tmp_path / "lib", scores / "piece-1.pdf")
    heading = next(line for line in out.splitlines() if line.split()[:2] == ["recording", "at"])
    assert heading.split() == ["recording", "at", "seen", "on", "confidence"]
    _, out, _ = earmark("find", tmp_path / "lib", tmp_path / "copy.krn", "--top", "1")
    assert out.splitlines()[0] == "a, page 1, system 1 (measure 7), surely." or "(measure 8)" in out
    assert out.splitlines()[1].split()[:4] == ["piece", "title", "page", "system"]
    _, out, _ = earmark("list", tmp_path / "lib", "--json")
    kinds = {piece["piece"]: (piece["kind"], piece["title"]) for piece in json.loads(out)["pieces"]}
    assert (kinds["clip"], kinds["a"]) == (("recording", ""), ("score", "Little Test"))


def test_find_asks_about_all_that_an_archive_holds(
    earmark: Command, scores: Path, clip: Path, music: Music, tmp_path: Path
) -> None:
    earmark("add", tmp_path / "lib", scores)
    pages = music.write_images(tmp_path / "pages", music.melody(1, NOTES), ["1.png", "2.png"])
    code, out, _ = earmark("find", tmp_path / "lib", zipped(tmp_path / "pages.zip", pages), "--json")
    assert code == 0
    answer = json.loads(out)
    assert answer["query"] == {"path": str(tmp_path / "pages.zip"), "pages": 2}
    assert answer["hits"][0]["piece"] == "piece-1"

    clip.rename(pages / "clip.wav")
    (pages / "bad.wav").touch()
    archive = zipped(tmp_path / "all.zip", pages)
    code, out, err = earmark("find", tmp_path / "lib", archive)
    assert code == 2
    assert err == f"earmark: {archive}/bad.wav: is empty (0 bytes); copy or download it again\n"
    told = [line for line in out.splitlines() if line.endswith((":", "surely."))]
    assert told[0::2] == [f"{archive}/clip.wav:", f"{archive}:"]
    assert [one.split(",")[0] for one in told[1::2]] == ["piece-1", "piece-1"]
    assert [one["query"]["path"] for one in json.loads(earmark("find", tmp_path / "lib", archive, "--json")[1])] == [
        f"{archive}/clip.wav",
        str(archive),
    ]


def test_what_fails_in_an_archive_is_named_by_its_path_there(earmark: Command, music: Music, tmp_path: Path) -> None:
    (deep := tmp_path / "all" / "deep").mkdir(parents=True)
    music.write_pdf(deep / "good.pdf", music.melody(0, 48))
    (deep / "bad.pdf").write_bytes(b"%PDF-1.4 no more")
    (deep / "good.mid").write_bytes(b"MThd")  # is beside the score
    (deep / "page.png").write_bytes(b"no image")
    (tmp_path / "all" / "empty.wav").touch()
    archive = zipped(tmp_path / "all.zip", tmp_path / "all")
    code, out, err = earmark("add", tmp_path / "json", archive, "--json")
    assert code == 2
    told = {one["source"]: one for one in json.loads(out)["pieces"] if one["status"] != "added"}
    assert {source.removeprefix(f"{archive}/"): one["status"] for source, one in told.items()} == {
        "deep/bad.pdf": "failed",
        "deep/good.mid": "skipped",
        "deep": "failed",
        "empty.wav": "failed",
    }
    for source in ("deep/bad.pdf", "deep", "empty.wav"):
        assert f"failed: {archive}/{source}: {told[f'{archive}/{source}']['reason']}" in err.splitlines()
    assert told[f"{archive}/deep/bad.pdf"]["reason"].startswith("is ")
    assert told[f"{archive}/deep"]["reason"].startswith("page.png ")

    for number in range(SCREENFUL):
        (deep / f"{number}.exe").touch()
    code, out, err = earmark("add", tmp_path / "many", zipped(archive, tmp_path / "all"))
    assert f"failed: {archive}/empty.wav: is empty (0 bytes); copy or download it again" in out.splitlines()
    assert "unpacked" not in out + err


def test_what_is_amiss_with_a_question_is_said(earmark: Command, music: Music, tmp_path: Path) -> None:
    pages = music.write_images(tmp_path / "pages", music.melody(1, 144), ["1.png", "2.png"])
    earmark("add", tmp_path / "lib", music.write_pdf(tmp_path / "piece.pdf", music.melody(1, NOTES)))
    (pages / "2.png").write_bytes(b"no image")
    assert f"{pages}: page 2 is missing (2.png" in earmark("find", tmp_path / "lib", pages)[1]
    beats = mido.MidiTrack()
    for pitch in (57, 63, 69, 75) * 8:
        beats += [mido.Message("note_on", note=pitch), mido.Message("note_off", note=pitch, time=480)]
    mido.MidiFile(tracks=[beats]).save(tmp_path / "tune.mid")
    tune = (tmp_path / "tune.mid").read_bytes()
    (tmp_path / "tune.mid").write_bytes(tune[:12] + bytes(2) + tune[14:])  # no ticks to the beat
    command = ("align", tmp_path / "lib", tmp_path / "tune.mid", "--piece", "piece")
    code, out, _ = earmark(*command)
    assert (code, out.splitlines()[0].startswith(f"{tmp_path / 'tune.mid'}: ")) == (0, True)
    remark = out.splitlines()[0].partition(": ")[2]
    assert json.loads(earmark(*command, "--json")[1])["remarks"] == [remark]
    _, table, err = earmark(*command, "--csv")
    assert (table.splitlines()[0].startswith("time_s"), remark in err) == (True, True)


def test_add_can_split_a_file_at_its_titles(earmark: Command, tmp_path: Path) -> None:
    book = Path(__file__).parents[2] / "demo" / "scores" / "petzold-menuet.pdf"
    code, out, _ = earmark("add", tmp_path / "lib", "--split", book)
    assert (code, out.splitlines()[0]) == (0, "added: petzold-menuet (1 page, 5 systems)")


def test_find_says_when_the_piece_is_not_there(earmark: Command, scores: Path, music: Music, tmp_path: Path) -> None:
    earmark("add", tmp_path / "lib", scores)
    stranger = music.write_recording(tmp_path / "stranger.wav", music.melody(99, 40))
    code, out, _ = earmark("find", tmp_path / "lib", stranger)
    assert code == 0
    assert out.startswith("Nothing likely: the piece is probably not in this library.\n")
    answer = json.loads(earmark("find", tmp_path / "lib", stranger, "--json")[1])
    assert (answer["confident"], len(answer["hits"])) == (False, PIECES)


def test_a_silent_recording_is_answered(earmark: Command, scores: Path, tmp_path: Path, write_wav: WriteWav) -> None:
    earmark("add", tmp_path / "lib", scores)
    silence = write_wav(tmp_path / "silence.wav", np.zeros(22_050 * 5))
    code, out, _ = earmark("find", tmp_path / "lib", silence, "--json")
    assert code == 0
    assert json.loads(out)["confident"] is False
    assert json.loads(out)["hits"] == []


INTERRUPTED = """
import sys, time
sys.path.insert(0, sys.argv[1])
from tests.fake_encoders import FakeEncoders
from earmark import cli
from earmark.library import library
from earmark.sources import encode
encoders = FakeEncoders()
library.load = lambda name: encoders
read_piece = encode.read_piece
def slow(*given):
    time.sleep(0.2)
    return read_piece(*given)
encode.read_piece = slow
sys.argv = ["earmark", "add", *sys.argv[2:]]
cli.main()
"""


def test_control_c_keeps_the_pieces_that_were_reported(earmark: Command, music: Music, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for seed in range(12):
        music.write_pdf(folder / f"{seed:02d}.pdf", music.melody(seed, 24))
    arguments = [str(Path(__file__).parents[2]), str(tmp_path / "lib"), str(folder)]
    adding = subprocess.Popen(
        [sys.executable, "-u", "-c", INTERRUPTED, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert adding.stdout is not None
    assert adding.stdout.readline().startswith("added: 00")
    time.sleep(0.3)
    adding.send_signal(signal.SIGINT)
    out, err = adding.communicate()
    assert adding.returncode == 130
    assert err.strip() == "earmark: stopped"
    reported = 1 + out.count("added: ")
    _, listed, _ = earmark("list", tmp_path / "lib", "--json")
    assert reported <= len(json.loads(listed)["pieces"]) < 12


def test_add_accounts_for_every_file_of_a_folder(earmark: Command, scores: Path, clip: Path, tmp_path: Path) -> None:
    for name in ("notes.txt", "letter.doc", "old.doc", ".DS_Store", "deep/x.exe", "damaged.pdf"):
        (scores / name).parent.mkdir(exist_ok=True)
        (scores / name).write_bytes(b"nothing")
    clip.rename(scores / "clip.wav")
    code, out, err = earmark("add", tmp_path / "lib", scores)
    assert code == 2
    assert err.splitlines()[-1] == f"earmark: 1 of {PIECES + 2} could not be added"
    assert out.splitlines()[-5:-1] == [
        "skipped: 1 file (.DS_Store) that is hidden",
        f"skipped: 2 files (.doc) that are each {'; '.join(UNREAD['.doc']).removeprefix('is ')}",
        "skipped: 2 files (.txt, .exe) that are neither sheet music nor a recording",
        f"{PIECES + 1} added, 5 skipped, 1 failed",
    ]
    told = json.loads(earmark("add", tmp_path / "lib", scores, "--json")[1])["pieces"]
    files = sorted(str(path) for path in scores.rglob("*") if path.is_file())
    assert sorted(one["source"] for one in told) == files
    assert {one["status"] for one in told} == {"unchanged", "skipped", "failed"}


def test_the_answer_is_printed_though_its_page_has_moved(
    earmark: Command, scores: Path, clip: Path, tmp_path: Path
) -> None:
    earmark("add", tmp_path / "lib", scores)
    (scores / "piece-1.pdf").rename(scores / "moved.pdf")
    code, out, err = earmark("find", tmp_path / "lib", clip, "--draw", tmp_path / "drawn")
    assert (code, out.splitlines()[0]) == (2, "piece-1, page 2, system 1, surely.")
    assert "piece-1.pdf" in err


def test_a_midi_file_is_added_found_and_followed(earmark: Command, tmp_path: Path) -> None:
    track = mido.MidiTrack()
    for pitch in (57, 63, 69, 75) * 8:
        track += [mido.Message("note_on", note=pitch), mido.Message("note_off", note=pitch, time=480)]
    mido.MidiFile(tracks=[track]).save(tmp_path / "tune.mid")
    library = tmp_path / "lib"
    code, out, _ = earmark("add", library, tmp_path / "tune.mid")
    assert (code, out.splitlines()[0]) == (0, "added: tune (recording)")
    code, _, err = earmark("align", library, tmp_path / "tune.mid", "--piece", "tune")
    assert (code, "'tune' is a recording" in err) == (2, True)
    code, _, err = earmark("align", library, tmp_path / "tune.mid")
    assert (code, "is probably of no piece" in err) == (1, True)
    assert earmark("find", library, tmp_path / "tune.mid", "--json")[0] == 0
