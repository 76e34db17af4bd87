"""One process that reads files, seen from who started it: starts it, asks it, ends it when it takes too long."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from earmark.errors import BadInput
from earmark.sandbox.child import AT_ONCE, Call
from earmark.sandbox.messages import CALL, DONE, ENDED, HEAD, ITEM, REFUSED, frame, read

WALL = 4.0
"""Times the CPU time that it may take to the next sign of life: what it may take by the clock."""
START_S = 60.0
"""Besides, for the first call: modules are imported then."""
PREFIX = "earmark-"
LOCK = "lock"
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # a fork's threads for matrices would be its own, and spin while they wait
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # glibc's: a fork soon ends, and keeps its memory until then,
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),  # for every page that is given back and taken again is zeroed
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # and takes it in large pages, if it may, for each costs a fault
}
_CODE = "from earmark.sandbox.child import main; main()"
_REMEDY = "it is damaged, or made to do harm: save it again, or convert it"


class Process:
    """A warm process; one call at a time. ``is_usable`` is False once it has ended."""

    def __init__(self, modules: Sequence[str] = ()) -> None:
        """Starts a process, which imports ``modules`` at once."""
        self.is_usable = True
        self._is_late = False
        self._is_new = True
        self._scratch = Path(tempfile.mkdtemp(prefix=PREFIX))
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        with _locked(self._scratch) as lock:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _CODE, *modules],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pipesize=AT_ONCE,
                cwd=self._scratch,
                env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": path},
                start_new_session=True,  # ctrl-C, and a signal to all that a server's worker has started, pass it by
                pass_fds=() if lock is None else (lock,),
            )

    @property
    def pid(self) -> int:
        """The process's."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def stream(self, kind: Any, call: Call) -> Iterator[Any]:
        """The values, of type ``kind``, of a call.

        Raises BadInput as the function does, and when the process crashes, takes too long or says something else. It is
        ended if the values are not taken to their end.
        """
        is_whole = False
        patience_s = WALL * call.limits.quiet_for(call.files)
        named = call.files[0] if len(call.files) == 1 else call.files[0].parent
        try:
            self._ask(call)
            refusal: BadInput | None = None
            is_done = False
            while True:
                letter, body = self._next(patience_s, call.limits.message_bytes)
                if letter == ENDED:
                    break
                if letter == ITEM and refusal is None and not is_done:
                    yield read(kind, body)
                elif letter == REFUSED:
                    refusal = BadInput(*map(str, json.loads(body)))
                elif letter == DONE:
                    is_done = True
                else:
                    raise ValueError(f"frame {letter!r}")
            is_whole = True
            if refusal is not None:
                raise refusal
            if not is_done:
                raise BadInput(named, *_cause(int(body), patience_s / WALL))
        except (OSError, EOFError, ValueError, TypeError) as error:
            what = f"takes longer than {patience_s:.0f} s" if self._is_late else "crashes what reads it"
            raise BadInput(named, what, _REMEDY) from error
        finally:
            if not is_whole:
                self.end()

    def end(self) -> None:
        """Ends the process and removes its scratch folder."""
        self.is_usable = False
        self._kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _ask(self, call: Call) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(frame(CALL, pickle.dumps(call)))
        self._process.stdin.flush()

    def _next(self, patience_s: float, most_bytes: int) -> tuple[bytes, bytearray]:
        """The next frame; raises EOFError when the process has ended, ValueError when the frame is too large."""
        started_s = START_S if self._is_new else 0.0
        watch = threading.Timer(patience_s + started_s, self._give_up)
        watch.daemon = True
        watch.start()
        try:
            letter, size = HEAD.unpack(self._read(HEAD.size))
            if size > most_bytes:
                raise ValueError(f"a message of {size} bytes")
            body = self._read(size)
            self._is_new = False
            return letter, body
        finally:
            watch.cancel()

    def _read(self, size: int) -> bytearray:
        assert self._process.stdout is not None
        body = bytearray(size)
        rest = memoryview(body)
        while rest:
            count = self._process.stdout.readinto(rest)  # type: ignore[attr-defined]
            if not count:
                raise EOFError
            rest = rest[count:]
        return body

    def _give_up(self) -> None:
        self._is_late = True
        self._kill()

    def _kill(self) -> None:
        """Kills it; the call it does is ended with it."""
        self._process.kill()


def sweep() -> None:
    """Removes scratch folders whose processes are gone, as after a kill of everything at once."""
    if sys.platform == "win32":  # there a folder in use cannot be removed, and one that is not is nobody's
        return
    import fcntl

    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(folder / LOCK, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


@contextlib.contextmanager
def _locked(scratch: Path) -> Iterator[int | None]:
    """A lock on a scratch folder that is held as long as a process has it, for `sweep`; None where there are none."""
    if sys.platform == "win32":
        yield None
        return
    import fcntl

    descriptor = os.open(scratch / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _cause(code: int, quiet_s: float) -> tuple[str, str]:
    """What is wrong with a file whose reader ended with this code, and the remedy."""
    if sys.platform != "win32" and code == -signal.SIGXCPU:
        return f"takes more than {quiet_s:.0f} s to read on", _REMEDY
    if code < 0:
        return f"crashes what reads it ({signal.Signals(-code).name})", _REMEDY
    return "crashes what reads it", _REMEDY
