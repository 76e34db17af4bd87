"""The folder ``uploads`` in a library's: what clients add stays there for as long as a piece is read from it.

A file is *held* while it is being added, and while its piece was removed and may be brought back. A held file that may
have to go has a marker beside it, an empty hidden file: a server that is killed leaves it, and the next one does what
is to be done. Files without a marker are somebody's own and stay.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from earmark.errors import EarmarkError
from earmark.files import make_folder, move
from earmark.library.library import Library
from earmark.store.database import FILE_NAME
from earmark.store.store import PENDING, UPLOADS, Piece, pending_mark
from earmark.web.errors import Refusal
from earmark.web.limits import MB, Limits
from earmark.web.uploads import file_stem, piece_suffix

ABANDONED_S = 3600.0
"""A marker that nobody has renewed for so long is of a server that is gone."""


class AddedFiles:
    """The files that clients added to the library in ``folder``; every method may be called in any thread.

    ``lock`` is held while the library is used.
    """

    def __init__(self, library: Library, folder: Path, limits: Limits, lock: threading.RLock) -> None:
        self._library, self._folder, self._limits, self._lock = library, folder, limits, lock
        self._uploads = folder.absolute() / UPLOADS
        self._held: Counter[Path] = Counter()

    def check_room(self, more: int) -> None:
        """Raises Refusal, full, when ``more`` bytes would exceed the quota, or leave too little of the disk."""
        if self.used_bytes() + more > self._limits.library_bytes:
            what = f"the library would be larger than its quota of {self._limits.library_bytes / MB:.0f} MB"
            raise Refusal("full", what, "remove pieces, or start the server with a larger --quota")
        if shutil.disk_usage(self._folder).free < more + self._limits.spare_bytes:
            raise Refusal("full", "the disk of the library is full", "make room there and add it again")

    def used_bytes(self) -> int:
        """What the quota counts: the added files and the database."""
        counted = (*_files(self._uploads), *_files(self._folder, FILE_NAME))
        return sum(Path(entry.path).stat().st_size for entry in counted if os.path.exists(entry.path))

    def keep(self, name: str, upload: Path) -> Path:
        """Moves an uploaded file to where it stays while it is added, named in the likeness of ``name``; held.

        Call `release` when it has been added or has not. A file of that name and content is left as it is. Raises
        Refusal for a name of neither sheet music nor a recording, and when there is no room; the upload is gone then.
        """
        suffix = piece_suffix(name)
        stem = file_stem(name)
        try:
            if not suffix:
                what = f"{name} is neither sheet music nor a recording"
                raise Refusal("unusable_file", what, "give a PDF, an image, MusicXML, MEI, **kern, ABC or a recording")
            with self._lock:
                make_folder(self._uploads)
                path, number = self._uploads / f"{stem}{suffix}", 1
                while path.exists():
                    if filecmp.cmp(path, upload, shallow=False):
                        self._held[path] += 1
                        return path
                    number += 1
                    path = self._uploads / f"{stem} ({number}){suffix}"
                self.check_room(upload.stat().st_size)
                self._move(upload, path)
                return path
        finally:
            upload.unlink(missing_ok=True)

    def _move(self, upload: Path, path: Path) -> None:
        self._held[path] += 1
        pending_mark(path).touch()
        try:
            move(upload, path)  # on disk before a piece is of it
        except BaseException:  # a disk that is full, say
            path.unlink(missing_ok=True)
            self.release(path)
            raise

    def hold(self, piece: Piece) -> list[Path]:
        """Holds those files of a piece that clients added, before it is removed; call `release` for each."""
        with self._lock:
            found = [path for path in self._paths(piece) if path.parent == self._uploads and path.exists()]
            for path in found:
                self._held[path] += 1
                pending_mark(path).touch()
            return found

    def release(self, path: Path) -> None:
        """Ends what `keep` or `hold` began: a marked file goes if nothing else holds it and no piece is read from it.

        Whether it was added says the library alone: a worker may be lost after it has added a piece, before it says so.
        """
        with self._lock:
            self._held[path] -= 1
            if not self._held[path]:
                del self._held[path]
                self._settle(path)

    def piece_of(self, path: Path) -> Piece | None:
        """The piece that is read from a file of `keep`'s."""
        with self._lock:
            own = os.path.abspath(path)
            pieces = self._library.store.of_file(own) + self._library.store.of_file(os.path.dirname(own))
            return next((piece for piece in pieces if path in self._paths(piece)), None)

    def is_new(self, path: Path) -> bool:
        """Whether a held file came with an addition that has not ended."""
        return pending_mark(path).exists()

    def tidy(self) -> None:
        """Renews the markers of what is held here, and settles what killed servers have left."""
        with self._lock:
            for path in self._held:
                if pending_mark(path).exists():
                    pending_mark(path).touch()
            for entry in _files(self._uploads, "."):
                path = self._uploads / entry.name.removeprefix(".").removesuffix(PENDING)
                is_marker = entry.name == pending_mark(path).name
                if is_marker and path not in self._held and time.time() - entry.stat().st_mtime > ABANDONED_S:
                    self._settle(path)

    def _settle(self, path: Path) -> None:
        marker = pending_mark(path)
        with suppress(EarmarkError):  # a library that cannot be asked: it stays, with its marker
            if marker.exists():
                if self.piece_of(path) is None:
                    path.unlink(missing_ok=True)
                marker.unlink(missing_ok=True)

    def _paths(self, piece: Piece) -> list[Path]:
        return [Path(file.path) for file in self._library.store.files(piece)]


def _files(folder: Path, prefix: str = "") -> list[os.DirEntry[str]]:
    """The files in a folder whose names begin so; none if there is no folder."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.name.startswith(prefix) and entry.is_file()]
    except FileNotFoundError:
        return []
