"""Linux's seccomp: this process, and what it starts, makes no connection and touches no other process, for good.

A filter in the kernel's BPF (Documentation/userspace-api/seccomp_filter.rst) refuses the calls below. The wrappers of
libseccomp need a system package, and this list is short.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from functools import cache

_NO_NEW_PRIVILEGES, _SET_SECCOMP, _GET_SECCOMP, _FILTER = 38, 22, 21, 2  # prctl
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""The kernel's name of an architecture, and the column of the calls' numbers below."""

_NETWORK = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
}  # fmt: skip
_OTHER_PROCESSES = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "shmget": (29, 194), "msgget": (68, 186),
    "semget": (64, 190), "mq_open": (180, 180), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218),
}  # fmt: skip
_KERNEL = {
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268),
    "open_by_handle_at": (304, 265), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "personality": (135, 92),
}  # fmt: skip
_STARTING = {"execve": (59, 221), "execveat": (322, 281), "fork": (57, -1), "vfork": (58, -1)}
_CLONE, _CLONE3, _KILL, _TGKILL, _PRLIMIT = (56, 220), (435, 435), (62, 129), (234, 131), (302, 261)
_THREAD = 0x00010000  # flag of clone

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in the kernel's description of a call
_FOREIGN = 0x40000000  # calls of the x32 ABI

Instruction = tuple[int, int, int, int]
"""Operation, instructions to skip if true and if false, operand."""


@cache
def is_offered() -> bool:
    """Whether this kernel has seccomp filters, on a processor whose calls are known here."""
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
        return False
    return bool(_libc().prctl(_GET_SECCOMP, 0, 0, 0, 0) >= 0)


def restrict(may_start: bool) -> None:
    """From now on calls for connections, other processes and the kernel's own affairs fail with EPERM.

    So does starting programs and processes, unless ``may_start``. Raises OSError when the kernel refuses.
    """
    libc, program = _libc(), _program(may_start)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in program))
    described = struct.pack("@HP", len(program), ctypes.addressof(code))
    one, none = ctypes.c_ulong(1), ctypes.c_ulong(0)
    for arguments in (
        (_NO_NEW_PRIVILEGES, one, none, none, none),
        (_SET_SECCOMP, ctypes.c_ulong(_FILTER), described, none, none),
    ):
        if libc.prctl(*arguments):
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))


def _program(may_start: bool) -> list[Instruction]:
    architecture, column = _ARCHITECTURES[platform.machine()]
    refused = {**_NETWORK, **_OTHER_PROCESSES, **_KERNEL, **({} if may_start else _STARTING)}
    refuse = (_RETURN, 0, 0, _FAIL | errno.EPERM)
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _FOREIGN),
        refuse,
    ]
    for numbers in refused.values():
        if numbers[column] >= 0:
            program += [(_EQUAL, 0, 1, numbers[column]), refuse]
    if not may_start:
        # The C library asks again with clone, whose flags can be seen, where there is no clone3.
        program += [(_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _FAIL | errno.ENOSYS)]
        program += _unless(_CLONE[column], (_ANY_BIT, 1, 0, _THREAD), refuse)
        for numbers in (_KILL, _TGKILL):  # abort() sends a signal to its own process
            program += _unless(numbers[column], (_EQUAL, 1, 0, os.getpid()), refuse)
    program += _unless(_PRLIMIT[column], (_EQUAL, 1, 0, 0), refuse)
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _unless(number: int, test: Instruction, refuse: Instruction) -> list[Instruction]:
    """Refuse a call unless its first argument passes a test, which skips one instruction if it does."""
    return [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, _FIRST_ARGUMENT), test, refuse, (_RETURN, 0, 0, _ALLOW)]


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
