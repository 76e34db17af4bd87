"""What kind of file is this? The one answer, for adding, asking, showing and uploading alike.

A name's ending tells where it is one of ours; else, and for ``.xml``, the beginning of the file tells.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import Literal

import PIL.Image
import pypdfium2 as pdfium

FileKind = Literal["pdf", "image", "notation", "midi", "recording"]
"""``notation`` is a score file, which an engraver draws; ``recording`` is anything with sound, videos too."""

ENDINGS: dict[str, FileKind] = {
    ".pdf": "pdf",
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"), "image"),
    **dict.fromkeys((".musicxml", ".mxl", ".mei", ".krn", ".abc"), "notation"),
    **dict.fromkeys((".mid", ".midi"), "midi"),
    **dict.fromkeys((".aac", ".aif", ".aiff", ".caf", ".flac", ".m4a", ".m4b", ".mka", ".mp3"), "recording"),
    **dict.fromkeys((".oga", ".ogg", ".opus", ".wav", ".wma"), "recording"),
    **dict.fromkeys((".avi", ".mkv", ".mov", ".mp4", ".webm"), "recording"),
}
XML = ".xml"
"""An ending that says too little: MusicXML, MEI, or something that is no music."""

_MUSIC_IN_XML = re.compile(rb"<(score-partwise|score-timewise|mei)\b")
_BEGINNINGS: tuple[tuple[re.Pattern[bytes], FileKind], ...] = (
    (re.compile(rb"MThd|RIFF....RMID", re.DOTALL), "midi"),
    (re.compile(rb"\x89PNG|\xff\xd8\xff|II\*\x00|MM\x00\*|RIFF....WEBP", re.DOTALL), "image"),
    (re.compile(rb"RIFF....WAVE|FORM....AIF[FC]|fLaC|OggS|ID3|caff|\x1a\x45\xdf\xa3|....ftyp", re.DOTALL), "recording"),
)
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_LOOKED_AT = 4096
"""Bytes of a file's beginning."""


def kind_of_name(name: str | PurePath) -> FileKind | None:
    """What a name's ending tells, in any case of letters; None where it tells nothing."""
    return ENDINGS.get(PurePath(name).suffix.lower())


def kind(path: str | Path) -> FileKind | None:
    """The kind of a file; None for one that is none of ours, cannot be read, or is not there and has no known name."""
    told = kind_of_name(path)
    if told is not None:
        return told
    try:
        if not Path(path).is_file():  # a pipe would keep who opens it waiting
            return None
        with open(path, "rb") as file:
            start = file.read(_LOOKED_AT)
    except OSError:
        return None
    if Path(path).suffix.lower() == XML:
        return "notation" if _MUSIC_IN_XML.search(start) else None
    if b"%PDF-" in start[:1024]:
        return "pdf"
    return next((found for beginning, found in _BEGINNINGS if beginning.match(start)), None)


def is_sheet_music(path: str | Path) -> bool:
    """Whether a file has pages: a PDF, an image or a score file."""
    return kind(path) in ("pdf", "image", "notation")


def can_have_pages(path: str | Path) -> bool:
    """Whether a file may have more than one page image: a PDF, or a TIFF whatever its name says."""
    found = kind(path)
    if found != "image":
        return found == "pdf"
    try:
        with open(path, "rb") as file:
            return file.read(len(_TIFF[0])) in _TIFF
    except OSError:
        return False


def count_pages(path: Path) -> int:
    """The pages of a PDF or an image (a TIFF may have many); 0 for a damaged or another file."""
    found = kind(path)
    try:
        if found == "pdf":
            with pdfium.PdfDocument(path) as document:
                return len(document)
        if found == "image":
            with PIL.Image.open(path) as image:
                return int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1
    except Exception:  # what decoders raise at damaged files nobody has listed; it is said when the pages are read
        return 0
    return 0
