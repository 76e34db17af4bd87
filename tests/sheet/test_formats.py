"""A file's kind goes by its name where that tells, else by how the file begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from earmark.sheet.formats import FileKind, count_pages, is_sheet_music, kind, kind_of_name

MUSICXML = b'<?xml version="1.0"?>\n<score-partwise version="4.0"/>'


@pytest.mark.parametrize(
    ("name", "told"),
    [
        *[(name, "pdf") for name in ("a.pdf", "A.PDF")],
        *[(name, "image") for name in ("b.PNG", "c.jpeg", "d.TIF", "e.webp")],
        *[(name, "notation") for name in ("a.mxl", "a.mei", "a.krn", "a.abc", "a.MusicXML")],
        ("a.mid", "midi"),
        *[(name, "recording") for name in ("a.wav", "a.MP3", "a.mp4", "a.mov", "a.webm", "a.mkv", "a.m4b", "a.caf")],
        *[(name, None) for name in ("a.xml", "a.txt", "pdf", ".pdf", "a", "a.pdf.part")],
    ],
)
def test_a_known_ending_tells(name: str, told: FileKind | None, tmp_path: Path) -> None:
    assert kind_of_name(name) == told
    assert kind(tmp_path / name) == told  # a file that is not there


@pytest.mark.parametrize(
    ("start", "found"),
    [
        (b"%PDF-1.7", "pdf"),
        (b"\n\n%PDF-1.4", "pdf"),
        (b"\x89PNG\r\n\x1a\n", "image"),
        (b"II*\x00", "image"),
        (b"MThd\x00\x00\x00\x06", "midi"),
        (b"RIFF\x00\x00\x00\x00RMID", "midi"),
        (b"RIFF\x0a\x00\x00\x00WAVE", "recording"),
        (b"fLaC", "recording"),
        (b"\x00\x00\x00\x20ftypM4A ", "recording"),
        (b"\x1a\x45\xdf\xa3", "recording"),
        (MUSICXML, "notation"),
        (b"X:1\nT:Reel\nK:D\nDEF|", "notation"),
        (b"!! a comment\n**kern\t**dynam\n", "notation"),
        (b"nothing of ours", None),
        (b"", None),
    ],
)
def test_else_the_beginning_of_the_file_tells(start: bytes, found: FileKind | None, tmp_path: Path) -> None:
    path = tmp_path / "untold"
    path.write_bytes(start)
    assert kind(path) == found


def test_an_xml_file_is_notation_if_it_begins_like_music(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(MUSICXML)
    assert (kind(path), is_sheet_music(path)) == ("notation", True)
    path.write_bytes(b"<html/>")
    assert (kind(path), is_sheet_music(path)) == (None, False)


def test_pages_are_counted(tmp_path: Path) -> None:
    pages = [PIL.Image.fromarray(np.full((20, 30), 255, np.uint8)) for _ in range(3)]
    pages[0].save(tmp_path / "many.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "many.pdf", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "one.png")
    (tmp_path / "damaged.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "damaged.tif").write_bytes(b"II*\x00")
    names = ("many.tif", "many.pdf", "one.png", "damaged.pdf", "damaged.tif", "gone.pdf", "sound.wav")
    assert [count_pages(tmp_path / name) for name in names] == [3, 3, 1, 0, 0, 0, 0]
