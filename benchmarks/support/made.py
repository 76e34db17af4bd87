"""A file that was made, and what is right to come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Made:
    """A file of a ``kind``; ``write`` makes it at a path, ``name`` is what it is called.

    It is ``pieces`` pieces or recordings; 0: it is refused. All have together ``pages`` and ``systems``, and about
    ``seconds`` of sound, where they are told. ``says`` is in what is said of it, and ``asks`` names the piece that a
    search for it finds first, "" where it is not searched for.
    """

    kind: str
    name: str
    write: Callable[[Path], object]
    pieces: int = 1
    pages: int | None = None
    systems: int | None = None
    seconds: float | None = None
    says: str = ""
    asks: str = ""
