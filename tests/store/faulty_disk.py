"""A disk that fails, fills up or loses its power: this process's writes, syncs, renames and removals, one by one.

SQLite reaches its files through a table of functions, its VFS (https://www.sqlite.org/vfs.html). A table of our own
stands before it while a `Disk` is watched, and so do the functions of `os` and `shutil` that change files.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

CAN_BE_WATCHED = os.path.isdir("/proc/self/fd")
"""Where an open file's path can be told."""


@dataclass
class Operation:
    """What is about to change: ``kind`` is write, truncate, sync, unlink, rename, mkdir or rmdir.

    ``data`` are the bytes that a write puts at ``at``, to where a truncate cuts; ``to`` is a rename's new path.
    """

    kind: str
    path: Path
    at: int = 0
    data: bytes = b""
    to: Path | None = None
    is_durable: bool = False


Seen = Callable[[Operation], int]
"""Told of every operation before it happens; returns 0, or the error (`errno`) that it ends with."""


class Disk:
    """What happens to the files under ``folder`` while it is watched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.operations: list[Operation] = []
        self._before = self.now()

    @contextmanager
    def watched(self, seen: Seen) -> Iterator[None]:
        """Within, ``seen`` is asked about every operation on this disk."""

        def asked(operation: Operation) -> int:
            if self.folder not in (operation.path, *operation.path.parents):
                return 0
            error = seen(operation)
            if not error:
                self._note(operation)
            return error

        with _sqlite_watched(asked), _os_watched(asked):
            yield

    def _note(self, operation: Operation) -> None:
        """A sync makes what was written to a file durable, and of a folder what was made, renamed and removed in it."""
        if operation.kind == "sync":
            for earlier in self.operations:
                if earlier.kind in ("write", "truncate"):
                    earlier.is_durable |= earlier.path == operation.path
                else:
                    earlier.is_durable |= operation.path in [path.parent for path in (earlier.path, earlier.to) if path]
        else:
            self.operations.append(operation)

    def now(self) -> Tree:
        """What is on the disk: what a process leaves behind that is killed at this moment."""
        return Tree.of(self.folder)

    def after_power_cut(self, rng: Random) -> Tree:
        """What is on the disk when it has power again: all that was synced, and any of the rest.

        What is kept of a write may be cut short. Memory that processes shared is gone.
        """
        tree = Tree({path: bytearray(data) for path, data in self._before.files.items()}, set(self._before.folders))
        share = rng.choice([0.0, 0.5, 1.0])
        for operation in self.operations:
            if operation.is_durable or rng.random() < share:
                data = operation.data
                if not operation.is_durable and rng.random() < 0.2:
                    data = data[: rng.randrange(len(data) + 1)]
                _replay(replace(operation, data=data), tree)
        lost = [path for path in tree.files if path.name.endswith("-shm") or path.parent not in tree.folders]
        for path in lost:
            del tree.files[path]
        return tree

    def torn(self, operation: Operation) -> Tree:
        """What is there after half a write."""
        tree = self.now()
        _replay(replace(operation, data=operation.data[: len(operation.data) // 2]), tree)
        return tree


@dataclass
class Tree:
    """All files and folders under a folder, which is one of ``folders``."""

    files: dict[Path, bytearray]
    folders: set[Path]

    @classmethod
    def of(cls, folder: Path) -> Tree:
        """What is there now."""
        paths = list(folder.rglob("*"))
        files = {path: bytearray(path.read_bytes()) for path in paths if path.is_file()}
        return cls(files, {folder, *filter(Path.is_dir, paths)})

    def restore(self, folder: Path) -> None:
        """Makes it what is under ``folder``, and nothing else."""
        shutil.rmtree(folder, ignore_errors=True)
        for path in sorted({folder, *self.folders}):
            path.mkdir(parents=True, exist_ok=True)
        for path, content in self.files.items():
            path.write_bytes(content)


def _replay(operation: Operation, tree: Tree) -> None:
    path, to, data, files, folders = operation.path, operation.to, operation.data, tree.files, tree.folders
    if operation.kind == "write":
        content = files.setdefault(path, bytearray())
        content.extend(bytes(max(0, operation.at + len(data) - len(content))))
        content[operation.at : operation.at + len(data)] = data
    elif operation.kind == "truncate":
        del files.setdefault(path, bytearray())[operation.at :]
    elif operation.kind == "unlink":
        files.pop(path, None)
    elif operation.kind == "mkdir":
        folders.add(path)
    elif operation.kind == "rmdir":
        folders.discard(path)
    elif to is not None:
        for old in [one for one in (*files, *folders) if one == path or path in one.parents]:
            new = to / old.relative_to(path)
            if old in folders:
                folders.remove(old)
                folders.add(new)
            else:
                files[new] = files.pop(old)


# SQLite. The names and the order are those of sqlite3.h; only the functions of interest have their types.
_FILE, _INT64 = ctypes.c_void_p, ctypes.c_int64
_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, _FILE, ctypes.c_int, ctypes.c_void_p)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, ctypes.c_void_p, ctypes.c_int, _INT64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, _INT64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, ctypes.c_int)


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("iVersion", ctypes.c_int),
        ("szOsFile", ctypes.c_int),
        ("mxPathname", ctypes.c_int),
        ("pNext", ctypes.c_void_p),
        ("zName", ctypes.c_char_p),
        ("pAppData", ctypes.c_void_p),
        ("xOpen", _OPEN),
        ("xDelete", _DELETE),
        ("others", ctypes.c_void_p * 14),
    )


class _Methods(ctypes.Structure):
    _fields_ = (
        ("iVersion", ctypes.c_int),
        ("xClose", ctypes.c_void_p),
        ("xRead", ctypes.c_void_p),
        ("xWrite", _WRITE),
        ("xTruncate", _TRUNCATE),
        ("xSync", _SYNC),
        ("others", ctypes.c_void_p * 13),
    )


_CODES = {errno.ENOSPC: 13, errno.EIO: 10}
_IOERR = {"write": 3 << 8, "sync": 4 << 8, "truncate": 6 << 8, "unlink": 10 << 8}


def _code(error: int, kind: str) -> int:
    return _CODES[error] | (_IOERR[kind] if error == errno.EIO else 0)


@contextmanager
def _sqlite_watched(seen: Seen) -> Iterator[None]:
    """Connections that are opened within go through ``seen``; they are to be closed within, too."""
    import _sqlite3

    sqlite = ctypes.CDLL(_sqlite3.__file__)  # the very library that Python uses
    sqlite.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    original = sqlite.sqlite3_vfs_find(None)
    ours = _Vfs()
    ctypes.memmove(ctypes.byref(ours), original, ctypes.sizeof(_Vfs))
    ours.zName = b"watched"
    paths: dict[int, Path] = {}
    methods: list[tuple[_Methods, Any]] = []  # as long as a file may be open, and beyond

    def open_file(vfs: int, name: int | None, file: int, flags: int, out: int | None) -> int:
        # SQLite keeps the name's address: it goes on as it came.
        code: int = original.contents.xOpen(ctypes.cast(original, ctypes.c_void_p).value, name, file, flags, out)
        if code or name is None:
            return code
        paths[file] = Path(os.fsdecode(ctypes.string_at(name)))
        pointer = ctypes.cast(file, ctypes.POINTER(ctypes.POINTER(_Methods)))
        theirs, mine = pointer.contents.contents, _Methods()
        ctypes.memmove(ctypes.byref(mine), ctypes.byref(theirs), ctypes.sizeof(_Methods))

        def write(file: int, data: int, size: int, at: int) -> int:
            error = seen(Operation("write", paths[file], at, ctypes.string_at(data, size)))
            if error:
                theirs.xWrite(file, data, size // 2, at)  # torn
            return _code(error, "write") if error else int(theirs.xWrite(file, data, size, at))

        def truncate(file: int, size: int) -> int:
            error = seen(Operation("truncate", paths[file], size))
            return _code(error, "truncate") if error else int(theirs.xTruncate(file, size))

        def sync(file: int, flags: int) -> int:
            error = seen(Operation("sync", paths[file]))
            return _code(error, "sync") if error else 0  # what is durable is told by `Disk`, and faster

        mine.xWrite, mine.xTruncate, mine.xSync = _WRITE(write), _TRUNCATE(truncate), _SYNC(sync)
        methods.append((mine, theirs))
        pointer[0] = ctypes.pointer(mine)
        return code

    def delete(vfs: int, name: bytes, sync_folder: int) -> int:
        path = Path(os.fsdecode(name))
        error = seen(Operation("unlink", path)) if path.exists() else 0
        if error:
            return _code(error, "unlink")
        code = int(original.contents.xDelete(ctypes.cast(original, ctypes.c_void_p).value, name, sync_folder))
        if sync_folder and not code:
            seen(Operation("sync", path.parent))
        return code

    ours.xOpen, ours.xDelete = _OPEN(open_file), _DELETE(delete)
    sqlite.sqlite3_vfs_register(ctypes.byref(ours), 1)
    try:
        yield
    finally:
        sqlite.sqlite3_vfs_register(original, 1)
        sqlite.sqlite3_vfs_unregister(ctypes.byref(ours))


@contextmanager
def _os_watched(seen: Seen) -> Iterator[None]:
    def fail_if(error: int) -> None:
        if error:
            raise OSError(error, os.strerror(error))

    def path_of(name: Any, folder: int | None = None) -> Path:
        return Path(os.path.realpath(f"/proc/self/fd/{folder}") if folder is not None else "", os.fspath(name))

    def changing(kind: str, real: Callable[..., None]) -> Callable[..., None]:
        def changed(path: Any, *rest: Any, dir_fd: int | None = None, **named: Any) -> None:
            if not isinstance(path, int):
                fail_if(seen(Operation(kind, path_of(path, dir_fd))))
            real(path, *rest, **named, **({} if dir_fd is None else {"dir_fd": dir_fd}))

        return changed

    def renaming(real: Callable[..., None]) -> Callable[..., None]:
        def renamed(old: Any, new: Any) -> None:
            fail_if(seen(Operation("rename", path_of(old), to=path_of(new))))
            real(old, new)

        return renamed

    def fsync(file: int) -> None:
        path = path_of("", file)
        if path.is_file():
            fail_if(seen(Operation("write", path, 0, path.read_bytes())))
        fail_if(seen(Operation("sync", path)))

    def copyfile(source: Any, to: Any, *, follow_symlinks: bool = True) -> Any:
        data = Path(source).read_bytes()
        error = seen(Operation("write", Path(to), 0, data))
        Path(to).write_bytes(data[: len(data) // 2] if error else data)  # torn
        fail_if(error)
        return to

    kinds = {"mkdir": "mkdir", "unlink": "unlink", "remove": "unlink", "rmdir": "rmdir"}
    changes = {name: changing(kind, getattr(os, name)) for name, kind in kinds.items()}
    renames = {name: renaming(getattr(os, name)) for name in ("rename", "replace")}
    replaced = {"fsync": fsync, **changes, **renames}
    with ExitStack() as patches:
        for name, function in replaced.items():
            patches.enter_context(patch.object(os, name, function))
        patches.enter_context(patch.object(shutil, "copyfile", copyfile))
        yield
