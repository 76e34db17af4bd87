"""The table of kinds of files in docs/formats.md says what `earmark add` answers: every row is tried."""

from __future__ import annotations

import codecs
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
import pytest

from earmark.sheet import musescore
from tests.sheet.test_engrave import ABC, orchestra
from tests.sheet.test_images import save_tiff
from tests.sheet.test_score_text import ENTITY, KERN, MEI, PARTWISE, TIMEWISE, xml, zipped

if TYPE_CHECKING:
    from earmark.schema import Image
    from tests.conftest import Command, Music

FORMATS = Path(__file__).parents[2] / "docs" / "formats.md"
ROW = re.compile(r"^\| (.+?) \| `earmark add library (.+?)` \| (.+?) \|$", re.MULTILINE)


def rows() -> list[tuple[str, str]]:
    """(Arguments, what comes back) of every row; a cell may hold several lines."""
    section = FORMATS.read_text(encoding="utf-8").partition("## What comes back")[2].partition("\n## ")[0]
    found = [(arguments, line) for _, arguments, cell in ROW.findall(section) for line in re.findall(r"`(.+?)`", cell)]
    assert len(found) > 30
    return found


def page(music: Music) -> Image:
    return music.pages(music.melody(0, 72))[0]


def image(music: Music, **how: object) -> bytes:
    content = io.BytesIO()
    PIL.Image.fromarray(page(music)).save(content, **how)  # type: ignore[arg-type]
    return content.getvalue()


def spread(music: Music) -> PIL.Image.Image:
    leaves = [np.pad(page(music), ((0, 500), (0, 0)), constant_values=255)] * 2
    return PIL.Image.fromarray(np.concatenate(leaves, axis=1))


def tablature() -> str:
    lines = "<staff-details><staff-lines>6</staff-lines></staff-details>"
    first, second = orchestra(2).split('<part id="P2">')
    return first + '<part id="P2">' + second.replace("</divisions>", f"</divisions>{lines}", 1)


def cropped(music: Music, path: Path) -> None:
    data = music.write_pdf(path, music.melody(0, 72)).read_bytes()
    path.write_bytes(data.replace(b"/Type /Page\n", b"/Type /Page /CropBox [9000 9000 9100 9100]\n"))


def book(music: Music, folder: Path) -> None:
    music.write_images(folder, music.melody(0, 216), ["page_1.png", "page_2.png", "page_10.png"])
    (folder / "page_2.png").write_bytes(b"no image")


def mxl() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("META-INF/container.xml", '<rootfiles><rootfile full-path="s.xml"/></rootfiles>')
        archive.writestr("s.xml", xml(PARTWISE, "utf-16"))
    return content.getvalue()


def write(content: Callable[[Music], bytes]) -> Callable[[Music, Path], object]:
    return lambda music, path: path.write_bytes(content(music))


FILES: dict[str, Callable[[Music, Path], object]] = {
    "song.pdf": lambda music, path: music.write_pdf(path, music.melody(0, 144)),
    "facing.pdf": lambda music, path: spread(music).save(path, "PDF", resolution=200),
    "cropped.pdf": cropped,
    "scan.png": write(lambda music: image(music, format="PNG")),
    "scan.jpg": write(lambda music: image(music, format="JPEG", quality=90)),
    "scan.webp": write(lambda music: image(music, format="WEBP")),
    "scan.avif": write(lambda music: image(music, format="AVIF", quality=90, speed=10)),
    "scan.jp2": write(lambda music: image(music, format="JPEG2000")),
    "scan.gif": write(lambda music: image(music, format="GIF")),
    "scan.bmp": write(lambda music: image(music, format="BMP")),
    "scan.pgm": write(lambda music: image(music, format="PPM")),
    "scan": write(lambda music: image(music, format="PNG")),
    "deep.tif": lambda music, path: save_tiff(path, (65535 - 257 * page(music).astype(np.uint16)), 0),
    "float.tif": lambda music, path: save_tiff(path, (page(music) / 255).astype(np.float32), 1),
    "negative.png": lambda music, path: PIL.Image.fromarray(255 - page(music)).save(path),
    "spread.png": lambda music, path: spread(music).save(path),
    "book": book,
    "damaged.png": write(lambda music: image(music, format="PNG")[:200]),
    "photo.psd": write(lambda music: b"8BPS"),
    "parts.musicxml": write(lambda music: xml(PARTWISE, "utf-8")),
    "measures.musicxml": write(lambda music: xml(TIMEWISE, "iso-8859-1")),
    "late.xml": write(lambda music: ("<!--" + 5000 * "x" + "-->" + PARTWISE).encode()),
    "packed.mxl": write(lambda music: mxl()),
    "mei.mei": write(lambda music: xml(MEI, "utf-16")),
    "mark.krn": write(lambda music: codecs.BOM_UTF8 + KERN.encode()),
    "latin.abc": write(lambda music: ("% a comment first\n\n" + ABC.replace("First", "Fürst")).encode("latin-1")),
    "tunes.abc": write(lambda music: ABC.encode()),
    "tunes.txt": write(lambda music: ABC.encode()),
    "cut.musicxml": write(lambda music: xml(PARTWISE, "utf-8")[:700]),
    "guitar.musicxml": write(lambda music: tablature().encode()),
    "orchestra.musicxml": write(lambda music: orchestra(20).encode()),
    "score.mscz": lambda music, path: path.write_bytes(zipped(path, "a.mscx", b"<museScore/>")),
    "quartet.sib": write(lambda music: b"SIBELIUS"),
    "archive.zip": lambda music, path: zipped(path, "inside.mei", MEI.replace("Für", "Alles für").encode()),
    "entity.musicxml": write(lambda music: ENTITY.encode()),
    "pages.cbz": lambda music, path: zipped(path, "1.png", image(music, format="PNG", compress_level=0)),
    "photo.dng": write(lambda music: image(music, format="TIFF")),
    "hymn.docx": lambda music, path: zipped(path, "word/document.xml", b"<document/>"),
    "scores.rar": write(lambda music: b"Rar!\x1a\7\0"),
    "tapes.m3u": write(lambda music: b"#EXTM3U\n1.mp3\n"),
    "login.pdf": write(lambda music: b"\n<!DOCTYPE html><title>Log in</title>"),
    "manifest.json": write(lambda music: b'{"@context": "http://iiif.io/api/presentation/3/context.json"}'),
    "torn.zip": lambda music, path: zipped(path, "deep/torn.pdf", b"%PDF-1.4 no more"),
    "broken.zip": write(lambda music: b"PK\3\4 broken"),
}


def test_every_kind_is_answered_as_the_table_says(
    music: Music, earmark: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(musescore, "_COMMANDS", ())
    monkeypatch.setattr(musescore, "_PLACES", ())
    monkeypatch.chdir(tmp_path)
    told = rows()
    plain = list(dict.fromkeys(arguments for arguments, _ in told if " " not in arguments))
    assert {arguments.split()[0] for arguments, _ in told} == set(FILES)
    for name, make in FILES.items():
        make(music, tmp_path / name)
    answers = dict.fromkeys(plain, "\n".join(earmark("add", "library", *plain)[1:]))
    for arguments in dict.fromkeys(arguments for arguments, _ in told if " " in arguments):
        answers[arguments] = "\n".join(earmark("add", "other", *arguments.split())[1:])
    said = {arguments: answer.replace(f"{tmp_path}/", "") for arguments, answer in answers.items()}
    wrong = [(arguments, line) for arguments, line in told if line not in said[arguments]]
    assert not wrong, "\n".join(map(str, wrong)) + "\n" + "\n".join(said.values())[:6000]
