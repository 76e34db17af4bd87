"""The installed commands add, find, list and remove, run in this process with the fake encoders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from earmark import cli
from earmark import library as library_module

if TYPE_CHECKING:
    from tests.conftest import FakeEncoders, Music, WriteWav

PIECES, NOTES = 3, 120


class Command:
    """Runs ``earmark`` and keeps what it said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        self._monkeypatch.setattr(sys, "argv", ["earmark", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = self._capsys.readouterr()
        return code, out, err


@pytest.fixture
def earmark(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], encoders: FakeEncoders) -> Command:
    monkeypatch.setattr(library_module, "load", lambda name: encoders)
    return Command(monkeypatch, capsys)


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
    assert out.splitlines() == [f"added: piece-{seed} (2 pages, 5 systems)" for seed in range(PIECES)]
    code, out, _ = earmark("find", library, clip)
    assert code == 0
    assert out.splitlines()[1].split()[:4] == ["1", "piece-1", "2", "1"]
    code, out, _ = earmark("list", library)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["piece-0", "piece-1", "piece-2"]
    code, out, _ = earmark("remove", library, "piece-0", "piece-2")
    assert (code, out) == (0, "removed: piece-0\nremoved: piece-2\n")
    code, out, _ = earmark("list", library, "--json")
    assert [piece["piece"] for piece in json.loads(out)["pieces"]] == ["piece-1"]


def test_find_prints_the_json_of_the_documentation(earmark: Command, scores: Path, clip: Path, tmp_path: Path) -> None:
    earmark("add", tmp_path / "lib", scores)
    code, out, err = earmark("find", tmp_path / "lib", clip, "--top", "2", "--start", "1", "--end", "9", "--json")
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert list(answer) == ["query", "model", "confident", "hits", "recordings"]
    assert answer["query"] == {"path": str(clip), "start_s": 1.0, "duration_s": 8.0}
    assert answer["model"] == "fake-1"
    assert answer["confident"] is True
    hit = answer["hits"][0]
    assert list(hit) == [
        "rank",
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
    header, first, *_ = earmark("find", tmp_path / "lib", clip)[1].splitlines()
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
    assert list(answer) == ["audio", "model", "piece", "source", "systems", "points"]
    assert answer["audio"] == {"path": str(recording), "duration_s": 60.0}
    assert list(answer["systems"][0]) == ["page", "system", "box"]
    columns = ["time_s", "page", "system", "x", "strip_px", "confidence"]
    assert list(answer["points"][0]) == columns
    code, out, _ = earmark("align", tmp_path / "lib", recording, "--csv")
    lines = out.splitlines()
    assert lines[0] == ",".join(columns)
    assert len(lines) == 1 + len(answer["points"])
    assert lines[-1].split(",") == [str(value) for value in answer["points"][-1].values()]


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
    assert earmark("align", tmp_path / "lib", silence, "--piece", "piece-1")[:2] == (0, "Nothing was heard.\n")
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
    assert (code, "added: clip (recording)" in out, "added: a (1 pages, 1 systems)" in out) == (0, True, True)
    _, out, _ = earmark("find", tmp_path / "lib", scores / "piece-1.pdf")
    heading = next(line for line in out.splitlines() if "recording" in line)
    assert heading.split() == ["recording", "at", "seen", "on", "confidence"]
    _, out, _ = earmark("find", tmp_path / "lib", tmp_path / "copy.krn", "--top", "1")
    assert "measure" in out
    _, out, _ = earmark("list", tmp_path / "lib", "--json")
    kinds = {piece["piece"]: (piece["kind"], piece["title"]) for piece in json.loads(out)["pieces"]}
    assert (kinds["clip"], kinds["a"]) == (("recording", ""), ("score", "Little Test"))


def test_add_can_split_a_file_at_its_titles(earmark: Command, tmp_path: Path) -> None:
    book = Path(__file__).parents[1] / "demo" / "scores" / "petzold-menuet.pdf"
    code, out, _ = earmark("add", tmp_path / "lib", "--split", book)
    assert (code, out) == (0, "added: petzold-menuet (1 pages, 5 systems)\n")


def test_find_says_when_the_piece_is_not_there(earmark: Command, scores: Path, music: Music, tmp_path: Path) -> None:
    earmark("add", tmp_path / "lib", scores)
    stranger = music.write_recording(tmp_path / "stranger.wav", music.melody(99, 40))
    code, out, _ = earmark("find", tmp_path / "lib", stranger)
    assert code == 0
    assert out.startswith("Probably not in this library.")


def test_a_silent_recording_is_answered(earmark: Command, scores: Path, tmp_path: Path, write_wav: WriteWav) -> None:
    earmark("add", tmp_path / "lib", scores)
    silence = write_wav(tmp_path / "silence.wav", np.zeros(22_050 * 5))
    code, out, _ = earmark("find", tmp_path / "lib", silence, "--json")
    assert code == 0
    assert json.loads(out)["confident"] is False
    assert json.loads(out)["hits"] == []


def encrypted_pdf() -> bytes:
    """A PDF of one page behind a password (the standard handler, revision 2, with keys that fit no password)."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
        b"<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>" % (b"ab" * 32, b"cd" * 32),
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<</Size 5/Root 1 0 R/Encrypt 4 0 R/ID[<%s><%s>]>>\n" % (b"01" * 16, b"01" * 16)
    return out + b"xref\n0 5\n0000000000 65535 f \n" + table + trailer + b"startxref\n%d\n%%%%EOF" % len(out)


def write_bad_scores(folder: Path, good: Path, blank: Path) -> dict[str, Path]:
    """Every kind of bad input of sheet music by what is wrong with it."""
    folder.mkdir()
    bad = {
        kind: folder / name
        for kind, name in {
            "zero bytes": "zero.pdf",
            "truncated": "truncated.pdf",
            "wrong type": "wrong.pdf",
            "encrypted": "encrypted.pdf",
            "1x1": "one.png",
            "20 000 px": "huge.png",
            "photo of no music": "photo.jpg",
            "blank": "blank.png",
            "broken image": "broken.png",
        }.items()
    }
    bad["zero bytes"].touch()
    bad["truncated"].write_bytes(good.read_bytes()[:2000])
    bad["wrong type"].write_bytes(b"GIF89a" + bytes(100))
    bad["encrypted"].write_bytes(encrypted_pdf())
    Image.new("L", (1, 1), 0).save(bad["1x1"])
    Image.new("1", (20_000, 20_000), 1).save(bad["20 000 px"])
    x, y = np.meshgrid(np.arange(1200), np.arange(900))
    landscape = 127 + 60 * np.sin(x / 90) * np.cos(y / 70) + np.random.default_rng(0).normal(0, 12, x.shape)
    Image.fromarray(landscape.clip(0, 255).astype(np.uint8)).save(bad["photo of no music"])
    bad["blank"].write_bytes(blank.read_bytes())
    bad["broken image"].write_bytes(b"\x89PNG\r\n\x1a\n broken")
    return bad


def test_bad_sheet_music_is_reported_and_the_rest_is_added(
    earmark: Command, scores: Path, blank_page: Path, tmp_path: Path
) -> None:
    bad = write_bad_scores(tmp_path / "bad", scores / "piece-0.pdf", blank_page)
    code, out, err = earmark("add", tmp_path / "lib", *bad.values(), scores, "--json")
    assert code == 2
    outcomes: dict[str, Any] = {outcome["source"]: outcome for outcome in json.loads(out)["pieces"]}
    for kind, path in bad.items():
        assert outcomes[str(path)]["status"] == "failed", kind
        assert "; " in outcomes[str(path)]["reason"], kind
        assert f"failed: {path}: " in err, kind
    assert f"earmark: {len(bad)} of {len(bad) + PIECES} could not be added" in err
    assert sum(outcome["status"] == "added" for outcome in outcomes.values()) == PIECES
    assert "is encrypted" in outcomes[str(bad["encrypted"])]["reason"]
    assert "Traceback" not in err


def test_bad_recordings_are_one_line(earmark: Command, scores: Path, tmp_path: Path, blank_page: Path) -> None:
    earmark("add", tmp_path / "lib", scores)
    (tmp_path / "zero.wav").touch()
    (tmp_path / "text.mp3").write_text("no recording at all")
    for name in ("gone.wav", "zero.wav", "text.mp3", "scores", blank_page.name):
        code, out, err = earmark("find", tmp_path / "lib", tmp_path / name)
        assert (code, out) == (2, ""), name
        assert err.startswith(f"earmark: {tmp_path / name}: "), name
        assert err.count("\n") == 1, name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("find", "none", "clip.wav"), "holds no library; make one with: earmark add"),
        (("list", "none"), "holds no library"),
        (("list", "https://host/library"), "remote libraries are not supported yet; give a folder"),
        (("remove", "lib", "nothing"), "has no piece 'nothing'"),
        (("find", "lib", "clip.wav", "--start", "500"), "before the start"),
        (("find", "lib", "clip.wav", "--start", "5", "--end", "4"), "give a start before the end"),
    ],
)
def test_mistakes_are_one_line_and_exit_with_two(
    earmark: Command,
    scores: Path,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    earmark("add", "lib", scores)
    code, out, err = earmark(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_the_drawing_says_when_the_page_is_gone(earmark: Command, scores: Path, clip: Path, tmp_path: Path) -> None:
    earmark("add", tmp_path / "lib", scores)
    (scores / "piece-1.pdf").unlink()
    code, _, err = earmark("find", tmp_path / "lib", clip, "--draw", tmp_path / "drawn")
    assert code == 2
    assert "piece-1.pdf: does not exist" in err


def test_a_folder_that_may_not_be_read_is_reported(earmark: Command, tmp_path: Path, scores: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    scores.chmod(0)
    code, _, err = earmark("add", tmp_path / "lib", scores)
    scores.chmod(0o755)
    assert code == 2
    assert "may not be read" in err


INTERRUPTED = """
import sys, time
sys.path.insert(0, sys.argv[1])
import conftest
from earmark import adding, cli, library
encoders = conftest.FakeEncoders()
library.load = lambda name: encoders
embed_piece = adding.embed_piece
def slow(files, encoders):
    time.sleep(0.2)
    return embed_piece(files, encoders)
adding.embed_piece = slow
sys.argv = ["earmark", "add", *sys.argv[2:]]
cli.main()
"""


def test_control_c_keeps_the_pieces_that_were_reported(earmark: Command, music: Music, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for seed in range(12):
        music.write_pdf(folder / f"{seed:02d}.pdf", music.melody(seed, 24))
    arguments = [str(Path(__file__).parent), str(tmp_path / "lib"), str(folder)]
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


def test_help_is_instant_and_shows_examples() -> None:
    start = time.perf_counter()
    shown = subprocess.run(
        [sys.executable, "-c", "from earmark.cli import main; main()", "--help"], capture_output=True, text=True
    )
    seconds = time.perf_counter() - start
    assert shown.returncode == 0
    assert "earmark find ~/scores clip.m4a" in shown.stdout
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import earmark.cli"], capture_output=True, text=True
    ).stderr
    for heavy in ("faiss", "onnxruntime", "av", "pypdfium2", "torch", "PIL", "rich"):
        assert f" {heavy}\n" not in loaded
    assert seconds < 5  # 0.2 s on an idle machine
