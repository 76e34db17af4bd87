"""What counts as one piece on disk: paths → scores and recordings, and how to know one again.

A PDF is one piece, and so are a multi-page TIFF, a score file and a recording. All other page images of one folder
are one piece together, in natural order (page_2 before page_10); an image that is named itself is a piece of one
page. A ZIP archive is the folder of what it holds (`earmark.library.archives`). Folders are searched recursively;
hidden files and folders, and files of other kinds, are passed over, but music of a kind that is not read is named,
unless a file that is read has its name.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from earmark.errors import BadInput
from earmark.library.archives import is_archive, unpack
from earmark.results import Kind
from earmark.sandbox.sandbox import Sandbox
from earmark.sheet.formats import UNREAD, UNTELLING, can_have_pages, count_pages, kind, kind_of_name
from earmark.sheet.parts import Part

_KNOWN = "PDF, PNG, JPEG, TIFF, WebP, MusicXML, MEI, Humdrum, ABC or recordings"


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
    are the pieces in it, where they are known; ``missing`` is what of it could not be had, a clause each.
    """

    name: str
    source: str
    files: tuple[PageFile, ...]
    kind: Kind = "score"
    title: str = ""
    composer: str = ""
    parts: tuple[Part, ...] = ()
    missing: tuple[str, ...] = ()


def find_scores(
    paths: Iterable[str | Path], sandbox: Sandbox, unpacked: Path | None = None
) -> Iterator[Score | BadInput]:
    """The scores at ``paths`` (files and folders), in the order given and then by name.

    A path that does not exist, or holds no sheet music, comes as the BadInput that says so. Pages are counted in
    ``sandbox``. What ZIP archives hold is put into the folder ``unpacked``; where that is None, they are named.
    """
    where = _Where(sandbox, unpacked)
    for path in map(Path, paths):
        try:
            if path.is_dir():
                yield from _in_folder_given(path, where)
            elif path.exists() and not path.is_file():
                yield BadInput(path, "is no file", "give a file or a folder")
            elif is_archive(path):
                yield from _in_archive(path, where)
            elif path.exists() and not _is_piece_file(path):
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


def _in_archive(path: Path, where: _Where) -> Iterator[Score | BadInput]:
    if where.unpacked is None:
        yield BadInput(path, "is a ZIP archive", "unpack it, or add it to a library")
        return
    try:
        folder, wrong = unpack(path, where.unpacked, where.sandbox)
    except BadInput as error:
        yield error
        return
    yield from wrong
    found = list(_in_folder(folder, {_identity(folder)}, _Where(where.sandbox, None)))
    yield from found
    if not found and not wrong:
        yield BadInput(path, "holds no sheet music", f"give an archive of {_KNOWN}")


def _in_folder_given(folder: Path, where: _Where) -> Iterator[Score | BadInput]:
    found = False
    for score in _in_folder(folder, {_identity(folder)}, where):
        found = True
        yield score
    if not found:
        yield BadInput(folder, "holds no sheet music", f"give a folder with {_KNOWN}")


def _in_folder(folder: Path, above: set[tuple[int, int]], where: _Where) -> Iterator[Score | BadInput]:
    """``above`` holds the folders visited so far: a link may lead back to one of them."""
    try:
        entries = sorted((entry for entry in folder.iterdir() if not entry.name.startswith(".")), key=natural)
    except PermissionError:
        yield BadInput(folder, "may not be read", "give yourself permission to read it")
        return
    files = [entry for entry in entries if entry.is_file() and _is_named_so(entry) and _is_piece_file(entry)]
    read = {file.stem for file in files}  # in another form, as a program's score is beside its PDF
    unread = [entry for entry in entries if entry.suffix.lower() in UNREAD and entry.is_file()]
    yield from (_unread(entry) for entry in unread if entry.stem not in read)
    whole = [file for file in files if _is_whole(file, where.sandbox)]
    images = [file for file in files if file not in whole]
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


def _score(path: Path, files: list[Path]) -> Score:
    source = Path(os.path.abspath(path))
    pages = tuple(map(page_file, files))
    name = source.name if path.is_dir() else source.stem
    return Score(name, str(source), pages, "recording" if kind(path) == "recording" else "score")


def _unread(path: Path) -> BadInput:
    """Why a file is no piece."""
    otherwise = "is neither sheet music nor a recording", f"give {_KNOWN}, or a folder of them"
    return BadInput(path, *UNREAD.get(path.suffix.lower(), otherwise))


def _is_piece_file(path: Path) -> bool:
    return kind(path) not in (None, "midi")


def _is_named_so(path: Path) -> bool:
    """Whether a name's ending is a piece's: of a folder's other files nobody said that they are music."""
    return kind_of_name(path) is not None or path.suffix.lower() in UNTELLING


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
