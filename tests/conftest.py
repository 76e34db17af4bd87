"""Made-up music that both sides of a made-up model understand, so that search is tested without trained
weights.

A *melody* is a sequence of degrees 0..`DEGREES` - 1. Its page draws one system per line of notes: two staves,
and a black block per note whose height above the staves tells the degree. Its recording plays a sine wave per
note. The fake encoders read the degrees in their window back from either and give both sides the same vector.
"""

from __future__ import annotations

import importlib
import signal
import sys
import threading
import wave
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from PIL import Image

from earmark import cli
from earmark.errors import reading
from earmark.library import library
from earmark.sandbox import sandbox as sandbox_module
from earmark.sandbox.child import Call
from earmark.sandbox.messages import read as read_value
from earmark.sandbox.messages import returned
from earmark.sandbox.messages import write as write_value
from earmark.sandbox.process import Process
from earmark.schema import AudioSpec, SheetSpec
from earmark.sheet import read
from earmark.sheet.systems.find import Layout, read_layout

from .fake_encoders import DEGREES, NOTE_S, NOTE_STRIP_PX, FakeEncoders, frequencies_hz
from .store.engines import Server

NOTES_PER_SYSTEM = 24
SYSTEMS_PER_PAGE = 3
STAFF_PX = 28  # two page px are one strip px


KERN = """!!!COM: Bach, Johann Sebastian
!!!OTL: Little Test
**kern\t**kern
*clefF4\t*clefG2
*M2/4\t*M2/4
=7\t=7
4F\t4a
4G\t4b
=8\t=8
2F\t2a
==\t==
*-\t*-
"""

Melody = npt.NDArray[np.int64]
WriteWav = Callable[[Path, npt.NDArray[np.float64]], Path]


# How long a test takes depends on what else the machine does; what it tries does not depend on anything.
settings.register_profile("unhurried", deadline=None, derandomize=True)
settings.register_profile("long", deadline=None, max_examples=10_000)
settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Lets tests interrupt their children also where ctrl-C is ignored, as in a shell's background jobs."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Music:
    """Writes made-up pieces: ``melody`` → page images, PDF, recording."""

    def melody(self, seed: int, notes: int = 60) -> Melody:
        return np.random.default_rng(seed).integers(DEGREES, size=notes)

    def pages(self, melody: Melody) -> list[npt.NDArray[np.uint8]]:
        """Page images, `SYSTEMS_PER_PAGE` systems of `NOTES_PER_SYSTEM` notes on each, 1160 px wide."""
        lines = [melody[i : i + NOTES_PER_SYSTEM] for i in range(0, len(melody), NOTES_PER_SYSTEM)]
        pages = []
        for i in range(0, len(lines), SYSTEMS_PER_PAGE):
            page = np.full((900, 1160), 255, np.uint8)
            for j, line in enumerate(lines[i : i + SYSTEMS_PER_PAGE]):
                _draw_system(page, 100, 140 + 260 * j, line)
            pages.append(page)
        return pages

    def write_pdf(self, path: Path, melody: Melody) -> Path:
        images = [Image.fromarray(page) for page in self.pages(melody)]
        images[0].save(path, "PDF", resolution=200, save_all=True, append_images=images[1:])
        return path

    def write_scores(self, folder: Path, pieces: int, notes: int) -> Path:
        """A new folder of PDFs, ``piece-N.pdf`` of the melody ``N``."""
        folder.mkdir()
        for seed in range(pieces):
            self.write_pdf(folder / f"piece-{seed}.pdf", self.melody(seed, notes))
        return folder

    def write_images(self, folder: Path, melody: Melody, names: Sequence[str]) -> Path:
        folder.mkdir(parents=True)
        for name, page in zip(names, self.pages(melody), strict=True):
            Image.fromarray(page).save(folder / name)
        return folder

    def write_recording(
        self, path: Path, melody: Melody, tempo: float = 1.0, first: int = 0, semitones: float = 0
    ) -> Path:
        """A WAV file of the notes from ``first`` on, played ``tempo`` times as fast and ``semitones`` higher."""
        rate = AudioSpec().sample_rate_hz
        time_s = np.arange(int(NOTE_S / tempo * rate)) / rate
        hertz = frequencies_hz() * 2 ** (semitones / 12)
        tones = [0.3 * np.sin(2 * np.pi * hz * time_s) for hz in hertz[melody[first:]]]
        return write_wav(path, np.concatenate(tones))


def write_wav(path: Path, samples: npt.NDArray[np.float64]) -> Path:
    """Mono 16-bit WAV at the spectrogram's rate; samples in -1..1."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AudioSpec().sample_rate_hz)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def _draw_system(page: npt.NDArray[np.uint8], x0: int, y0: int, notes: Melody) -> None:
    """Two staves, 28 px apart, joined at both ends, from (x0, y0); a degree is a block above them."""
    x1 = x0 + 2 * NOTE_STRIP_PX * NOTES_PER_SYSTEM
    bottom = y0 + 3 * STAFF_PX
    for top in (y0, y0 + 2 * STAFF_PX):
        for line in range(5):
            page[top + line * STAFF_PX // 4 : top + line * STAFF_PX // 4 + 2, x0:x1] = 0
        # A clef, by which a page is known to stand upright.
        page[top + 1 : top + 34, x0 + 10 : x0 + 16] = 0
        page[top + 8 : top + 20, x0 + 16 : x0 + 24] = 0
    for x in (x0, x1 - 3):
        page[y0 : bottom + 2, x : x + 3] = 0
    middle = (y0 + bottom) / 2
    strip_top = round(middle - SheetSpec().strip_height_px)
    for i, degree in enumerate(notes):
        x, y = x0 + 2 * NOTE_STRIP_PX * i, strip_top + 2 * (1 + 3 * int(degree))
        page[y : y + 6, x : x + 2 * NOTE_STRIP_PX] = 0


class Command:
    """Runs ``earmark`` in this process and keeps what it said."""

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


@lru_cache(maxsize=64)
def layout_of_pixels(pixels: bytes, width: int) -> Layout:
    return read_layout(np.frombuffer(pixels, np.uint8).reshape(-1, width))


@pytest.fixture(scope="session", autouse=True)
def layouts_are_found_once() -> Iterator[None]:
    """Finds the systems of a page once, which takes longer than all else that is done with made-up pages.

    The same few melodies are added to libraries by hundreds of tests. `tests/sheet` calls the finder itself.
    """
    with patch.object(read, "read_layout", lambda image: layout_of_pixels(image.tobytes(), image.shape[1])):
        yield


END = object()
ONE_READS = threading.RLock()
"""PDFium crashes where two threads use it at once, which no process that reads files lets them."""


class ReadsHere:
    """In place of a process that reads files, the one of the tests: it starts at once, and sees their patches."""

    is_usable = True

    def __init__(self, modules: Sequence[str] = ()) -> None:
        """There is nothing to start."""

    def is_alive(self) -> bool:
        return True

    def end(self) -> None:
        """There is nothing to end."""

    def stream(self, kind: Any, call: Call) -> Iterator[Any]:
        """The values of a call, written and read as between processes."""
        function = getattr(importlib.import_module(call.module), call.function)
        with reading(call.files[0]):
            with ONE_READS:
                found = function(call.files if call.is_many else call.files[0], *call.arguments)
            values = iter(found if returned(function)[1] else [found])
            while True:
                with ONE_READS:
                    value = next(values, END)
                if value is END:
                    return
                yield read_value(kind, bytearray(write_value(kind, value)))


@pytest.fixture(scope="session", autouse=True)
def files_are_read_here() -> Iterator[None]:
    """Reads files in the process of the tests; those that take `processes` read them as it is in use."""
    with patch.object(sandbox_module, "Process", ReadsHere):
        yield


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets files be read in processes of their own."""
    monkeypatch.setattr(sandbox_module, "Process", Process)


@pytest.fixture(scope="module")
def milvus_server() -> Iterator[Server]:
    """A Milvus server for the tests of a file; skips where there can be none."""
    server = Server()
    yield server
    server.close()


@pytest.fixture
def encoders() -> FakeEncoders:
    return FakeEncoders()


@pytest.fixture
def earmark(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], encoders: FakeEncoders) -> Command:
    """The command, with the fake encoders in place of any weights."""
    monkeypatch.setattr(library, "load", lambda name: encoders)
    return Command(monkeypatch, capsys)


@pytest.fixture
def music() -> Music:
    return Music()


@pytest.fixture(name="write_wav")
def write_wav_fixture() -> WriteWav:
    return write_wav


@pytest.fixture
def blank_page(tmp_path: Path) -> Path:
    path = tmp_path / "blank.png"
    Image.new("L", (600, 800), 255).save(path)
    return path


@pytest.fixture
def kern() -> str:
    """A score file's content: **kern, "Little Test" by Bach, measures 7 and 8."""
    return KERN
