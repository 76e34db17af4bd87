"""What a worker process runs: one task after the other with a library of its own.

It opens no file that a client sent: the library reads files in confined processes (`earmark.sandbox`), which end with
the worker. It ends when the server does, however that ends, and then removes the folder of kept files if it is still
there.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from earmark.errors import EarmarkError, printable
from earmark.library.library import Library
from earmark.model.encoders import Model
from earmark.sandbox.limits import Limits
from earmark.sandbox.sandbox import Sandbox
from earmark.web.errors import Refusal, explain
from earmark.web.protocol import LAST, READY, Answer, Progress, Task, write_answer, write_progress, write_refusal
from earmark.web.tasks import TASKS, warm


@dataclass(frozen=True)
class Setup:
    """What every worker is given: the library and its model, the server's folder, its niceness.

    Reading a file may take ``memory_bytes`` beyond what its process holds before. A ``warm`` worker makes ready for
    searching before its first task.
    """

    library: str
    model: str | Model | None
    folder: str
    memory_bytes: int
    niceness: int = 0
    warm: bool = False


def main(pipe: Connection, setup: Setup) -> None:
    """The process's life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is the server's to handle
    if sys.platform != "win32":
        os.nice(setup.niceness)
    tempfile.tempdir = setup.folder
    try:
        sandbox = Sandbox(Limits(memory_bytes=setup.memory_bytes))
        library = Library.open(setup.library, setup.model, sandbox=sandbox)
        if setup.warm:
            warm(library)
        pipe.send_bytes(READY)
        while True:
            task: Task = pipe.recv()
            if not _answered(task, library, pipe):
                return
    except (EOFError, OSError):  # the server is gone
        shutil.rmtree(setup.folder, ignore_errors=True)


def _answered(task: Task, library: Library, pipe: Connection) -> bool:
    """Does a task; False if the process is in no state to do another."""

    def progress(state: Progress) -> None:
        pipe.send_bytes(write_progress(state))

    work: Callable[..., Answer] = TASKS[task.name]
    try:
        message = write_answer(work(library, progress, **task.arguments))
    except Refusal as refusal:
        message = write_refusal(refusal)
    except EarmarkError as error:
        message = write_refusal(explain(error, str(task.arguments.get("name", "the file"))))
    except MemoryError:
        last = Refusal("gave_up", "the file takes too much memory", "give a smaller one")
        pipe.send_bytes(write_refusal(last, LAST))
        return False
    except Exception:  # a mistake of ours
        print(printable(traceback.format_exc(), keep="\n"), end="", file=sys.stderr)
        last = Refusal("gave_up", "the file cannot be read", "convert it and try again")
        pipe.send_bytes(write_refusal(last, LAST))
        return False
    pipe.send_bytes(message)
    return True
