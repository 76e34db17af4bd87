"""Functions that read files, in confined processes: ``Sandbox().stream(read_pages, path)`` gives what
``read_pages(path)`` gives.

A function takes its input first, a path or a list of paths, and may open nothing else. It lies at the top of its
module, and its return annotation states what it gives: an ``Iterator`` of values, or one. Values are dataclasses,
tuples, lists, dicts by strings, numbers, strings, bytes and NumPy arrays of numbers.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from earmark.errors import BadInput
from earmark.sandbox.child import Call
from earmark.sandbox.limits import Limits
from earmark.sandbox.messages import returned
from earmark.sandbox.process import Process, sweep

Value = TypeVar("Value")
Files = str | Path | Sequence[str | Path]


class Sandbox:
    """As many warm processes as are used at a time; each does one call after the other. May be used by threads.

    Its processes end with `close`, with this object, or with the process that made it.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._processes: list[Process] = []
        self._idle: list[Process] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _end_all, self._processes)

    def call(self, function: Callable[..., Value], files: Files, *arguments: Any) -> Value:
        """``function(files, *arguments)``.

        Raises BadInput as it does, and when it crashes, takes too long or is no function of that kind.
        """
        (value,) = self._values(function, files, arguments, False)
        found: Value = value
        return found

    def stream(
        self, function: Callable[..., Iterator[Value]], files: Files, *arguments: Any, may_start: bool = False
    ) -> Iterator[Value]:
        """The values of ``function(files, *arguments)``, each when it is there; raises as `call`.

        With ``may_start`` it may start programs, which are confined with it.
        """
        return self._values(function, files, arguments, may_start)

    def start(self, *functions: Callable[..., Any]) -> None:
        """Starts a process, if none waits, before it is needed for these functions."""
        with self._lock:
            is_none = not self._idle
        if is_none:
            self._give_back(self._started([function.__module__ for function in functions]))

    def close(self) -> None:
        """Ends all processes; what is being read fails. The sandbox can still be used, which starts others."""
        with self._lock:
            self._idle.clear()
            _end_all(self._processes)

    def _values(
        self, function: Callable[..., Any], files: Files, arguments: tuple[Any, ...], may_start: bool
    ) -> Iterator[Any]:
        is_one = isinstance(files, str | Path)
        named: Sequence[str | Path] = [files] if isinstance(files, str | Path) else files
        given = tuple(Path(file).absolute() for file in named)
        for file, name in zip(given, named, strict=True):
            if file.exists() and not (file.is_file() or file.is_dir()):  # a pipe or a device may never end
                raise BadInput(name, "is no file", "give a file")
        call = Call(function.__module__, function.__qualname__, given, not is_one, arguments, self._limits, may_start)
        process = self._taken()
        try:
            yield from process.stream(returned(function)[0], call)
        except BadInput as error:
            as_given = dict(zip(map(str, given), named, strict=True))
            raise BadInput(as_given.get(error.path, error.path), error.what, error.remedy) from error
        finally:
            self._give_back(process)

    def _taken(self) -> Process:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.is_alive():
                    return process
                self._processes.remove(process)
                process.end()
        return self._started()

    def _started(self, modules: Sequence[str] = ()) -> Process:
        _sweep_once()
        process = Process(modules)
        with self._lock:
            self._processes.append(process)
        return process

    def _give_back(self, process: Process) -> None:
        with self._lock:
            if process.is_usable:
                self._idle.append(process)
            elif process in self._processes:
                self._processes.remove(process)


@cache
def _sweep_once() -> None:
    sweep()


def _end_all(processes: list[Process]) -> None:
    while processes:
        processes.pop().end()
