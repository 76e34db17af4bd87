"""What kind of file is this? The one answer, for adding, asking, showing and uploading alike.

A name's ending tells where it is known here; else, and for ``.xml`` and ``.txt``, the beginning of the file tells.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import Literal

import PIL.Image
import pypdfium2 as pdfium

from earmark.audio.endings import MIDI_ENDINGS, SOUND_ENDINGS, begins_as_sound
from earmark.audio.smf import is_smf
from earmark.sheet.score_text import count_tunes, format_of

FileKind = Literal["pdf", "image", "notation", "midi", "recording"]
"""``notation`` is a score file, which an engraver draws; ``recording`` is anything with sound, videos too."""

ENDINGS: dict[str, FileKind] = {
    ".pdf": "pdf",
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".heic", ".heif", ".avif"), "image"),
    **dict.fromkeys((".jp2", ".j2k", ".jpx", ".jpf", ".gif", ".bmp", ".dib", ".pbm", ".pgm", ".ppm", ".pnm"), "image"),
    **dict.fromkeys((".jpe", ".jfif", ".hif", ".apng"), "image"),  # browsers and cameras write these
    **dict.fromkeys((".musicxml", ".mxl", ".mei", ".krn", ".abc", ".mscz", ".mscx"), "notation"),
    **dict.fromkeys(MIDI_ENDINGS, "midi"),
    **dict.fromkeys(SOUND_ENDINGS, "recording"),
}
UNTELLING = (".xml", ".txt")
"""Endings that say too little: MusicXML, MEI, a book of ABC tunes, or something that is no music."""

_EXPORT = "export it as MusicXML there (File > Export) and give that"
UNREAD: dict[str, tuple[str, str]] = {
    ".sib": ("is a Sibelius score, which only Sibelius reads", _EXPORT),
    **dict.fromkeys((".musx", ".mus"), ("is a Finale score, which only Finale reads", _EXPORT)),
    ".dorico": ("is a Dorico score, which only Dorico reads", _EXPORT),
    **dict.fromkeys((".cap", ".capx"), ("is a Capella score, which only Capella reads", _EXPORT)),
    **dict.fromkeys(
        (".enc", ".nwc", ".nwctxt", ".ove", ".ptb", ".tg", ".tef", ".myr", ".mgu"),
        ("is a score that only its own program reads", _EXPORT),
    ),
    **dict.fromkeys((".gp", ".gp3", ".gp4", ".gp5", ".gpx"), ("is a Guitar Pro score, which is not read", _EXPORT)),
    ".ly": ("is LilyPond's source, which is not read", "run lilypond on it and give the PDF"),
    **dict.fromkeys((".djvu", ".djv"), ("is a DjVu file, which is not read", "convert it to PDF (ddjvu -format=pdf)")),
    **dict.fromkeys((".ps", ".eps"), ("is PostScript, which is not read", "convert it to PDF (ps2pdf)")),
    **dict.fromkeys(
        (".psd", ".xcf", ".tga", ".pcx", ".dds", ".ico", ".icns", ".exr", ".jxl", ".jxr", ".wdp"),
        ("is an image of a kind that is not read", "save it as PNG or TIFF"),
    ),
    **dict.fromkeys(
        (".dng", ".cr2", ".cr3", ".nef", ".arw", ".rw2", ".orf", ".raf", ".pef", ".srw"),
        ("is a camera's raw image, which is not read", "save it as JPEG or TIFF"),
    ),
    ".svg": ("is an SVG drawing, which is not read", "save it as PDF or PNG"),
    **dict.fromkeys(
        (".doc", ".docx", ".odt", ".rtf", ".pages", ".ppt", ".pptx", ".odp", ".pub", ".xps", ".epub", ".html", ".htm"),
        ("is a document, which is not read", "if there is music in it, save it as PDF and give that"),
    ),
    **dict.fromkeys(
        (".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst", ".cbr", ".cb7", ".iso", ".dmg"),
        ("is an archive of a kind that is not unpacked", "unpack it and give what is in it"),
    ),
    **dict.fromkeys(
        (".m3u", ".m3u8", ".pls", ".xspf", ".wpl", ".cue"),
        ("is a list of recordings, without their sound", "give the recordings themselves"),
    ),
    **dict.fromkeys(
        (".aup", ".aup3", ".band", ".logicx", ".als", ".cpr", ".ptx", ".rpp", ".flp", ".sesx"),
        ("is a project of an audio program", "export its sound there, as WAV or FLAC, and give that"),
    ),
    **dict.fromkeys((".url", ".webloc", ".lnk"), ("is a link to something else", "open it and give what it leads to")),
    **dict.fromkeys(
        (".crdownload", ".part", ".partial", ".download"), ("is a download that was not finished", "download it again")
    ),
}
"""Endings of what is not read and may yet hold music: what such a file is, and what to do with it."""

_BEGINNINGS: tuple[tuple[re.Pattern[bytes], FileKind], ...] = (
    (
        re.compile(rb"\x89PNG|\xff\xd8\xff|II\*\x00|MM\x00\*|RIFF....WEBP|GIF8|BM....\x00\x00\x00\x00", re.DOTALL),
        "image",
    ),
    (re.compile(rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51|P[1-6]\s|....ftyp(hei|mif1|msf1|avi)", re.DOTALL), "image"),
)
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_LOOKED_AT = 65536
"""Bytes of a file's beginning: a licence may come before the music."""


def kind_of_name(name: str | PurePath) -> FileKind | None:
    """What a name's ending tells, in any case of letters; None where it tells nothing."""
    return ENDINGS.get(PurePath(name).suffix.lower())


def kind(path: str | Path) -> FileKind | None:
    """The kind of a file; None for one that is none of ours, cannot be read, or is not there and has no known name."""
    told = kind_of_name(path)
    if told is not None or PurePath(path).suffix.lower() in UNREAD:
        return told
    try:
        if not Path(path).is_file():  # a pipe would keep who opens it waiting
            return None
        with open(path, "rb") as file:
            start = file.read(_LOOKED_AT)
    except OSError:
        return None
    if b"%PDF-" in start[:1024]:
        return "pdf"
    if is_smf(start):
        return "midi"
    if begins_as_sound(start):
        return "recording"
    found = next((found for beginning, found in _BEGINNINGS if beginning.match(start)), None)
    return found or ("notation" if format_of(start) else None)


def is_sheet_music(path: str | Path) -> bool:
    """Whether a file has pages: a PDF, an image or a score file."""
    return kind(path) in ("pdf", "image", "notation")


def can_have_pages(path: str | Path) -> bool:
    """Whether a file may have more than one page: a PDF, a score file, or a TIFF whatever its name says."""
    found = kind(path)
    if found != "image":
        return found in ("pdf", "notation")
    try:
        with open(path, "rb") as file:
            return file.read(len(_TIFF[0])) in _TIFF
    except OSError:
        return False


def count_pages(path: Path) -> int:
    """The pages of a PDF, an image (a TIFF may have many) or an ABC book (a tune each); 0 for a damaged or another
    file."""
    found = kind(path)
    try:
        if found == "pdf":
            with pdfium.PdfDocument(path) as document:
                return len(document)
        if found == "image":
            with PIL.Image.open(path) as image:
                return int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1
        if found == "notation":
            return count_tunes(path)
    except Exception:  # what decoders raise at damaged files nobody has listed; it is said when the pages are read
        return 0
    return 0
