"""Is a library whole, and are the files still there that its pieces were read from? What is wrong, and mending it.

What belongs to a library: its database, and the ``index`` made from it; in ``uploads`` the scores that came through the
browser, in ``iiif`` a folder of images for each manifest and in ``unpacked`` one for each archive.
Pieces may also be of files anywhere else, which are looked
at and never touched.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from earmark.errors import BadInput
from earmark.results.places import Kind
from earmark.sheet.formats import kind_of_name
from earmark.sheet.iiif import is_address
from earmark.sources.on_disk import PageFile, Score, natural, page_file, sha256, whole_file
from earmark.store.embedded import EmbeddedStore
from earmark.store.embedding_files import EmbeddingFiles
from earmark.store.store import DOWNLOADS, UNPACKED, UPLOADS, LibraryDamaged, LibraryUnusable, Piece

RECENT_S = 3600.0
"""What changed less than this ago may belong to an addition that is under way."""
_SCRATCH = re.compile(r"\..+\.\d+")
"""The names of `earmark.files.replacing`."""

Fault = Literal["database", "damaged", "gone", "moved", "changed", "orphan", "scratch", "index"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with ``subject``, a path or a piece's name; the message is ``subject: what; remedy``.

    * ``database``: SQLite finds the file damaged
    * ``damaged``: what is stored of a piece is not what was put; mending it takes the piece out
    * ``gone``: a file of a piece is not there; ``moved``: it is, under another name, at which mending notes it
    * ``changed``: a file has other content than when it was added
    * ``orphan``: a file or folder of the library that no piece is read from; ``scratch``: one that was never finished;
      ``index``: a damaged one of `earmark.store.embedding_files`, which a search makes anew; mending removes it

    ``piece`` is the identifier of the piece, ``found`` says of a moved one where it is now.
    """

    fault: Fault
    subject: str
    what: str
    remedy: str
    piece: int | None = None
    found: Score | None = None

    @property
    def can_be_mended(self) -> bool:
        """Whether `repair` knows how."""
        return self.fault in ("damaged", "moved", "orphan", "scratch", "index")


@dataclass(frozen=True)
class Report:
    """What was looked at, and what is wrong; nothing, in a library that is whole."""

    pieces: int
    files: int
    problems: tuple[Problem, ...]


def verify(folder: Path) -> Report:
    """Looks at everything in the library in ``folder``; changes nothing.

    A file is taken for the same if its size and time are, else if its content is. Orphans are looked for only where
    every piece is whole, for a damaged one may be read from them. Raises LibraryUnusable when there is no library.
    """
    try:
        store = EmbeddedStore(folder, create=False)
    except LibraryDamaged as error:
        return Report(0, 0, (_database(error.what.removesuffix(" is damaged")),))
    try:
        return _verify(folder, store)
    except LibraryDamaged as error:
        return Report(0, 0, (_database(error.what),))
    finally:
        store.close()


def repair(folder: Path, problems: Iterable[Problem]) -> list[Problem]:
    """Mends what can be mended of these problems, which `verify` found, and returns what was.

    Raises LibraryUnusable when the library, or something in it, may not be written.
    """
    mended = []
    store = EmbeddedStore(folder, create=False)
    try:
        pieces = {piece.id: piece for piece, _ in store.checked()}
        for problem in problems:
            if problem.fault in ("orphan", "scratch", "index"):
                _delete(Path(problem.subject))
            elif problem.fault == "damaged" and problem.piece in pieces:
                store.remove([pieces[problem.piece]])
            elif problem.found and problem.piece in pieces:
                store.relocate(pieces[problem.piece], problem.found)
            else:
                continue
            mended.append(problem)
    finally:
        store.close()
    return mended


def _verify(folder: Path, store: EmbeddedStore) -> Report:
    checked = store.checked()
    problems = [_database(line) for line in store.integrity()]
    problems += [_damaged(piece) for piece, is_whole in checked if not is_whole]
    pieces = {piece.id: (piece, store.files(piece)) for piece, is_whole in checked if is_whole}
    is_whole = not problems
    folders = _Folders(folder, pieces.values())
    problems += [problem for piece, files in pieces.values() if (problem := _of_files(piece, files, folders))]
    if is_whole:
        problems += _unused(folder, [files for _, files in pieces.values()], problems)
    problems += [_scratch(path) for path in _scratch_files(folder)]
    problems += [_of_index(path) for kind in get_args(Kind) for path in EmbeddingFiles(folder, kind).damaged()]
    return Report(len(checked), sum(len(files) for _, files in pieces.values()), tuple(problems))


def _database(what: str) -> Problem:
    remedy = "restore a backup, or add the music to a new library"
    return Problem("database", "library.sqlite", what if "damaged" in what else f"is damaged: {what}", remedy)


def _damaged(piece: Piece) -> Problem:
    remedy = f"take it out with --repair, then: earmark add LIBRARY {piece.source}"
    return Problem("damaged", str(piece.name), "what is stored of it is damaged", remedy, piece.id)


def _of_files(piece: Piece, files: tuple[PageFile, ...], folders: _Folders) -> Problem | None:
    """What is wrong with the files of a piece, if anything is."""
    gone = [file.path for file in files if not Path(file.path).is_file()]
    if gone:
        found = folders.find(piece, files)
        if found:
            what = f"{gone[0]} is gone, and its content is in {found.files[0].path}"
            return Problem("moved", piece.name, what, "note it with --repair", piece.id, found)
        remedy = "put it back, or take the piece out with: earmark remove"
        return Problem("gone", piece.name, f"{gone[0]} is gone", remedy, piece.id)
    try:
        now = tuple(page_file(Path(file.path)) for file in files)
        is_same = now == files or sha256(Score(piece.name, piece.source, now)) == _content(piece)
    except (BadInput, OSError) as error:
        what = f"{files[0].path} cannot be read ({error})"
        return Problem("gone", piece.name, what, "check its permissions", piece.id)
    if is_same:
        return None
    changed = next((old.path for old, new in zip(files, now, strict=True) if old != new), files[0].path)
    remedy = f"read it again with: earmark add LIBRARY {whole_file(piece.source)}"
    return Problem("changed", piece.name, f"{changed} has changed since it was added", remedy, piece.id)


def _content(piece: Piece) -> str:
    """The checksum of the files that a piece, or the whole that it is a part of, was read from."""
    return piece.sha256.partition("#")[0]


class _Folders:
    """The folders that may hold files of a library's pieces: those that do, its own, and the folders in and beside
    them."""

    def __init__(self, library: Path, pieces: Iterable[tuple[Piece, tuple[PageFile, ...]]]) -> None:
        self._library = os.path.abspath(library)
        self._known, self._taken = set[str](), set[str]()
        for piece, files in pieces:
            self._known |= {os.path.dirname(file.path) for file in files}
            self._taken.add(piece.source)

    def find(self, piece: Piece, files: tuple[PageFile, ...]) -> Score | None:
        """Where there are files of the content that a piece was read from, and that no other piece is of."""
        if len(files) == 1:
            candidates = [[path] for path in self._by_size.get(files[0].size, ())]
        else:
            candidates = self._images.get(tuple(file.size for file in files), [])
        whole = whole_file(piece.source)
        is_folder = whole == os.path.dirname(files[0].path)
        for paths in candidates:
            source = str(paths[0].parent if is_folder else paths[0]) + piece.source.removeprefix(whole)
            if is_address(piece.source):
                source = piece.source
            elif source in self._taken:
                continue
            with suppress(BadInput, OSError):  # a file that may not be read is not what was looked for
                score = Score(piece.name, source, tuple(map(page_file, paths)), piece.kind)
                if sha256(score) == _content(piece):
                    self._taken.add(source)
                    return score
        return None

    @cached_property
    def _listed(self) -> list[list[tuple[Path, int]]]:
        """The files of every folder in natural order, with their sizes; read when something is first missing."""
        parents = self._known | {os.path.dirname(folder) for folder in self._known}
        parents.add(os.path.join(self._library, DOWNLOADS))
        folders = self._known | {os.path.join(self._library, UPLOADS)}
        folders |= {entry.path for parent in parents for entry in _entries(parent) if entry.is_dir()}
        listed = []
        for folder in sorted(folders):
            files = [(Path(entry.path), entry.stat().st_size) for entry in _entries(folder) if entry.is_file()]
            listed.append(sorted(files, key=lambda file: natural(file[0])))
        return listed

    @cached_property
    def _by_size(self) -> dict[int, list[Path]]:
        found = defaultdict(list)
        for files in self._listed:
            for path, size in files:
                found[size].append(path)
        return found

    @cached_property
    def _images(self) -> dict[tuple[int, ...], list[list[Path]]]:
        """The images of each folder, which may be the pages of a piece, by their sizes."""
        found = defaultdict(list)
        for files in self._listed:
            images = [(path, size) for path, size in files if kind_of_name(path) == "image"]
            found[tuple(size for _, size in images)].append([path for path, _ in images])
        return found


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder, hidden things left out; nothing if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return []


def _unused(folder: Path, files: Iterable[tuple[PageFile, ...]], problems: Iterable[Problem]) -> Iterator[Problem]:
    """What lies in the library's folders and belongs to no piece."""
    gone = {problem.piece for problem in problems if problem.fault == "gone"}
    used = {os.path.realpath(file.path) for some in files for file in some}
    used |= {os.path.realpath(file.path) for problem in problems if problem.found for file in problem.found.files}
    # A library that was moved: its pieces' paths lead to where it was, and what is here is theirs nevertheless.
    kept = {(Path(path).parent.name, Path(path).name) for path in used}
    kept_folders = {name for name, _ in kept}
    for path in _inside(folder / UPLOADS):
        if path.is_file() and os.path.realpath(path) not in used and (not gone or (UPLOADS, path.name) not in kept):
            yield _orphan(path)
    for path in [*_inside(folder / DOWNLOADS), *_inside(folder / UNPACKED)]:
        own = {os.path.realpath(inner) for inner in path.rglob("*")}
        if path.is_dir() and own.isdisjoint(used) and (not gone or path.name not in kept_folders):
            yield _orphan(path)


def _orphan(path: Path) -> Problem:
    return Problem("orphan", str(path), "belongs to no piece", "remove it with --repair, or add it again")


def _scratch(path: Path) -> Problem:
    return Problem("scratch", str(path), "was never finished", "remove it with --repair")


def _of_index(path: Path) -> Problem:
    return Problem("index", str(path), "is damaged", "remove it with --repair; the next search makes it anew")


def _scratch_files(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(root, name)
            if _SCRATCH.fullmatch(name) and _is_old(path):
                yield path


def _inside(folder: Path) -> list[Path]:
    """What a folder holds and nothing has changed lately."""
    return sorted(path for entry in _entries(str(folder)) if _is_old(path := Path(entry.path)))


def _is_old(path: Path) -> bool:
    """Whether nothing of a file or folder has changed lately."""
    try:
        newest: float = max(one.lstat().st_mtime for one in (path, *(path.rglob("*") if path.is_dir() else ())))
    except FileNotFoundError:  # changing now
        return False
    return time.time() - newest > RECENT_S


def _delete(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        what = f"cannot be removed ({error.strerror})"
        raise LibraryUnusable(path, what, "give yourself permission, or remove it yourself") from error
