"""Score files (MusicXML, MXL, MEI, **kern, ABC) → engraved pages that know their systems and measures.

Verovio engraves in a process of its own (`earmark.sheet.verovio_process`), on A4; resvg draws the pages
(`earmark.sheet.engraved_page`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from earmark.errors import BadInput
from earmark.sheet.engraved_page import EngravedPage, read_page

PATIENCE_S = 30.0
PATIENCE_S_PER_MB = 20.0
"""How long Verovio may take: ten times what it needs for the longest scores; damaged ones keep it busy for ever."""
MAX_BYTES = 50_000_000
"""Of a score file, unpacked: a Mahler symphony as MusicXML takes about 40 MB."""
_ENGRAVER = Path(__file__).with_name("verovio_process.py")


@dataclass(frozen=True)
class Engraving:
    """What `engrave` wrote: ``folder`` holds the files that `earmark.sheet.verovio_process` describes."""

    folder: Path
    title: str
    composer: str
    pages: int

    def read(self) -> Iterator[EngravedPage]:
        """The pages, one at a time; they count from 1."""
        counted = 0
        for number in range(1, self.pages + 1):
            page, counted = read_page(self.folder / f"page-{number:03}.svg", number, counted)
            yield replace(page, title=self.title, composer=self.composer)


@contextmanager
def engraved(path: str | Path, options: dict[str, Any] | None = None, performance: bool = False) -> Iterator[Engraving]:
    """Engraves one score file, with Verovio's ``options``, for as long as the context lasts; plays it too if asked.

    Title and composer are the file's own, "" where it has none; several movements or tunes give their titles joined.
    Raises BadInput when the file is missing, unreadable, too large, or not what Verovio reads.
    """
    path = Path(path)
    limit_s = PATIENCE_S + PATIENCE_S_PER_MB * _checked_size(path) / 1e6
    with tempfile.TemporaryDirectory(prefix="earmark-") as name:
        command = [sys.executable, "-P", str(_ENGRAVER), str(path.absolute()), name, json.dumps(options or {})]
        command += ["performance"] if performance else []
        try:
            done = subprocess.run(command, capture_output=True, timeout=limit_s)
        except subprocess.TimeoutExpired as error:
            raise BadInput(path, f"takes more than {limit_s:.0f} s to engrave", "split it into movements") from error
        if done.returncode:
            raise BadInput(path, "cannot be engraved" + _complaint(done.stderr), "export it again as MusicXML or MEI")
        described = json.loads((Path(name) / "score.json").read_text(encoding="utf-8"))
        yield Engraving(Path(name), described["title"], described["composer"], described["pages"])


def _checked_size(path: Path) -> int:
    """Bytes of a score file, unpacked. Refuses what would fill the memory, zip bombs too, before Verovio opens it."""
    try:
        size = path.stat().st_size
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                size = sum(info.file_size for info in archive.infolist())
    except FileNotFoundError as error:
        raise BadInput(path, "does not exist", "check the name") from error
    except (OSError, zipfile.BadZipFile) as error:
        raise BadInput(path, "cannot be read", "check its permissions, or copy it again") from error
    if not size:
        raise BadInput(path, "is empty (0 bytes)", "copy or download it again")
    if size > MAX_BYTES:
        raise BadInput(path, f"is larger than {MAX_BYTES // 10**6} MB", "split it into movements")
    return size


def _complaint(errors: bytes) -> str:
    """Verovio's first complaint in brackets, "" where it made none."""
    lines = [line for line in errors.decode("utf-8", "replace").splitlines() if line.startswith("[Error] ")]
    return f" ({lines[0].removeprefix('[Error] ')})" if lines else ""
