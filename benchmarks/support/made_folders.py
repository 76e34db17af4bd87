"""Folders of page images of which something is amiss, and ZIP archives of them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.support.made import Made
from benchmarks.support.made_pages import Pages, encoded

_PAGES = 3
_WEB_PAGE = b"<!DOCTYPE html><title>Log in</title>"
_DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda page: b"", "is empty (0 bytes)"),
    "cut": (lambda page: page[: len(page) // 3], "is damaged"),
    "noise": (lambda page: bytes(range(256)) * 9, "is damaged, or not"),
    "words": (lambda page: b"Dear Clara,\n" * 40, "is damaged, or not"),
    "web-page": (lambda page: _WEB_PAGE, "is a web page"),
}
_ENDINGS = {"png": "PNG", "jpg": "JPEG", "tif": "TIFF", "webp": "WEBP", "gif": "GIF", "jp2": "JPEG2000"}


def folders(pages: Pages) -> Iterator[Made]:
    """Each damage on the first, the middle and the last page; other files beside; mixed formats; odd names."""
    for damage, (change, says) in _DAMAGES.items():
        for number in range(1, _PAGES + 1):
            contents, systems = _book(pages)
            name = f"page_{number}.png"
            contents[name], lost = change(contents[name]), systems.pop(number - 1)
            assert lost
            told = f"page {number} is missing ({name} {says}"
            yield _folder(f"{damage}-{number}", contents, sum(systems), says=told)
    contents, _ = _book(pages)
    nothing = dict.fromkeys(contents, b"no image")
    yield Made("damaged folders", "all-damaged", partial(_write, nothing), pieces=0, says="page_1.png is damaged")
    beside = {
        "._page_1.png": b"\0\5\x16\7",
        ".DS_Store": b"\0\0\0\1Bud1",
        "Thumbs.db": b"\xd0\xcf\x11\xe0",
        "a.url": b"[x]",
    }
    beside |= {"notes.docx": b"PK\3\4", "desktop.ini": b"[x]", "page_4.png.crdownload": b"\x89PNG"}
    contents, systems = _book(pages)
    yield _folder("others-beside", contents | beside, sum(systems))
    drawn = {ending: pages.upper() for ending in _ENDINGS}
    mixed = {
        f"Seite {number}.{ending}": encoded(drawn[ending][1], "L", form)
        for number, (ending, form) in enumerate(_ENDINGS.items(), start=9)
    }
    yield _folder("mixed-formats", mixed, sum(systems for *_, systems in drawn.values()), len(mixed))
    odd = ("1 a\u0301.png", "2 \u00e1.png", "3 # % ? &.png", "4 \u5b57.PNG", "5 " + "x" * 200 + ".png", "6\nline.png")
    pictures = [pages.upper() for _ in odd]
    contents = {name: encoded(page, "L", "PNG") for name, (_, page, _) in zip(odd, pictures, strict=True)}
    yield _folder("odd-names", contents, sum(systems for *_, systems in pictures), len(odd))
    contents, systems = _book(pages)
    yield Made("damaged folders", "circle", partial(_circle, contents), pages=_PAGES, systems=sum(systems))
    contents, systems = _book(pages)
    contents["page_2.png"] = b""
    write = partial(_zip, contents)
    says = "page 2 is missing (page_2.png is empty (0 bytes)"
    yield Made("ZIP", "damaged.cbz", write, pages=_PAGES, systems=systems[0] + systems[2], says=says)


def _book(pages: Pages) -> tuple[dict[str, bytes], list[int]]:
    """Pages by their names, and the systems of each."""
    drawn = [pages.upper() for _ in range(_PAGES)]
    contents = {f"page_{number}.png": encoded(page, "L", "PNG") for number, (_, page, _) in enumerate(drawn, start=1)}
    return contents, [systems for *_, systems in drawn]


def _folder(name: str, contents: dict[str, bytes], systems: int, pages: int = _PAGES, says: str = "") -> Made:
    return Made("damaged folders", name, partial(_write, contents), pages=pages, systems=systems, says=says)


def _write(contents: dict[str, bytes], path: Path) -> None:
    path.mkdir()
    for name, content in contents.items():
        (path / name).write_bytes(content)


def _circle(contents: dict[str, bytes], path: Path) -> None:
    """With a folder that leads back to this one."""
    _write(contents, path)
    (path / "again").symlink_to(path, target_is_directory=True)


def _zip(contents: dict[str, bytes], path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    path.write_bytes(packed.getvalue())
