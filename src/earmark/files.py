"""Files that appear whole or not at all, and stay when the power goes; locks that end with their process."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write in place of ``path``, which at every moment is the old file or the new one, whole.

    The new one takes its place, safely on disk, when the block ends; if it ends with an error nothing has happened.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write ``value`` as `replacing` does."""
    with replacing(path) as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=1).encode())


def move(path: Path, to: Path) -> None:
    """Moves a file, also to another disk; at every moment what is at ``to`` is whole, and it is on disk at the end."""
    try:
        sync_file(path)
        os.replace(path, to)
        sync_folder(to.parent)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with path.open("rb") as file, replacing(to) as there:
            shutil.copyfileobj(file, there)
        path.unlink()


def make_folder(path: Path) -> None:
    """Makes a folder, safely on disk, with all those above it; none is an error if it is there."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Returns when a file's content is on disk."""
    with path.open("rb" if os.name == "posix" else "r+b") as file:  # Windows syncs for those only who may write
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Returns when it is on disk what was made, renamed and removed in a folder, as far as that can be had.

    Windows opens no folders, some file systems cannot sync them, and in some folders one may write but not read.
    """
    if os.name != "posix":
        return
    try:
        opened = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(opened)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Within, no other process is within for the same ``path``, a file, which is made if need be.

    Raises BlockingIOError at once when another one is. A lock ends with its process, however that ends.
    """
    with path.open("ab") as file:
        if sys.platform == "win32":
            import msvcrt

            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError as error:
                raise BlockingIOError(*error.args) from error
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
