from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from earmark.audio.spectrogram import spectrogram
from earmark.cli.corpus import corpus_command
from earmark.corpus.check import check
from earmark.errors import BadInput
from tests.conftest import KERN
from tests.corpus.conftest import PIANO, write_source

pytestmark = pytest.mark.usefixtures("lilypond", "piano")


def write_pieces(source: Path) -> None:
    """Lists two good pieces of ``source``: one that Verovio engraves at once, and one that LilyPond engraves."""
    (source / "one.krn").write_text(KERN)
    (source / "pieces.json").write_text(json.dumps({"one": "one.krn", "two": "ftp/Own/bars/two.ly"}))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The two pieces' source and the corpus built of it, for tests that copy the corpus."""
    folder = tmp_path_factory.mktemp("built")
    source = write_source(folder / "source")
    write_pieces(source)
    done = CliRunner().invoke(corpus_command, arguments(folder / "corpus", source))
    assert done.exit_code == 0, done.output
    assert "2 of 2 pieces" in done.output
    return source, folder / "corpus"


def arguments(out: Path, source: Path, *more: str) -> list[str]:
    of = ["--source", str(source), "--pieces", str(source / "pieces.json")]
    return ["build", str(out), *of, "--pianos", PIANO, "-j", "1", *more]


def test_a_corpus_is_built_and_proved(built: tuple[Path, Path]) -> None:
    _, out = built

    report = check(out)
    assert report.problems == []
    assert (report.ok, report.failed, report.well_aligned) == (2, 0, 2)
    assert (report.sounding, report.matched) == (11 + 6, 11 + 6)
    assert report.renderings == {f"{PIANO}@1": 2}
    assert [entry.name for entry in out.iterdir() if entry.name.startswith(".")] == []

    folder = out / "pieces" / "two"
    description = json.loads((folder / "piece.json").read_text())
    assert (description["title"], description["composer"], description["licence"]) == ("Two Bars", "Earmark", "CC0")
    (system,) = description["systems"]
    assert len(system["staves"]) == 2
    assert system["staff_height_px"] == pytest.approx(20 / 72.27 * 200, rel=0.002)
    with np.load(folder / "noteheads.npz") as file:
        heads = dict(file)
    order = np.lexsort((heads["pitch"], heads["x_px"], heads["staff"]))
    grace_s = (2304 - 22) / 768  # 9/40 of a sixteenth before the third beat of the second bar
    np.testing.assert_allclose(
        heads["onset_s"][order], [0, 0.5, 0.5, 1, np.nan, 1.75, 2, grace_s, 3, 0, 2, 3], atol=2 / 768
    )
    assert heads["staff"][order].tolist() == [0] * 9 + [1] * 3
    assert heads["tick"][order].tolist().count(-1) == 1

    bands = np.load(folder / "audio" / f"{PIANO}@1.npy")
    loudness = bands.astype(np.float32).sum(axis=1)
    assert np.argmax(loudness > 0.05 * loudness.max()) <= 1, "the first note sounds at once"
    assert bands.shape == (len(spectrogram(np.zeros(6 * 22_050, np.float32))), 92)


def test_a_broken_piece_is_reported_and_the_rest_is_built(source: Path, tmp_path: Path) -> None:
    write_pieces(source)
    (source / "ftp/Own/bars/two.ly").write_text('\\version "2.24.0"\n#(ly:error "no music today")')
    out = tmp_path / "corpus"
    done = CliRunner().invoke(corpus_command, arguments(out, source))
    assert done.exit_code == 1
    assert "1 of 2 pieces" in done.output
    manifest = {entry["piece"]: entry for entry in json.loads((out / "manifest.json").read_text())["pieces"]}
    assert manifest["one"]["status"] == "ok"
    assert manifest["two"]["status"] == "failed"
    assert "no music today" in manifest["two"]["reason"]
    assert not (out / "pieces" / "two").exists()
    assert check(out).problems == []


def test_a_second_build_adds_only_what_is_missing(built: tuple[Path, Path], tmp_path: Path) -> None:
    source, corpus = built
    out = shutil.copytree(corpus, tmp_path / "corpus")
    before = {path: path.stat().st_mtime_ns for path in out.glob("pieces/*/*") if path.suffix in (".pdf", ".npz")}
    first = {path: path.stat().st_mtime_ns for path in out.glob("pieces/*/audio/*")}
    (source / "one.krn").write_text(KERN.replace("4F\t4a", "8F\t4a\n8F\t."))
    assert CliRunner().invoke(corpus_command, arguments(out, source, "--tempos", "1,2")).exit_code == 0
    report = check(out)
    assert report.problems == []
    assert report.renderings == {f"{PIANO}@1": 2, f"{PIANO}@2": 2}
    assert report.matched == 11 + 7, "a piece whose source has changed is built again"
    for path, time_ns in (before | first).items():
        assert (path.stat().st_mtime_ns == time_ns) == ("two" in path.parts)


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_a_stopped_build_is_taken_up_again(source: Path, tmp_path: Path, stop: signal.Signals, code: int) -> None:
    write_pieces(source)
    out = tmp_path / "corpus"
    command = [sys.executable, "-c", "from earmark.cli import main; main()", "corpus", *arguments(out, source)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    one = out / "pieces" / "one" / "piece.json"
    while not one.is_file() and running.poll() is None:
        time.sleep(0.01)
    running.send_signal(stop)
    assert running.wait() == code
    if stop == signal.SIGINT:
        assert check(out).problems == [], "ctrl-C leaves a manifest of what there is"
    time_ns = (one.parent / "score.pdf").stat().st_mtime_ns

    assert CliRunner().invoke(corpus_command, arguments(out, source)).exit_code == 0
    assert check(out).problems == []
    assert (one.parent / "score.pdf").stat().st_mtime_ns == time_ns
    assert list((out / "unfinished").glob("*")) == []


def test_check_finds_what_was_changed(built: tuple[Path, Path], tmp_path: Path) -> None:
    out = shutil.copytree(built[1], tmp_path / "corpus")
    (out / "pieces/one/page-001.png").write_bytes(b"")
    with np.load(out / "pieces/two/noteheads.npz") as arrays:
        heads = dict(arrays)
    np.savez_compressed(out / "pieces/two/noteheads.npz", **(heads | {"onset_s": heads["onset_s"] + 0.1}))
    done = CliRunner().invoke(corpus_command, ["check", str(out), "--json"])
    assert done.exit_code == 1
    problems = json.loads(done.output)["problems"]
    assert "one: page-001.png has changed" in problems
    assert "two: noteheads.npz has changed" in problems
    assert "two: onsets are not the seconds of their ticks" in problems


def test_a_folder_without_a_corpus_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is no finished corpus"):
        check(tmp_path)
