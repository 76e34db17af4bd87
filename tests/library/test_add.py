"""One bad file never stops the others: whatever a decoder raises at it is one failed outcome."""

from __future__ import annotations

import os
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import mido
import numpy as np
import PIL.Image
import pypdfium2
import pytest

from earmark.errors import EMPTY, BadInput
from earmark.library.library import Library
from earmark.sheet import engrave
from earmark.sheet.formats import ENDINGS, UNREAD, UNTELLING
from earmark.sources import encode as encode_module
from earmark.sources.on_disk import LATEST_NS
from earmark.sources.reading import read_piece

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

RAISED = [
    *(ValueError("x"), TypeError(), AssertionError(), ZeroDivisionError("float division"), NotImplementedError("9.9")),
    *(RuntimeError(), RecursionError(), MemoryError(), UnicodeDecodeError("utf-8", b"\xe4", 0, 1, "no"), KeyError(7)),
    *(OverflowError(), IndexError(), AttributeError("seek"), OSError(5, "Input/output error"), EOFError()),
]


@pytest.fixture
def library(encoders: FakeEncoders, tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library", encoders)


@pytest.fixture
def scores(music: Music, tmp_path: Path) -> Path:
    """A folder of one good PDF and, after it by name, one file of every other kind."""
    folder = music.write_scores(tmp_path / "scores", 1, 48)
    PIL.Image.fromarray(np.full((300, 200), 255, np.uint8)).save(folder / "q-image.png")
    (folder / "r-notation.abc").write_text("X:1\nK:C\nCDEF|\n")
    with wave.open(str(folder / "s-sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 22_050, 0, "NONE", ""))
        sound.writeframes(np.zeros(22_050, np.int16).tobytes())
    return folder


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_whatever_a_decoder_raises_fails_its_file_alone(
    error: Exception, library: Library, scores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PIL.Image, "open", raising(error))
    monkeypatch.setattr(engrave, "read_page", raising(error))
    monkeypatch.setattr(subprocess, "run", raising(error))
    monkeypatch.setattr(av, "open", raising(error))
    outcomes = library.add(scores)
    assert {Path(outcome.source).name: outcome.status for outcome in outcomes} == {
        "piece-0.pdf": "added", "r-notation.abc": "failed", "s-sound.wav": "failed", "scores": "failed",
    }  # fmt: skip
    assert all(outcome.reason and "\n" not in outcome.reason for outcome in outcomes if outcome.status == "failed")
    monkeypatch.setattr(pypdfium2.PdfDocument, "__init__", raising(error))
    os.utime(scores / "piece-0.pdf")
    (scores / "piece-0.pdf").write_bytes(b"%PDF-1.4 other")
    assert "failed" in {outcome.status for outcome in library.add(scores / "piece-0.pdf")}
    assert [piece.name for piece in library.pieces()] == ["piece-0"]  # what was there stays


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("name", ["q-image.png", "s-sound.wav", "t-song.mid"])
def test_whatever_a_decoder_raises_at_a_query_is_bad_input(
    error: Exception, name: str, library: Library, scores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(scores / "piece-0.pdf")
    (scores / "t-song.mid").write_bytes(b"MThd")
    monkeypatch.setattr(PIL.Image, "open", raising(error))
    monkeypatch.setattr(av, "open", raising(error))
    monkeypatch.setattr(mido, "MidiFile", raising(error))
    with pytest.raises(BadInput, match=name):
        library.find(scores / name)


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_whatever_a_decoder_raises_at_what_is_followed_is_bad_input(
    error: Exception, library: Library, scores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(scores / "piece-0.pdf")
    monkeypatch.setattr(av, "open", raising(error))
    with pytest.raises(BadInput, match=r"s-sound\.wav"):
        library.align(scores / "s-sound.wav", progress=lambda share: None)


@pytest.mark.parametrize("error", [ValueError("x"), KeyError(3), RuntimeError()])
def test_what_goes_wrong_after_reading_fails_that_file_alone(
    error: Exception, library: Library, music: Music, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = music.write_scores(tmp_path / "two", 2, 48)

    def once(files: Any, model: Any, sandbox: Any, report: Any) -> Any:
        if Path(files[0]).name == "piece-0.pdf":
            raise error
        return read_piece(files, model, sandbox, report)

    monkeypatch.setattr(encode_module, "read_piece", once)
    assert [outcome.status for outcome in library.add(folder)] == ["failed", "added"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' file names are Unicode")
def test_a_name_that_is_not_utf8_and_a_clock_that_was_wrong(library: Library, music: Music, tmp_path: Path) -> None:
    folder = music.write_scores(tmp_path / "odd", 2, 48)
    os.rename(os.fsencode(folder / "piece-0.pdf"), os.fsencode(folder) + b"/n\xe4me.pdf")
    os.utime(folder / "piece-1.pdf", ns=(LATEST_NS, LATEST_NS))
    future, unnamed = library.add(folder)
    if future.status == "failed":
        future, unnamed = unnamed, future
    assert (future.status, unnamed.status) == ("added", "failed")
    assert "has a name that is not UTF-8; rename it" in unnamed.reason
    unnamed.source.encode()  # it can be printed
    assert [outcome.status for outcome in library.add(folder)].count("unchanged") == 1


def test_nine_channels_are_read(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "nine.wav"
    rng = np.random.default_rng(0)
    with wave.open(str(path), "wb") as sound:
        sound.setparams((9, 2, 22_050, 0, "NONE", ""))
        sound.writeframes(rng.integers(-8000, 8000, (22_050, 9), dtype=np.int16).tobytes())
    (outcome,) = library.add(path)
    assert (outcome.status, outcome.piece is not None and outcome.piece.kind) == ("added", "recording")


def test_a_video_is_a_recording(library: Library, tmp_path: Path) -> None:
    path, rng = tmp_path / "clip.mp4", np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=22_050, layout="mono")
        frame = av.AudioFrame.from_ndarray(rng.uniform(-0.3, 0.3, (1, 1024)).astype(np.float32), "fltp", "mono")
        frame.sample_rate = 22_050
        for _ in range(60):
            frame.pts = None
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert [outcome.status for outcome in library.add(tmp_path / "clip.mp4")] == ["added"]
    assert [piece.kind for piece in library.pieces()] == ["recording"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_is_not_waited_for(library: Library, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tune.mei")
    (outcome,) = library.add(tmp_path / "tune.mei")
    assert (outcome.status, outcome.reason) == ("failed", "is no file; give a file or a folder")


def test_a_file_of_nothing_is_empty_whatever_it_is_called(library: Library, tmp_path: Path) -> None:
    for ending in (*ENDINGS, *UNREAD, *UNTELLING, ".zip", ".exe", ""):
        (tmp_path / f"empty{ending}").touch()
    outcomes = library.add(sorted(tmp_path.glob("empty*")))
    assert [Path(one.source).name for one in outcomes if one.reason != "; ".join(EMPTY)] == []
    assert len(outcomes) > 100


def test_an_image_that_cannot_be_read_is_named_and_keeps_the_others_numbers(
    encoders: FakeEncoders, music: Music, tmp_path: Path
) -> None:
    folder = music.write_images(tmp_path / "book", music.melody(0, 216), ("page_1.png", "page_2.png", "page_3.png"))
    (folder / "page_2.png").write_bytes(b"no image")
    with Library.open(tmp_path / "library", encoders) as library:
        (outcome,) = library.add(folder)
        assert outcome.status == "added"
        assert outcome.remarks[0].startswith("page 2 is missing (page_2.png is damaged")
        hit = library.find(music.write_recording(tmp_path / "clip.wav", music.melody(0, 216), first=150)).hits[0]
        assert (hit.piece, hit.page) == ("book", 3)
