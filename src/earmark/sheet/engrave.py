"""Score files (MusicXML, MXL, MEI, **kern, ABC, MuseScore) → engraved pages that know their systems and measures.

Verovio engraves in a process of its own (`earmark.sheet.verovio_process`), on A4, or on taller pages where systems are
taller; resvg draws the pages (`earmark.sheet.engraved_page`). Every tune of an ABC book has a page of its own, as high
as it needs, so that tune 12 is on page 12.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from earmark.errors import BadInput
from earmark.sheet.beats import Beats
from earmark.sheet.engraved_page import EngravedPage, read_page
from earmark.sheet.score_text import read_score_text

PATIENCE_S = 30.0
PATIENCE_S_PER_MB = 20.0
"""How long Verovio may take: ten times what it needs for the longest scores; damaged ones keep it busy for ever."""
_OUT_OF_TIME = -getattr(signal, "SIGXCPU", 0) or None
"""What a process ends with that has used the CPU time it was given."""
_ENGRAVER = Path(__file__).with_name("verovio_process.py")


@dataclass(frozen=True)
class Engraving:
    """What Verovio wrote: ``folder`` holds the files that `earmark.sheet.verovio_process` describes.

    ``tunes`` are (title, composer) of an ABC book's tunes, which have a page each; of any other score it is empty.
    ``unread`` is what the engraver does not read.
    """

    folder: Path
    title: str
    composer: str
    pages: int
    tunes: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()

    def read(self) -> Iterator[EngravedPage]:
        """The pages, one at a time; they count from 1. The page of a tune that cannot be engraved is blank."""
        counted = 0
        for number in range(1, self.pages + 1):
            svg, beats = self.folder / f"page-{number:03}.svg", self._beats(number if self.tunes else 1)
            page, counted = read_page(svg, number, beats, 0 if self.tunes else counted)
            yield replace(page, title=self.title, composer=self.composer, unread=page.unread | set(self.unread))

    def _beats(self, text: int) -> Beats:
        return Beats(**json.loads((self.folder / f"beats-{text:04}.json").read_text(encoding="utf-8")))


@contextmanager
def engraved(path: str | Path, options: dict[str, Any] | None = None, performance: bool = False) -> Iterator[Engraving]:
    """Engraves one score file, with Verovio's ``options``, for as long as the context lasts; plays it too if asked.

    Title and composer are the file's own, "" where it has none; several movements or tunes give their titles joined.
    Raises BadInput when the file is missing, unreadable, too large, or not what Verovio reads.
    """
    path = Path(path)
    score = read_score_text(path)
    texts = ("\n".join(score.texts),) if performance else score.texts
    limit_s = PATIENCE_S + PATIENCE_S_PER_MB * sum(map(len, texts)) / 1e6
    with tempfile.TemporaryDirectory(prefix="earmark-") as name:
        for number, text in enumerate(texts, start=1):
            (Path(name) / f"score-{number:04}.txt").write_text(text, encoding="utf-8", newline="\n")
        command = [sys.executable, "-P", str(_ENGRAVER), name, score.format, json.dumps(options or {})]
        command += ["performance"] if performance else []
        try:
            done = subprocess.run(command, capture_output=True, timeout=limit_s)
        except subprocess.TimeoutExpired as error:
            raise BadInput(path, f"takes more than {limit_s:.0f} s to engrave", "split it into movements") from error
        if done.returncode == _OUT_OF_TIME:
            raise BadInput(path, "takes too long to engrave", "split it into movements")
        if done.returncode:
            raise BadInput(path, "cannot be engraved" + _complaint(done.stderr), "export it again as MusicXML or MEI")
        told = json.loads((Path(name) / "score.json").read_text(encoding="utf-8"))
        tunes = tuple((title, composer) for title, composer in told["tunes"])
        yield Engraving(Path(name), told["title"], told["composer"], told["pages"], tunes, score.unread)


def _complaint(errors: bytes) -> str:
    """Verovio's first complaint in brackets, "" where it made none."""
    lines = [line for line in errors.decode("utf-8", "replace").splitlines() if line.startswith("[Error] ")]
    return f" ({lines[0].removeprefix('[Error] ')})" if lines else ""
