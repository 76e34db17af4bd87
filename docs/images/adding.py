"""The picture of a terminal while ``earmark add`` reads a folder of sixty files: ``python docs/images/adding.py``.

The folder is made of the demo's scores and recordings, page images, an archive, and files that are odd or bad. The
picture holds what the command prints, and its bar after three quarters of the files.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from PIL import Image
from rich.console import Console, RenderableType
from rich.text import Text

from earmark.cli.add_progress import AddProgress
from earmark.cli.wording import became, summary
from earmark.library.add import Outcome
from earmark.library.library import Library
from earmark.sheet.images import read_pages
from earmark.sources.extent import Extent

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1] / "demo"
FILES = 60
WIDTH = 96
SHOWN = 8
"""Lines before the bar."""
OTHERS = {
    ".DS_Store": b"\0\0\0\1Bud1",
    "desktop.ini": b"[.ShellClassInfo]",
    "Thumbs.db": b"\xd0\xcf\x11\xe0",
    "programme.txt": b"Prelude, Wiegenlied, Largo",
    "letter.docx": b"PK\3\4",
    "quartet.sib": b"SIBELIUS",
    "trio.sib": b"SIBELIUS",
    "tapes.m3u": b"#EXTM3U",
    "older.rar": b"Rar!",
    "sonata.pdf": b"<!DOCTYPE html><title>Log in</title>",
    "damaged.pdf": b"%PDF-1.4 and no more",
    "empty.mp3": b"",
}
"""Files that are no music, or bad."""


def fill(folder: Path) -> None:
    """Sixty files: scores with their MIDI files and sources, recordings, and others."""
    folder.mkdir()
    for path in sorted((DEMO / "scores").iterdir())[:24]:
        shutil.copy(path, folder)
    tapes = folder / "tapes"
    tapes.mkdir()
    for path in sorted((DEMO / "recordings").glob("*.ogg")):
        shutil.copy(path, tapes)
    one, two = sorted(tapes.iterdir())[:2]
    (tapes / "radio.ogg").write_bytes(one.read_bytes() + two.read_bytes())
    shutil.copy(one, tapes / "take 3")
    page = next(iter(read_pages(DEMO / "scores" / "petzold-menuet.pdf"))).image
    book = folder / "album"
    book.mkdir()
    for number in (1, 3):
        Image.fromarray(page).save(book / f"page_{number}.png")
    (book / "page_2.png").write_bytes(b"\x89PNG and no more")
    with ZipFile(folder / "scans.zip", "w") as archive:
        archive.write(book / "page_1.png", "page_1.png")
        archive.writestr("readme", "Scanned in 1998")
    for name, content in OTHERS.items():
        (folder / name).write_bytes(content)


class SeenProgress(AddProgress):
    """Shows what it looks like to ``see``, once: when three quarters are done and a file is at work."""

    def __init__(self, console: Console, see: Callable[[RenderableType], None]) -> None:
        super().__init__(console)
        self._see: Callable[[RenderableType], None] | None = see
        self._is_late = False

    def done(self, source: str, done: int, total: int) -> None:
        """See `AddProgress`."""
        super().done(source, done, total)
        self._is_late = done >= total * 3 // 4

    def reads(self, source: str, done: Extent) -> None:
        """See `AddProgress`."""
        super().reads(source, done)
        see = self._see if self._is_late else None
        if see:
            self._see = None
            see(self.view)


def main() -> None:
    with TemporaryDirectory() as scratch:
        os.chdir(scratch)
        fill(Path("music"))
        assert sum(path.is_file() for path in Path("music").rglob("*")) == FILES
        screen = Console(record=True, width=WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
        lines: list[str] = []

        def see(bar: RenderableType) -> None:
            screen.print(Text("$ earmark add library music"))
            screen.print(Text("\n".join(["…", *lines[-SHOWN:]])))
            screen.print(bar)

        def report(outcome: Outcome, done: int, total: int) -> None:
            bar.done(outcome.source, done, total)
            if outcome.status != "skipped":
                lines.append(became(outcome).replace(f"{scratch}/", ""))

        bar = SeenProgress(Console(file=open(os.devnull, "w"), width=WIDTH), see)  # noqa: SIM115
        with Library.open("library") as library, bar:
            outcomes = library.add("music", report, watcher=bar)
        screen.print(Text("\n".join(["…", *lines[-3:], *summary(outcomes, "library")]).replace(f"{scratch}/", "")))
        drawing = re.sub(r"@font-face \{.*?\}", "", screen.export_svg(title="earmark add"), flags=re.DOTALL)
        (HERE / "adding.svg").write_text(drawing)  # with the reader's own fonts: nothing is loaded from elsewhere


if __name__ == "__main__":
    main()
