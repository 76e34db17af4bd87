"""A score file → its format and its text, whatever it is packed in, encoded with and begins with.

MusicXML, MEI, **kern and ABC are text. It may be UTF-8 or UTF-16, with a byte order mark or without, Latin-1 or what
the file names; lines may end in any way; comments, blank lines and declarations may come first. MXL is a ZIP archive
whose container names the score (https://www.w3.org/2021/06/musicxml40/tutorial/compressed-mxl-files/). MuseScore's own
files are exported by MuseScore (`earmark.sheet.musescore`).
"""

from __future__ import annotations

import codecs
import html
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from earmark.errors import EMPTY, WEB_PAGE, BadInput, is_web_page
from earmark.sheet.musescore import as_musicxml, is_musescore

Format = Literal["abc", "humdrum", "mei", "musicxml"]

MAX_BYTES = 50_000_000
"""Of a score file, unpacked: a Mahler symphony as MusicXML takes about 40 MB."""
_FORMATS: dict[str, Format] = {
    "score-partwise": "musicxml",
    "score-timewise": "musicxml",
    "mei": "mei",
}
VOICES = "the other voices of an ABC tune"
_LOOKED_AT = 65536
"""Bytes of a file's beginning in which its encoding is looked for."""
_END = 1000  # characters, in which an XML file's last tag stands
_CONTAINER = "META-INF/container.xml"
_ROOT_FILE = re.compile(r"<(?:\w+:)?rootfile\b[^>]*>")
_ATTRIBUTE = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_MXL_TYPES = ("", "application/vnd.recordare.musicxml", "application/vnd.recordare.musicxml+xml", "text/xml")
# What Python's zipfile raises at damaged, encrypted and unknown archives.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    KeyError,
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NAMED = re.compile(
    rb"""<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)|^(?:%%|I:)abc-charset[ :]+([\w.:-]+)""", re.MULTILINE
)
_CHARSETS = re.compile(r"(ascii|big5|cp\d|euc|gb|iso8859|koi8|latin|mac|shift|utf-8)")
# What may stand before an XML file's root element.
_PROLOGUE = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>)*+", re.DOTALL)
_ENTITY = re.compile(r"""<!ENTITY\s+([\w.-]+)\s+(?:"([^"]*)"|'([^']*)')\s*>""")
_REFERENCE = re.compile(r"&([\w.-]+);")
_ROOT = re.compile(r"<(?:[\w.-]+:)?([\w.-]+)")
_SPINES = frozenset(("**kern", "**mens"))
_TUNE = re.compile(r"^X:", re.MULTILINE)
_NUMBERED = re.compile(r"^X: *\d", re.MULTILINE)
_KEY = re.compile(r"^K:", re.MULTILINE)
_VOICE = re.compile(r"^(?:V:\s*([^\s]+).*|\[V:\s*([^\s\]]+)[^\]]*\])")
_FIELD = re.compile(r"^(?:%%|[A-Z]:|I:)")


@dataclass(frozen=True)
class ScoreText:
    """A score as Verovio takes it: its format and its texts, more than one only of an ABC book: a tune each.

    ``unread`` is what of it Verovio cannot read and the texts leave out.
    """

    format: Format
    texts: tuple[str, ...]
    unread: tuple[str, ...] = ()


def read_score_text(path: Path) -> ScoreText:
    """The score in a file; raises BadInput when it is missing, unreadable, empty, too large, or holds no music."""
    stored = _read(path)
    content = as_musicxml(path) if is_musescore(path) else _unpacked(path, stored)
    found = format_of(content, path.name)
    if found is None:
        other = "is no score that is read" + _root_told(content), "export it as MusicXML or MEI"
        raise BadInput(path, *(WEB_PAGE if is_web_page(content) else other))
    text = decode(content)
    if found == "abc":
        tunes = split_tunes(text)
        first_voices = tuple(map(_first_voice, tunes))
        return ScoreText(found, first_voices, () if first_voices == tunes else (VOICES,))
    if found == "humdrum":
        return ScoreText(found, (text.strip() + "\n",))
    if f"{_root(text)}>" not in text[-_END:]:
        raise BadInput(path, "is cut off (its end is missing)", "copy it or export it again")
    start = _root_start(text)
    music = _with_entities(path, text[:start], text[start:].strip())  # of MEI, Verovio wants the root element first
    return ScoreText(found, ('<?xml version="1.0" encoding="UTF-8"?>\n' + music,))


def format_of(content: bytes, name: str = "") -> Format | None:
    """The format of a score's bytes by what they say, ABC also by the name's ending; None for what is no score.

    The beginning of a file is enough where it reaches the first line, or the root element, of the music.
    """
    text = decode(content)
    root = _root(text)
    if root:
        return _FORMATS.get(root)
    if not _SPINES.isdisjoint(_first_line(text).split("\t")):
        return "humdrum"
    if Path(name).suffix.lower() == ".abc" or (_NUMBERED.search(text) and _KEY.search(text)):
        return "abc"
    return None


def decode(content: bytes) -> str:
    """Text of any of the encodings above, its lines ended by "\\n"; what is none is read as Latin-1."""
    return _decoded(content).lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def split_tunes(text: str) -> tuple[str, ...]:
    """The tunes of an ABC file, each with what the file's header says of all.

    A tune begins with its X field; a file without one is one tune.
    """
    starts = [match.start() for match in _TUNE.finditer(text)]
    if not starts:
        return (f"X:1\n{text.strip()}\n",)
    header = "".join(f"{line}\n" for line in text[: starts[0]].splitlines() if _FIELD.match(line))
    ends = [*starts[1:], len(text)]
    return tuple(f"{header}{text[start:end].strip()}\n" for start, end in zip(starts, ends, strict=True))


def _first_voice(tune: str) -> str:
    """A tune of several voices without all but the first: Verovio would play them one after the other."""
    voices: list[str] = []
    kept = []
    for line in tune.splitlines():
        told = _VOICE.match(line)
        if told:
            voices.append(told[1] or told[2])
        is_first = not voices or voices[-1] == voices[0]
        if not (told and told[1]) and (is_first or _FIELD.match(line)):
            kept.append(_VOICE.sub("", line))
    return "\n".join(kept) + "\n" if len(set(voices)) > 1 else tune


def count_tunes(path: Path) -> int:
    """How many tunes an ABC book has, 1 for any other score; raises BadInput when it cannot be read."""
    content = _read(path)
    is_abc = format_of(content[:_LOOKED_AT], path.name) == "abc"
    return len(split_tunes(decode(content))) if is_abc else 1


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise BadInput(path, "does not exist", "check the name") from error
    except OSError as error:
        raise BadInput(path, f"cannot be read ({error.strerror})", "check its permissions") from error
    if not content:
        raise BadInput(path, *EMPTY)
    return _bounded(path, content)


def _bounded(path: Path, content: bytes) -> bytes:
    if len(content) > MAX_BYTES:
        raise _too_large(path)
    return content


def _too_large(path: Path) -> BadInput:
    return BadInput(path, f"is larger than {MAX_BYTES // 10**6} MB", "split it into movements")


def _unpacked(path: Path, content: bytes) -> bytes:
    """The score in an MXL archive; any other content as it is."""
    if not content.startswith(b"PK"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(_member(archive)) as file:
            return _bounded(path, file.read(MAX_BYTES + 1))
    except _ZIP_ERRORS as error:
        raise BadInput(path, "is a damaged or foreign MXL archive", "export it again") from error


def _member(archive: zipfile.ZipFile) -> str:
    """The name of the score in an MXL archive: the first of the container's root files that is MusicXML."""
    names = archive.namelist()
    if _CONTAINER in names:
        with archive.open(_CONTAINER) as file:
            container = decode(file.read(MAX_BYTES))
        for element in _ROOT_FILE.findall(container):
            told = {name: html.unescape(double or single) for name, double, single in _ATTRIBUTE.findall(element)}
            if told.get("media-type", "") in _MXL_TYPES and told.get("full-path") in names:
                return told["full-path"]
    return next((name for name in names if name.lower().endswith((".xml", ".musicxml")) and name != _CONTAINER), "")


def _decoded(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    start = content[:_LOOKED_AT]
    for zeros, encoding in ((start[1::2], "utf-16-le"), (start[::2], "utf-16-be")):
        if zeros.count(0) > len(zeros) / 2:
            return content.decode(encoding, "replace")
    named = _NAMED.search(start)
    told = (named[1] or named[2]).decode() if named else ""
    for encoding in (told, "utf-8", "cp1252"):
        try:
            if _CHARSETS.match(codecs.lookup(encoding).name):
                return content.decode(encoding)
        except (LookupError, ValueError):
            continue
    return content.decode("latin-1")


def _root(text: str) -> str:
    """The name of an XML file's root element; "" where the text is no XML."""
    root = _ROOT.match(text, _root_start(text))
    return root[1] if root else ""


def _root_start(text: str) -> int:
    """Where in an XML file its root element begins: what comes before is no music."""
    prologue = _PROLOGUE.match(text)
    return prologue.end() if prologue else 0


def _with_entities(path: Path, prologue: str, music: str) -> str:
    """The music with what the prologue declares in place of the names for it; files that it names are not opened."""
    declared = {name: double or single for name, double, single in _ENTITY.findall(prologue)}
    if not declared:
        return music
    if len(music) + sum(len(declared.get(name, "")) for name in _REFERENCE.findall(music)) > MAX_BYTES:
        raise _too_large(path)
    return _REFERENCE.sub(lambda found: declared.get(found[1], found[0]), music)


def _root_told(content: bytes) -> str:
    root = _root(decode(content[:_LOOKED_AT]))
    return f" (XML that begins with <{root[:40]}>)" if root else ""


def _first_line(text: str) -> str:
    """The first line of a Humdrum file that is neither blank nor a comment; "" where there is none."""
    return next((line for line in text.splitlines() if line.strip() and not line.startswith("!!")), "")
