"""``earmark listen``, with a recording or samples in place of a microphone, and time that does not pass."""

from __future__ import annotations

import io
import json
import queue
import sys
import time
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from earmark.audio.rate import speed
from earmark.library.library import Library

if TYPE_CHECKING:
    from tests.conftest import Command, Music
    from tests.fake_encoders import FakeEncoders

NOTES = 120


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept, in place of sleeping; every look at the clock is 0.1 s after the last."""
    slept: list[float] = []
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.1
        return now

    monkeypatch.setattr(time, "monotonic", clock)
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


@pytest.fixture
def listened(earmark: Command, music: Music, encoders: FakeEncoders, tmp_path: Path) -> Any:
    """Runs ``earmark listen`` on a library of made-up music: exit code and the two outputs."""
    with Library.open(tmp_path / "library", encoders) as library:
        library.add(music.write_scores(tmp_path / "scores", 3, NOTES))
    return partial(earmark, "listen", tmp_path / "library")


@pytest.fixture
def clip(music: Music, tmp_path: Path) -> Path:
    return music.write_recording(tmp_path / "clip.wav", music.melody(1, NOTES)[:110], first=75)


@pytest.mark.usefixtures("slept")
def test_a_recording_is_followed(listened: Any, clip: Path) -> None:
    code, out, err = listened("--input", clip)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].endswith("nothing yet")
    assert "piece-1, page 2, system 2," in lines[-1]
    code, out, _ = listened("--input", clip, "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert (answers[-1]["confident"], answers[-1]["now"]["page"], answers[-1]["heard_s"]) == (True, 2, 17.5)


def test_a_part_for_a_horn_is_heard_as_it_is_printed(listened: Any, music: Music, tmp_path: Path) -> None:
    melody = music.melody(1, NOTES)[:65]
    horn = music.write_recording(tmp_path / "horn.wav", melody, 1 / speed(7), 30, semitones=-7)
    code, out, err = listened("--input", horn, "--semitones", "7")
    assert (code, err) == (0, "")
    assert "piece-1, page 1, system 3," in out.splitlines()[-1]
    assert "piece-1" not in listened("--input", horn)[1]


def test_a_recording_is_heard_as_fast_as_it_is_played(listened: Any, clip: Path, slept: list[float]) -> None:
    listened("--input", clip)
    assert len(slept) >= 17.5 / 0.1
    assert max(slept) <= 0.1


@pytest.mark.usefixtures("slept")
def test_samples_on_standard_input(listened: Any, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = clip.read_bytes()[44:] + b"?"  # a WAV's samples, and half of one
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(samples)))
    code, out, _ = listened("--input", "-", "--rate", "22050")
    assert (code, "piece-1, page 2" in out.splitlines()[-1]) == (0, True)


@pytest.mark.usefixtures("slept")
def test_a_microphone(listened: Any, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pcm = np.frombuffer(clip.read_bytes()[44:], "<i2")

    class InputStream:
        """Plays the clip into the callback."""

        def __init__(self, callback: Any, blocksize: int, samplerate: int, **options: Any) -> None:
            assert (blocksize, samplerate) == (2205, 22_050)
            for start in range(0, len(pcm), blocksize):
                callback(pcm[start : start + blocksize, None], blocksize, None, None)

        def __enter__(self) -> None: ...

        def __exit__(self, *error: object) -> None: ...

    stand_in = ModuleType("sounddevice")
    vars(stand_in).update(InputStream=InputStream, PortAudioError=OSError)
    monkeypatch.setitem(sys.modules, "sounddevice", stand_in)
    blocks = len(range(0, len(pcm), 2205))

    class Emptied(queue.Queue[Any]):
        """Ctrl-C comes when all has been heard."""

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            nonlocal blocks
            blocks -= 1
            if blocks < 0:
                raise KeyboardInterrupt
            return super().get(block, timeout)

    monkeypatch.setattr("queue.SimpleQueue", Emptied)
    code, out, _ = listened()
    assert (code, "piece-1" in out) == (130, True)


def test_no_microphone_and_no_such_file(listened: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    code, _, err = listened()
    assert (code, "pip install 'earmark[listen]'" in err) == (2, True)
    code, _, err = listened("--input", tmp_path / "nothing.wav")
    assert (code, "does not exist" in err) == (2, True)
