"""Runs a worker process for the server: starts it, ends it when a task takes too long, replaces it when it dies.

So a task that takes too long, or dies, at worst ends its own job.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from earmark.web import worker
from earmark.web.errors import Refusal
from earmark.web.protocol import (
    ANSWER,
    LAST,
    PROGRESS,
    READY,
    REFUSAL,
    Answer,
    Progress,
    Task,
    read_answer,
    read_progress,
    read_refusal,
)

START_S = 120.0
MOST_BYTES = 256 * 1024 * 1024
log = logging.getLogger(__name__)


class Worker:
    """One process for one task at a time. ``call`` and ``kill`` may be called from different threads."""

    def __init__(self, setup: worker.Setup) -> None:
        self.restarts = -1
        self._setup = setup
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._lock = threading.Lock()
        self._stopped = self._killed = self._ready = False

    @property
    def pid(self) -> int | None:
        """The process's, None while there is none."""
        process = self._process
        return process.pid if process else None

    def call(self, task: Task, limit_s: float, progress: Callable[[Progress], None]) -> Answer:
        """See `earmark.web.queue.Caller.call`; a task that takes longer than ``limit_s`` is ended with its process."""
        try:
            pipe = self._started()
            pipe.send(task)
            deadline = time.monotonic() + limit_s
            while True:
                kind, body = _receive(pipe, deadline)
                if kind == PROGRESS:
                    progress(read_progress(body))
                elif kind == ANSWER:
                    return read_answer(body)
                elif kind == REFUSAL:
                    raise read_refusal(body)
                elif kind == LAST:
                    self._discard()
                    raise read_refusal(body)
                else:
                    raise ValueError(f"message {kind!r}")
        except TimeoutError:
            self._discard()
            what = f"the file took longer than {limit_s:.0f} s"
            raise Refusal("gave_up", what, "give a shorter or simpler one") from None
        except (EOFError, OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s: the worker was lost (%r)", task.name, error)
            self._discard()
            raise Refusal("gave_up", "the file could not be read to its end", "convert it and try again") from error

    def start(self) -> None:
        """Starts the process before it is needed. If that fails, so will the first call, which says why."""
        with suppress(Refusal, EOFError, OSError, ValueError):
            self._started()

    def kill(self) -> None:
        """See `earmark.web.queue.Caller.kill`; the next call starts another process."""
        with self._lock:
            self._killed = True
            if self._process is not None:
                self._process.kill()

    def stop(self) -> None:
        """Ends the process for good."""
        self._stopped = True
        self.kill()

    def _started(self) -> Connection:
        """The pipe to a living process."""
        if self._stopped:
            raise Refusal("unavailable", "the server is stopping", "start it again")
        if self._process is not None and self._pipe is not None and self._process.is_alive() and not self._killed:
            return self._once_ready(self._pipe)
        self._discard()
        context = multiprocessing.get_context("spawn")
        pipe, theirs = context.Pipe()
        process = context.Process(target=worker.main, args=(theirs, self._setup), daemon=True)
        with _ctrl_c_held():
            process.start()
        theirs.close()
        with self._lock:
            self._process, self._pipe, self._killed, self._ready = process, pipe, False, False
            self.restarts += 1
        return self._once_ready(pipe)

    def _once_ready(self, pipe: Connection) -> Connection:
        """Waits until the process has said that it is ready; what it says before is no answer to a task."""
        if not self._ready:
            if _receive(pipe, time.monotonic() + START_S)[0] != READY:
                raise ValueError("not ready")
            self._ready = True
        return pipe

    def _discard(self) -> None:
        """Ends the process, if there is one, and lets go of what belongs to it. For the calling thread only."""
        self.kill()
        with self._lock:
            process, pipe, self._process, self._pipe = self._process, self._pipe, None, None
        if process is not None:
            process.join()
            process.close()
        if pipe is not None:
            pipe.close()


@contextmanager
def _ctrl_c_held() -> Iterator[None]:
    """What is started within never hears of ctrl-C, which is the server's to handle, not even while Python starts."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _receive(pipe: Connection, deadline: float) -> tuple[bytes, bytes]:
    """The next message's letter and the rest; raises TimeoutError at the deadline, EOFError when the process died."""
    if not pipe.poll(max(0.0, deadline - time.monotonic())):
        raise TimeoutError
    message = pipe.recv_bytes(MOST_BYTES)
    return message[:1], message[1:]
