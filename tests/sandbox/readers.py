"""Functions that read, or do what no reader should: for processes of a sandbox."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.errors import BadInput


def count_bytes(path: Path) -> int:
    return len(path.read_bytes())


def read_names(paths: tuple[Path, ...], ending: str) -> Iterator[str]:
    for path in paths:
        yield path.read_text() + ending


def make_arrays(path: Path, many: int) -> Iterator[tuple[npt.NDArray[np.float32], bytes]]:
    for number in range(many):
        yield np.full((300, 200), number, np.float32), bytes([number])


def refuse(path: Path) -> int:
    raise BadInput(path, "is bad", "make it good")


def raise_key_error(path: Path) -> int:
    raise KeyError(3)


def take_memory(path: Path) -> int:
    return len(bytearray(1 << 40))


def crash(path: Path) -> int:
    ctypes.string_at(0)
    return 0


def leave(path: Path) -> int:
    os._exit(0)


def lie(path: Path) -> int:
    return "no number"  # type: ignore[return-value]


def say_too_much(path: Path) -> bytes:
    return bytes(3_000_000)


def spin(path: Path) -> int:
    while True:
        pass


def yield_and_spin(path: Path) -> Iterator[int]:
    for number in range(6):
        end_s = time.process_time() + 0.4
        while time.process_time() < end_s:
            pass
        yield number


def wait(path: Path) -> int:
    time.sleep(3600)
    return 0


def tell_pids(path: Path) -> Iterator[tuple[int, int]]:
    """This process's and that of a program that it has started; then it waits."""
    yield os.getpid(), subprocess.Popen(["sleep", "3600"]).pid
    wait(path)


def scratch(path: Path) -> str:
    Path("left behind").write_text("here")
    return os.getcwd()


def trespass(path: Path, others: list[Path]) -> list[str]:
    """What of all that it should not do it could do."""
    done = []

    def tried(name: str, deed: Callable[[], object]) -> None:
        try:
            deed()
        except OSError:
            return
        done.append(name)

    for other in others:
        tried(f"read {other}", other.read_bytes)
        tried(f"write {other}", lambda other=other: other.open("ab"))  # type: ignore[misc]
    tried("write the input", lambda: path.open("ab"))
    tried("list a folder", lambda: list(path.parent.iterdir()))
    tried("make a socket", socket.socket)
    tried("start a program", lambda: subprocess.run(["true"], check=True))
    tried("fork", lambda: os.fork() or os._exit(0))
    tried("signal its parent", lambda: os.kill(os.getppid(), 0))
    return done
