"""ZIP archives → folders of what they hold, unpacked within the library's own folder.

Unpacked is what may be music, by its name, in archives within archives too; what else there is, is named. Names lead
nowhere but into the folder; what is encrypted, damaged, or too much is said.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Any

from earmark.errors import EMPTY, BadInput
from earmark.files import make_folder
from earmark.sandbox.sandbox import Sandbox
from earmark.sheet.formats import UNTELLING, kind_of_name

MAX_ENTRIES = 10_000
MAX_BYTES = 4_000_000_000
"""Of all that is unpacked from one archive."""
MAX_DEPTH = 3
"""Of archives within archives."""
_MAX_INNER_BYTES = 500_000_000  # of an archive within one, which is read into memory
_PIECE_BYTES = 4_000_000
_ENDINGS = (".zip", ".cbz")
"""A .cbz is an archive of page images."""
_SIGNATURE = b"PK\3\4"
_KEPT = "unpacked.json"
_NO_NAME = re.compile(r'[<>:"|?*\x00-\x1f]')
_REMEDY = "unpack it yourself and give the folder"
_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, KeyError)


@dataclass(frozen=True)
class Chunk:
    """Some bytes of the file ``name`` (its path in the archive), of which those before came already; or that it is
    ``passed_over``; or what is ``wrong`` with it."""

    name: str
    data: bytes = b""
    wrong: str = ""
    passed_over: bool = False


@dataclass(frozen=True)
class Unpacked:
    """The ``folder`` that holds what may be music in an archive; what is ``wrong`` with it, and the paths in it of what
    is ``passed_over``."""

    folder: Path
    wrong: tuple[BadInput, ...]
    passed_over: tuple[PurePosixPath, ...]


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP archive that is no score itself."""
    if path.suffix.lower() in _ENDINGS:
        return True
    if path.suffix or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_SIGNATURE)) == _SIGNATURE


def unpack(path: Path, unpacked: Path, sandbox: Sandbox) -> Unpacked:
    """What the archive at ``path`` holds, in a folder in ``unpacked``.

    What was unpacked stays, and is not unpacked again while the archive is as it was. Raises BadInput when it is no
    archive, or holds too much; OSError when nothing can be written.
    """
    state = path.stat()
    if not state.st_size:
        raise BadInput(path, *EMPTY)
    told = [state.st_size, state.st_mtime_ns]
    folder = unpacked / hashlib.sha256(str(path.absolute()).encode(errors="surrogateescape")).hexdigest()[:16]
    inside = folder / (_part(path.stem) or "archive")
    kept = _kept(folder)
    if kept is None or kept["of"] != told:
        unfinished = folder.with_name(f".{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            make_folder(unfinished / inside.name)
            kept = {"of": told, **_write(path, unfinished / inside.name, sandbox)}
            (unfinished / _KEPT).write_text(json.dumps(kept), encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    wrong = tuple(BadInput(path, what, _REMEDY) for what in kept["wrong"])
    return Unpacked(inside, wrong, tuple(map(PurePosixPath, kept["passed_over"])))


def read_archive(path: Path) -> Iterator[Chunk]:
    """All files in an archive, in order; of what cannot be music, by its name, that alone.

    Raises BadInput when it is none, or holds too much.
    """
    left = [MAX_BYTES, MAX_ENTRIES]
    try:
        with path.open("rb") as file:
            yield from _chunks(path, file, PurePosixPath(), MAX_DEPTH, left)
    except _ERRORS as error:
        raise BadInput(path, "is a damaged or foreign ZIP archive", "copy or download it again") from error


def _chunks(path: Path, file: IO[bytes], at: PurePosixPath, depth: int, left: list[int]) -> Iterator[Chunk]:
    with zipfile.ZipFile(file) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        left[1] -= len(entries)
        if left[1] < 0:
            raise BadInput(path, f"holds more than {MAX_ENTRIES} files", _REMEDY)
        for entry in entries:
            name = _inside(entry.filename)
            if name is None:
                yield Chunk("", wrong=f"names a file outside itself ({entry.filename[:80]})")
            elif not _is_wanted(entry.filename):
                yield Chunk(str(at / name), passed_over=True)
            elif entry.flag_bits & 1:
                yield Chunk("", wrong=f"holds an encrypted file ({name.name})")
            elif stat.S_ISLNK(entry.external_attr >> 16):
                yield Chunk("", wrong=f"holds a link ({name.name})")
            else:
                try:
                    yield from _entry(path, archive, entry, at / name, depth, left)
                except _ERRORS:
                    yield Chunk("", wrong=f"holds a damaged file ({name.name})")


def _entry(
    path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: PurePosixPath, depth: int, left: list[int]
) -> Iterator[Chunk]:
    if name.suffix.lower() in _ENDINGS:
        if depth == 1:
            yield Chunk("", wrong=f"holds archives within archives, more than {MAX_DEPTH} deep ({name.name})")
            return
        with archive.open(entry) as inner:
            content = inner.read(_MAX_INNER_BYTES + 1)
        if len(content) > _MAX_INNER_BYTES:
            yield Chunk("", wrong=f"holds an archive of more than {_MAX_INNER_BYTES // 10**6} MB ({name.name})")
            return
        yield from _chunks(path, io.BytesIO(content), name.with_suffix(""), depth - 1, left)
        return
    if not entry.file_size:
        yield Chunk(str(name))
    with archive.open(entry) as file:
        while data := file.read(_PIECE_BYTES):
            left[0] -= len(data)
            if left[0] < 0:
                raise BadInput(path, f"holds more than {MAX_BYTES // 10**9} GB", _REMEDY)
            yield Chunk(str(name), data)


def _is_wanted(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return not is_hidden(path) and (kind_of_name(path) is not None or path.suffix.lower() in (*_ENDINGS, *UNTELLING))


def is_hidden(path: PurePath) -> bool:
    """Whether a file, or a folder that it is in, is hidden, as those are that macOS adds to archives."""
    return any(part == "__MACOSX" or (part.startswith(".") and part not in (".", "..")) for part in path.parts)


def _inside(name: str) -> PurePosixPath | None:
    """The path of an entry within its archive, of names that any system takes; None if it leads elsewhere."""
    given = name.replace("\\", "/")
    if given.startswith("/") or re.match(r"[A-Za-z]:", given) or ".." in given.split("/"):
        return None
    return PurePosixPath(*(_part(part) or "_" for part in given.split("/") if part not in ("", ".")))


def _part(name: str) -> str:
    """A file's name as any system takes it."""
    stem, dot, ending = name.rpartition(".")
    short = f"{stem[:100]}{dot}{ending[:20]}" if stem else name[:100]
    return _NO_NAME.sub("_", short).encode(errors="replace").decode().rstrip(". ")


def _write(path: Path, folder: Path, sandbox: Sandbox) -> dict[str, list[str]]:
    """Writes what an archive holds; returns what is ``wrong`` with it, and the paths that are ``passed_over``."""
    wrong: list[str] = []
    passed_over: list[str] = []
    begun: set[str] = set()
    for chunk in sandbox.stream(read_archive, path):
        name = None if chunk.wrong else _inside(chunk.name)  # who reads it is not trusted
        if name is None:
            wrong.append(chunk.wrong or "cannot be unpacked")
            continue
        if chunk.passed_over:
            passed_over.append(str(name))
            continue
        file = folder / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("ab" if chunk.name in begun else "wb") as out:
                out.write(chunk.data)
            begun.add(chunk.name)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            wrong.append(f"holds a file and a folder of one name ({name.name})")
    return {"wrong": wrong, "passed_over": passed_over}


def _kept(folder: Path) -> dict[str, Any] | None:
    try:
        kept: dict[str, Any] = json.loads((folder / _KEPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if kept.keys() == {"of", "wrong", "passed_over"} else None
