"""A file that was made, and what is right to come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


def nothing(path: Path) -> None:
    """Of what is on the web, there is nothing to make."""


@dataclass(frozen=True)
class Made:
    """A file or folder of a ``kind``; ``write`` makes it at a path, ``name`` is what it is called. Or what is at an
    ``address``.

    It is ``pieces`` pieces or recordings; 0: it is refused. All have together ``pages``, ``systems`` and ``staves``,
    and about ``seconds`` of sound, where they are told. ``says`` is in what is said of it, and ``asks`` names the piece
    that a search for it finds first, "" where it is not searched for.
    """

    kind: str
    name: str
    write: Callable[[Path], object] = nothing
    pieces: int = 1
    pages: int | None = None
    systems: int | None = None
    seconds: float | None = None
    says: str = ""
    asks: str = ""
    staves: int | None = None
    address: str = ""
