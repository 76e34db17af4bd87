"""Tries a file as people would: adds it, asks with it, follows it, shows its pages. More than one line is a fault."""

from __future__ import annotations

import os
import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from earmark.errors import EarmarkError
from earmark.library.library import Library
from earmark.model.encoders import WEIGHTS, load
from earmark.sandbox.sandbox import Sandbox
from earmark.sheet.formats import is_sheet_music
from earmark.sheet.manifest import read_file
from earmark.sheet.on_page import see_pages
from earmark.sheet.read import needs_engraver
from earmark.store.verify import verify
from tests.fake_encoders import FakeEncoders

HANGS_S = 20.0
"""For one step with a small file, on a machine that does nothing else."""
CRASHES = "crashes what reads it"
ENDLESS = " s to read on"


@dataclass
class Trial:
    """What came of one file: ``faults`` are ours; ``ended`` readers were ended by a crash or a limit, which is no fault
    of ours."""

    faults: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)


class Trials:
    """Tries files with one library, in ``folder``."""

    def __init__(self, folder: Path, good: Path) -> None:
        self._folder, self.encoders = folder, FakeEncoders()
        self.sandbox = Sandbox()
        self._library = Library.open(folder / "library", self.encoders, sandbox=self.sandbox)
        self._library.add(good, jobs=1)
        (self._good,) = self._library.pieces()

    def close(self) -> None:
        """Ends the use of the library."""
        self._library.close()

    def of(self, path: Path) -> Trial:
        """Tries one file, whose name says what it is."""
        trial = Trial()
        steps: dict[str, Callable[[], Any]] = {
            "model.json": lambda: self._weights(path),
            "library.sqlite": lambda: self._stored(path),
            "manifest.json": lambda: self.sandbox.call(read_file, path, path.name),
        }
        if path.name in steps:
            with _step(trial, path.name):
                steps[path.name]()
            return trial
        is_added = False
        with _step(trial, "add"):
            for outcome in self._library.add(path, jobs=1):
                is_added |= outcome.status != "failed"
                if outcome.status == "failed":
                    _note(trial, "add", outcome.reason)
        if not (is_added and is_sheet_music(path)):  # finding with pages reads them as adding does
            with _step(trial, "find"):
                self._library.find(path)
        if is_sheet_music(path):
            with _step(trial, "pages"):
                for _ in self.sandbox.stream(see_pages, [path], may_start=needs_engraver([path])):
                    pass
        else:
            with _step(trial, "align"):
                self._library.align(path, self._good.name)
        with _step(trial, "list"):
            left = [piece.name for piece in self._library.pieces() if piece.id != self._good.id]
            self._library.remove(*left)
        return trial

    def _weights(self, path: Path) -> None:
        folder = self._folder / "weights"
        if not folder.exists():
            shutil.copytree(WEIGHTS / "earmark-2", folder)
        shutil.copy(path, folder / "model.json")
        model = load(folder)
        _ = model.calibration, model.training, model.attention_reach_frames

    def _stored(self, path: Path) -> None:
        folder = self._folder / "stored"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(path, folder / "library.sqlite")
        faults: list[str] = []
        for step in (lambda: verify(folder), lambda: self._searched(folder)):
            try:
                step()
            except EarmarkError:
                faults.append("")
        if faults == [""]:
            raise EarmarkError("only one of verify and the library says so")

    def _searched(self, folder: Path) -> None:
        with Library.open(folder, self.encoders, create=False, sandbox=self.sandbox) as library:
            for piece in library.pieces():
                if piece.kind == "score":
                    library.store.contents(piece.id)
                    library.store.files(piece)


@contextmanager
def _step(trial: Trial, name: str) -> Iterator[None]:
    """One step: an error for people is as it should be, any other is a fault, and so is taking long."""
    start_s = time.monotonic()
    try:
        yield
    except EarmarkError as error:
        _note(trial, name, str(error))
    except Exception:
        trial.faults.append(f"{name}: {traceback.format_exc()}")
    took_s = time.monotonic() - start_s
    if took_s > HANGS_S * _busy():
        trial.faults.append(f"{name}: takes {took_s:.0f} s, while every core has {_busy():.1f} processes to run")


def _note(trial: Trial, name: str, said: str) -> None:
    if "\n" in said or not said.isprintable():
        trial.faults.append(f"{name}: not one line of text: {said!r}")
    if CRASHES in said or ENDLESS in said:
        trial.ended.append(f"{name}: {said}")


def _busy() -> float:
    """Processes that want to run, for each core; at least 1."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)) if hasattr(os, "getloadavg") else 1.0
