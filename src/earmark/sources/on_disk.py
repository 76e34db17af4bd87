"""What counts as one piece on disk: paths → scores and recordings, and how to know one again.

A PDF is one piece, and so are a multi-page TIFF, a score file and a recording. All other page images of one folder
are one piece together, in natural order (page_2 before page_10); an image that is named itself is a piece of one
page. A ZIP archive is the folder of what it holds (`earmark.sources.archives`). Folders are searched recursively. What
of them is passed over is said, file by file: hidden files and folders, files of other kinds, and what is beside a score
of the same name: MIDI files and music of kinds that are not read.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from earmark.errors import EMPTY, NEITHER, BadInput
from earmark.results.places import Kind
from earmark.sandbox.sandbox import Sandbox
from earmark.sheet.formats import (
    UNREAD,
    UNTELLING,
    FileKind,
    can_have_pages,
    count_pages,
    is_sheet_music,
    kind,
    kind_of_name,
)
from earmark.sheet.manifest import SAVED, is_saved_manifest
from earmark.sheet.parts import Part
from earmark.sources.archives import is_archive, is_hidden, unpack

_KNOWN = "PDF, PNG, JPEG, TIFF, WebP, MusicXML, MEI, Humdrum, ABC, MIDI or recordings"


LATEST_NS = 2**63 - 1
"""The latest moment that a store can keep, in the year 2262: a clock that was wrong is no reason to refuse a file."""


@dataclass(frozen=True)
class PageFile:
    """A file of pages, or a recording: absolute path, bytes, time of its last change in ns. Equal ones need not be read
    again."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Score:
    """One piece on disk: its name, the absolute path (or address) that stands for it, its files in page order.

    ``title`` and ``composer`` are what the piece itself says, "" where it says nothing or was not read yet. ``parts``
    are the pieces in it, where they are known; ``missing`` is what of it could not be had, a clause each. What was
    unpacked is ``in_archive``: the archive's path, and the path in it.
    """

    name: str
    source: str
    files: tuple[PageFile, ...]
    kind: Kind = "score"
    title: str = ""
    composer: str = ""
    parts: tuple[Part, ...] = ()
    missing: tuple[str, ...] = ()
    in_archive: str = ""

    @property
    def shown(self) -> str:
        """What people know it as."""
        return self.in_archive or self.source


@dataclass(frozen=True)
class Skipped:
    """A file, or a hidden folder, that is passed over in a folder, and why, in words that fit after its name."""

    path: str
    reason: str


HIDDEN = "is hidden"
BESIDE = "is beside a score of the same name"
NO_FILE = "is no file, or a link that leads nowhere"

Source = Score | BadInput | Skipped
"""A piece, what cannot be one, or what is passed over."""


def find_scores(paths: Iterable[str | Path], sandbox: Sandbox, unpacked: Path | None = None) -> Iterator[Source]:
    """The scores at ``paths`` (files and folders), in the order given and then by name.

    A path that does not exist, or holds no music, comes as the BadInput that says so. A file that is given by itself
    and is of no known kind is a recording if FFmpeg can read it. Pages are counted in ``sandbox``. What ZIP archives
    hold is put into the folder ``unpacked``; where that is None, they are named.
    """
    where = _Where(sandbox, unpacked)
    for path in map(Path, map(os.path.abspath, paths)):
        try:
            if path.is_dir():
                yield from _in_folder_given(path, where)
            elif path.exists() and not path.is_file():
                yield BadInput(path, "is no file", "give a file or a folder")
            elif is_archive(path):
                yield from _in_archive(path, where)
            elif path.exists() and kind(path) is None and (path.suffix.lower() in UNREAD or _is_text(path)):
                yield _unread(path)
            else:
                yield _score(path, [path])
        except BadInput as error:
            yield error
        except OSError as error:
            yield BadInput(path, f"cannot be read ({error.strerror})", "check the name and its permissions")


def sha256(score: Score) -> str:
    """Checksum of the contents of a score's files in order; names do not count. Raises BadInput if one is
    gone."""
    digests = hashlib.sha256()
    for file in score.files:
        try:
            with open(file.path, "rb") as stream:
                digests.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise BadInput(file.path, f"cannot be read ({error.strerror})", "check its permissions") from error
    return digests.hexdigest()


def missing_files(files: Iterable[PageFile]) -> list[str]:
    """The paths at which no file is any more. Files of other machines are not looked for."""
    return [file.path for file in files if "://" not in file.path and not os.path.isfile(file.path)]


def page_file(path: Path) -> PageFile:
    """What is to be known of a file; raises OSError when there is none, BadInput when its name cannot be kept."""
    state = path.stat()
    name = os.path.abspath(path)
    try:
        name.encode()
    except UnicodeEncodeError as error:
        shown = name.encode(errors="replace").decode()
        raise BadInput(shown, "has a name that is not UTF-8", "rename it") from error
    return PageFile(name, state.st_size, min(state.st_mtime_ns, LATEST_NS))


@dataclass(frozen=True)
class _Where:
    """Where files are read, and where archives are unpacked, if they are."""

    sandbox: Sandbox
    unpacked: Path | None


def _in_archive(path: Path, where: _Where) -> Iterator[Source]:
    if where.unpacked is None:
        yield BadInput(path, "is a ZIP archive", "unpack it, or add it to a library")
        return
    try:
        unpacked = unpack(path, where.unpacked, where.sandbox)
    except BadInput as error:
        yield error
        return
    yield from unpacked.wrong
    for inside in unpacked.passed_over:
        reason = HIDDEN if is_hidden(inside) else _why_unread(inside)
        yield Skipped(os.path.join(os.path.abspath(path), inside), reason)
    found = list(_in_folder(unpacked.folder, {_identity(unpacked.folder)}, _Where(where.sandbox, None)))
    yield from (named_in_archive(one, unpacked.folder, os.path.abspath(path)) for one in found)
    if not unpacked.wrong and all(isinstance(one, Skipped) for one in found):
        yield BadInput(path, "holds no sheet music and no recordings", f"give an archive of {_KNOWN}")


def named_in_archive(found: Source, where: Path, name: str) -> Source:
    """What was found in ``where``, which people know as ``name``, under that name."""
    if isinstance(found, Score):
        return replace(found, in_archive=renamed(found.shown, where, name))
    if isinstance(found, Skipped):
        return replace(found, path=renamed(found.path, where, name))
    return BadInput(renamed(found.path, where, name), found.what, found.remedy)


def renamed(path: str, where: Path, name: str) -> str:
    """The path of ``where``, or of what is in it, with ``name`` in place of ``where``."""
    within = os.path.relpath(path, where)
    return name if within == os.curdir else os.path.join(name, within)


def _in_folder_given(folder: Path, where: _Where) -> Iterator[Source]:
    holds_music = False
    for found in _in_folder(folder, {_identity(folder)}, where):
        holds_music = holds_music or not isinstance(found, Skipped)
        yield found
    if not holds_music:
        yield BadInput(folder, "holds no sheet music and no recordings", f"give a folder with {_KNOWN}")


def _in_folder(folder: Path, above: set[tuple[int, int]], where: _Where) -> Iterator[Source]:
    """``above`` holds the folders visited so far: a link may lead back to one of them."""
    try:
        everything = sorted(folder.iterdir(), key=natural)
    except PermissionError:
        yield BadInput(folder, "may not be read", "give yourself permission to read it")
        return
    entries = [entry for entry in everything if not is_hidden(PurePath(entry.name))]
    named = {entry: _kind_in_folder(entry) for entry in entries if entry.is_file() and not is_archive(entry)}
    scores = {entry.stem.casefold() for entry, found in named.items() if found in ("pdf", "image", "notation")}
    others = [entry for entry, found in named.items() if _is_other_form(entry, found)]
    beside = {entry for entry in others if entry.stem.casefold() in scores}
    for entry in everything:
        if reason := HIDDEN if is_hidden(PurePath(entry.name)) else _why_skipped(entry, named, beside):
            yield Skipped(str(entry), reason)
    files = [entry for entry, found in named.items() if found is not None and entry not in beside]
    whole = [file for file in files if _is_whole(file, where.sandbox)]
    images = [file for file in files if file not in whole]
    whole.sort(key=lambda file: named[file] in ("midi", "recording"))  # of files of one name, the score has it
    for path, pages in [*((file, [file]) for file in whole), *([(folder, images)] if images else [])]:
        try:
            yield _score(path, pages)
        except BadInput as error:
            yield error
    for entry in entries:
        if entry.is_file() and is_archive(entry):
            yield from _in_archive(entry, where)
        if entry.is_dir() and _identity(entry) not in above:
            above.add(_identity(entry))
            yield from _in_folder(entry, above, where)


def _why_skipped(entry: Path, named: Mapping[Path, FileKind | None], beside: Container[Path]) -> str | None:
    """Why an entry of a folder is passed over; ``named`` has the kinds of its files. None if it is not."""
    if entry not in named:
        return None if entry.is_dir() or entry.is_file() else NO_FILE
    if entry in beside:
        return BESIDE
    if named[entry] is not None:
        return None
    return "; ".join(SAVED) if is_saved_manifest(entry) else _why_unread(entry)


def _why_unread(path: PurePath) -> str:
    return "; ".join(UNREAD.get(path.suffix.lower(), (NEITHER,)))


def _is_other_form(entry: Path, found: FileKind | None) -> bool:
    """Whether a file may be another form of a score: its sound, or a program's own file."""
    return found == "midi" or (found is None and entry.suffix.lower() in UNREAD)


def score_at(source: str, path: Path) -> Score:
    """The piece that a file is, which came from ``source``; raises as `page_file` does."""
    return Score(_name(path.stem), source, (page_file(path),), "score" if is_sheet_music(path) else "recording")


def _score(path: Path, files: list[Path]) -> Score:
    source = os.path.abspath(path)
    if not path.is_dir():
        return score_at(source, path)
    return Score(_name(os.path.basename(source)), source, tuple(map(page_file, files)))


def _name(name: str) -> str:
    """A file's name as people type it: macOS keeps an accent apart from its letter."""
    return unicodedata.normalize("NFC", name)


def _kind_in_folder(path: Path) -> FileKind | None:
    """What a file of a folder is. Of one whose name's ending is not a piece's nobody said that it is sheet music: it is
    a recording or nothing."""
    found = kind(path)
    is_named_so = kind_of_name(path) is not None or path.suffix.lower() in UNTELLING
    return found if is_named_so or found in ("midi", "recording") else None


def _unread(path: Path) -> BadInput:
    """Why a file is no piece."""
    if not path.stat().st_size:
        return BadInput(path, *EMPTY)
    if is_saved_manifest(path):
        return BadInput(path, *SAVED)
    return BadInput(path, *UNREAD.get(path.suffix.lower(), (NEITHER, f"give {_KNOWN}, or a folder of them")))


def _is_text(path: Path) -> bool:
    """Whether a file begins as text does."""
    try:
        with open(path, "rb") as file:
            return b"\0" not in file.read(4096)
    except OSError:
        return False


def _is_whole(file: Path, sandbox: Sandbox) -> bool:
    """Whether a file is a piece by itself, not a page of one."""
    return kind(file) != "image" or _pages_of(file, sandbox) > 1


def _pages_of(file: str | Path, sandbox: Sandbox) -> int:
    return sandbox.call(count_pages, file) if can_have_pages(file) else 1


def _identity(folder: Path) -> tuple[int, int]:
    state = folder.stat()
    return state.st_dev, state.st_ino


def natural(path: Path) -> list[tuple[int, str]]:
    """Digits compare as numbers: page_2 before page_10."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


PAGES = "#page="
"""What comes between a file and the pages of a part of it."""


def can_hold_parts(score: Score, sandbox: Sandbox) -> bool:
    """Whether a score is one file of many pages, or of many tunes."""
    return len(score.files) == 1 and _pages_of(score.files[0].path, sandbox) > 1


def part_source(score: Score, part: Part) -> str:
    """What stands for a part of a score: its address with the pages as RFC 8118 writes them."""
    return f"{score.source}{PAGES}{part.first}-{part.last}"


def whole_file(source: str) -> str:
    """The file that a part's source (or a file's) is of."""
    return source.partition(PAGES)[0]


def are_all_parts(score: Score, sources: Iterable[str], sandbox: Sandbox) -> bool:
    """Whether these sources are parts of a score that together have all its pages; False for the score itself."""
    ranges = sorted(tuple(map(int, source.partition(PAGES)[2].split("-"))) for source in sources if PAGES in source)
    expected = 1
    for first, last in ranges:
        if first != expected:
            return False
        expected = last + 1
    return bool(ranges) and expected == _pages_of(score.files[0].path, sandbox) + 1
