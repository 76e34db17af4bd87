"""A library in use → a whole copy of it in a new folder.

The database is copied as of one moment, through SQLite; then ``uploads``, ``iiif`` and ``unpacked``. Files
that pieces were read from elsewhere are not part of a library and are not copied.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from earmark.errors import BadInput
from earmark.files import locked, make_folder, sync_file, sync_folder
from earmark.store.database import FILE_NAME
from earmark.store.embedded import EmbeddedStore
from earmark.store.store import DOWNLOADS, UNPACKED, UPLOADS


def back_up(library: Path, to: Path) -> int:
    """Copies the library in folder ``library`` to ``to``, which appears whole, safely on disk, or not at all.

    Other processes may read and write it meanwhile. Returns how many pieces the copy has. A library that was copied
    opens like any other; what came through the web it looks for where ``library`` was, until
    `earmark.store.verify.repair` has noted where it is now. Raises LibraryUnusable when there is no library, its
    LibraryDamaged when it is not whole, BadInput when ``to`` is there already or cannot be written.
    """
    to = Path(os.path.abspath(to))
    if to.exists():
        raise BadInput(to, "is there already", "give the name of a new folder")
    source = EmbeddedStore(library, create=False)
    lock = to.with_name(f".{to.name}.lock")
    try:
        make_folder(to.parent)
        with locked(lock):
            try:
                return _back_up(source, library, to)
            finally:
                lock.unlink()
    except BlockingIOError as error:
        raise BadInput(to, "is being written by another backup", "wait until that is done") from error
    except OSError as error:
        remedy = "give another folder, or make room"
        raise BadInput(to, f"cannot be written ({error.strerror or error})", remedy) from error
    finally:
        source.close()


def _back_up(source: EmbeddedStore, library: Path, to: Path) -> int:
    unfinished = to.with_name(f".{to.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of one that was killed
    try:
        make_folder(unfinished)
        source.copy_to(unfinished / FILE_NAME)
        for name in (UPLOADS, DOWNLOADS, UNPACKED):
            _copy(library / name, unfinished / name)
        copy = EmbeddedStore(unfinished, create=False)
        pieces = len(copy.pieces())
        copy.close()
        _sync(unfinished)
        unfinished.rename(to)
        sync_folder(to.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return pieces


def _copy(folder: Path, to: Path) -> None:
    """All files in a folder, but no hidden ones: those are being written."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        there = to / Path(root).relative_to(folder)
        there.mkdir(parents=True, exist_ok=True)
        for name in names:
            if not name.startswith("."):
                try:
                    shutil.copy2(Path(root, name), there / name)
                except FileNotFoundError:  # removed meanwhile, with its piece
                    continue


def _sync(folder: Path) -> None:
    for root, _, names in os.walk(folder):
        for name in names:
            sync_file(Path(root, name))
        sync_folder(Path(root))
