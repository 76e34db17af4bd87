"""What a command costs is what its process took."""

from __future__ import annotations

import sys

import pytest

from benchmarks.support.command import run


def test_a_run_has_the_time_the_memory_and_the_outputs_of_its_process() -> None:
    code = "import sys, time; held = bytearray(150_000_000); time.sleep(0.2); print(7); print('so', file=sys.stderr)"
    done = run([sys.executable, "-c", code])
    assert (done.exit_code, done.json(), done.errors) == (0, 7, "so\n")
    assert done.seconds >= 0.2
    assert done.peak_mb >= 150


def test_a_failed_run_has_no_figures() -> None:
    killed = run([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
    assert killed.exit_code == -9
    with pytest.raises(RuntimeError, match="exit code 3: no"):
        run([sys.executable, "-c", "import sys; print('no', file=sys.stderr); sys.exit(3)"]).json()
