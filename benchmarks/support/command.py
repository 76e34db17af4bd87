"""Runs the installed ``earmark`` command, or any other, and says how long it took and how much memory it had at most.

Only the standard library is imported here: Linux starts the peak memory of a child at its parent's size
(``mm/exec``: the high-water mark survives ``exec``), so whoever measures has to be smaller than what it measures.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """One finished process: wall-clock and processor seconds, peak resident memory in MB (10^6 bytes), exit code, its
    two outputs.

    ``exit_code`` is negative after a signal.
    """

    seconds: float
    cpu_s: float
    peak_mb: float
    exit_code: int
    output: str
    errors: str

    def json(self) -> Any:
        """The process's output as JSON; raises RuntimeError if it failed."""
        return json.loads(succeed(self).output)


def earmark() -> str:
    """Path of the installed command: the one beside this Python, else the one on the search path."""
    beside = Path(sys.executable).with_name("earmark")
    found = str(beside) if beside.exists() else shutil.which("earmark")
    if found is None:
        raise SystemExit("the earmark command is not installed; make test installs it in .venv")
    return found


def run(arguments: Sequence[str | Path], **options: Any) -> Run:
    """Runs a process to its end; ``options`` are those of ``subprocess.Popen``."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            list(map(str, arguments)), stdin=subprocess.DEVNULL, stdout=output, stderr=errors, **options
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for stream in (output, errors):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, process.returncode, *texts)


def succeed(finished: Run) -> Run:
    """The run itself; raises RuntimeError with what it printed if it failed."""
    if finished.exit_code != 0:
        raise RuntimeError(f"exit code {finished.exit_code}: {finished.errors.strip() or finished.output.strip()}")
    return finished
