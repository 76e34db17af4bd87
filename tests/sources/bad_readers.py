"""In place of the functions that read: they do so, but at a file with ``bad`` in its name what no reader should."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from earmark.sheet.flat_pages import FlatPage, read_flat_pages


def _or_else(files: Path | Sequence[Path], deed: Callable[[], Any]) -> Iterator[FlatPage]:
    paths = [files] if isinstance(files, Path) else files
    pages = read_flat_pages(paths)
    if "bad" in paths[0].name:
        if paths[0].suffix == ".pdf":
            yield next(pages)
        yield deed()
    yield from pages


def crash(files: Sequence[Path], *_: object) -> Iterator[FlatPage]:
    return _or_else(files, lambda: ctypes.string_at(0))


def hang(files: Sequence[Path], *_: object) -> Iterator[FlatPage]:
    def spin() -> None:
        while True:
            pass

    return _or_else(files, spin)


def leave(files: Sequence[Path], *_: object) -> Iterator[FlatPage]:
    return _or_else(files, lambda: os._exit(0))
