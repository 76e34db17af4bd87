"""The process that reads files: it waits for calls, and does each in a fork of its own that is confined.

It opens no file itself. What a call says is passed on frame by frame, so that one that is ended in the middle spoils
nothing. It ends when who started it does, however that ends, and then ends the call and removes its scratch folder.

Where forks are unsafe (macOS) or unknown (Windows) it does the calls itself, one after the other.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pickle
import queue
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from earmark.errors import BadInput, reading
from earmark.sandbox.confine import Installation, confine, installation, more_time
from earmark.sandbox.limits import Limits
from earmark.sandbox.messages import CALL, DONE, ENDED, HEAD, ITEM, REFUSED, frame, returned, write

WARM_UP = "warm_up"
"""A function that a module of readers may have."""
FORKS = sys.platform == "linux"
_PARENT_DEATH_SIGNAL = 1  # prctl
AT_ONCE = 1 << 20
"""Bytes that a pipe takes: a page, or a minute of sound, goes through without waiting."""


@dataclass(frozen=True)
class Call:
    """A function by its module and name, its input and further arguments; ``is_many``: whether ``files`` is a list."""

    module: str
    function: str
    files: tuple[Path, ...]
    is_many: bool
    arguments: tuple[Any, ...]
    limits: Limits
    may_start: bool


def main() -> None:
    """The process's life: its scratch folder is the working directory, further arguments are modules to import."""
    scratch = Path.cwd()
    calls, answers = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb", 0)
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 0)
    os.dup2(silence, 1)  # libraries print there
    for module in sys.argv[1:]:
        _load(module)
    try:
        (_forking if FORKS else _waiting)(calls, answers, scratch)
    finally:
        os.chdir(scratch.parent)
        shutil.rmtree(scratch, ignore_errors=True)


def _forking(calls: BinaryIO, answers: BinaryIO, scratch: Path) -> None:
    """Does each call in a fork."""
    import fcntl

    place = installation()
    while (call := _next_call(calls)) is not None:
        if call.module not in sys.modules:
            _load(call.module)
            place = installation()
        folder = Path(tempfile.mkdtemp(dir=scratch))
        said, heard = os.pipe()
        fcntl.fcntl(said, fcntl.F_SETPIPE_SZ, AT_ONCE)
        process = os.fork()
        if not process:
            os.close(said)
            _forked(call, folder, place, os.fdopen(heard, "wb", 0), (calls, answers))
        os.close(heard)
        try:
            is_alone = not _passed_on(os.fdopen(said, "rb", 0), calls, answers)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            status = os.waitpid(process, 0)[1]
            shutil.rmtree(folder, ignore_errors=True)
        if is_alone:
            return
        _send(answers, frame(ENDED, str(os.waitstatus_to_exitcode(status)).encode()))


def _load(name: str) -> None:
    """Imports a module, and does before any fork what it says is slow the first time."""
    module = importlib.import_module(name)
    getattr(module, WARM_UP, lambda: None)()
    gc.freeze()  # what is there stays, so a fork need not look through it, which would copy it
    if FORKS:
        _give_back_memory()


def _give_back_memory() -> None:
    """Returns free memory to the system: a fork that took it again would copy every page of it first."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone
    if trim is not None:
        trim(0)


def _forked(call: Call, folder: Path, place: Installation, heard: BinaryIO, others: tuple[BinaryIO, ...]) -> None:
    """Does a call in this process, which then ends."""
    code = 1
    try:
        import ctypes

        os.setpgid(0, 0)  # what it starts is ended with it
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        for other in others:
            other.close()
        os.chdir(folder)
        tempfile.tempdir = str(folder)
        confine(call.files, folder, call.limits, call.may_start, place)
        _answer(call, heard)
        code = 0
    finally:
        os._exit(code)


def _passed_on(said: BinaryIO, calls: BinaryIO, answers: BinaryIO) -> bool:
    """Passes on whole frames until the call's process closes its end; False when nobody waits for them any more."""
    import select

    waiting = select.poll()
    waiting.register(said, select.POLLIN)
    waiting.register(calls, select.POLLIN)
    held = bytearray()
    with said:
        while True:
            ready = dict(waiting.poll())
            if calls.fileno() in ready:  # nothing is asked while a call is done: this is the end
                return False
            data = os.read(said.fileno(), AT_ONCE)
            if not data:
                return True
            held += data
            while len(held) >= HEAD.size:
                end = HEAD.size + HEAD.unpack_from(held)[1]
                if len(held) < end:
                    break
                _send(answers, held[:end])
                del held[:end]


def _waiting(calls: BinaryIO, answers: BinaryIO, scratch: Path) -> None:
    """Does each call itself; a thread sees when who started it has ended."""
    waiting: queue.SimpleQueue[Call] = queue.SimpleQueue()

    def listen() -> None:
        while (call := _next_call(calls)) is not None:
            waiting.put(call)
        os.chdir(scratch.parent)
        shutil.rmtree(scratch, ignore_errors=True)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        call = waiting.get()
        folder = tempfile.mkdtemp(dir=scratch)
        tempfile.tempdir = folder
        _answer(call, answers)
        shutil.rmtree(folder, ignore_errors=True)
        _send(answers, frame(ENDED, b"0"))


def _answer(call: Call, answers: BinaryIO) -> None:
    """Does a call and sends what it gives."""
    module = importlib.import_module(call.module)
    function: Callable[..., Any] = getattr(module, call.function)
    kind, is_many = returned(function)
    quiet_s, total_s = call.limits.quiet_for(call.files), call.limits.total_for(call.files)
    more_time(quiet_s, total_s)
    named = call.files[0] if len(call.files) == 1 else call.files[0].parent
    try:
        with reading(named):
            found = function(call.files if call.is_many else call.files[0], *call.arguments)
            values: Iterator[Any] = found if is_many else iter([found])
            for value in values:
                _send(answers, frame(ITEM, write(kind, value)))
                more_time(quiet_s, total_s)
    except BadInput as error:
        told = json.dumps([error.path, error.what, error.remedy])
        _send(answers, frame(REFUSED, told.encode(errors="replace")))
    else:
        _send(answers, frame(DONE))


def _next_call(calls: BinaryIO) -> Call | None:
    """The next call; None when there will be none."""
    head = _read(calls, HEAD.size)
    if len(head) < HEAD.size:
        return None
    kind, size = HEAD.unpack(head)
    body = _read(calls, size)
    if kind != CALL or len(body) < size:
        return None
    call: Call = pickle.loads(body)  # from who started this process, which opens no file
    return call


def _read(stream: BinaryIO, size: int) -> bytes:
    """``size`` bytes, or fewer at the end."""
    parts = bytearray()
    while len(parts) < size and (data := stream.read(size - len(parts))):
        parts += data
    return bytes(parts)


def _send(stream: BinaryIO, data: bytes | bytearray) -> None:
    """Writes all; ends the process when nobody reads."""
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[stream.write(rest) :]
    except BrokenPipeError:
        sys.exit(1)
