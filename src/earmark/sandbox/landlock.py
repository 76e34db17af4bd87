"""Linux's Landlock: this process, and what it starts, opens no file but those below stated paths, for good.

There is no wrapper in glibc; the calls and their numbers are the kernel's (Documentation/userspace-api/landlock.rst).
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1  # flag of landlock_create_ruleset
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38  # prctl

_EXECUTE, _WRITE, _READ_FILE, _READ_FOLDER = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE = 1 << 14
_OF_FILES = _EXECUTE | _WRITE | _READ_FILE | _TRUNCATE
_READ = _READ_FILE | _READ_FOLDER
_RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights over files that a version knows; it is told to refuse them all."""
_NETWORK_SINCE, _TCP = 4, 0b11
_SCOPES_SINCE, _SCOPES = 6, 0b11  # abstract sockets, signals


@cache
def version() -> int:
    """The version of Landlock that this kernel offers; 0 for none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)))


def restrict(
    readable: Iterable[Path], runnable: Iterable[Path], writable: Iterable[Path], listable: Iterable[Path]
) -> None:
    """From now on only what is at or below these paths can be read, run and read, written and read, or listed.

    Nothing else of the file system can be changed or linked, and, as far as this version knows of them, no TCP
    connection and no signal reach another process. Paths that do not exist are left out. Raises OSError when the kernel
    refuses.
    """
    libc, known = _libc(), version()
    rights = _RIGHTS_BY_VERSION[max(v for v in _RIGHTS_BY_VERSION if v <= known)]
    stated = struct.pack("=Q", rights)
    stated += struct.pack("=Q", _TCP) if known >= _NETWORK_SINCE else b""
    stated += struct.pack("=Q", _SCOPES) if known >= _SCOPES_SINCE else b""
    rules = _checked(libc.syscall(_CREATE_RULESET, stated, ctypes.c_size_t(len(stated)), 0))
    try:
        given = (
            (readable, _READ),
            (runnable, _READ | _EXECUTE),
            (writable, rights & ~_EXECUTE),
            (listable, _READ_FOLDER),
        )
        for path, allowed in ((path, allowed) for paths, allowed in given for path in paths):
            _allow(libc, rules, path, allowed & rights)
        _checked(libc.prctl(_NO_NEW_PRIVILEGES, *map(ctypes.c_ulong, (1, 0, 0, 0))))
        _checked(libc.syscall(_RESTRICT_SELF, rules, 0))
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: Path, allowed: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not path.is_dir():
            allowed &= _OF_FILES
        _checked(libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", allowed, descriptor), 0))
    finally:
        os.close(descriptor)


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
