"""What was asked of a library and what was answered: a file of lines beside it, for the people who use it.

It is no part of the library: nothing that searches reads it, and it can be cleared, or switched off, at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from earmark.files import make_folder, replacing

NAME, SWITCHED_OFF = "history.jsonl", "history.off"
MOST_BYTES = 16_000_000
"""Some five thousand answers; of more, the older half goes."""

Asked = Literal["find", "align", "identify"]


@dataclass(frozen=True)
class Entry:
    """A question of ``query``, the file's path or name, and its answer; ``asked_at`` is UTC, ISO 8601.

    ``answer`` is the object that the command of that name prints with ``--json``; of *align* it has no points and no
    systems, but from when to when each piece is played.
    """

    asked_at: str
    asked: Asked
    query: str
    answer: dict[str, Any]

    @property
    def key(self) -> str:
        """What tells it from others: 16 hexadecimal digits."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def names(self) -> list[str]:
        """The names of the pieces in the answer."""
        parts = ("hits", "recordings", "pieces", "stretches")
        return [one["piece"] for part in parts for one in self.answer.get(part, ()) if one["piece"]]


class History:
    """That of the library whose files are kept in ``folder``; there need not be any."""

    def __init__(self, folder: Path) -> None:
        self._path, self._off = folder / NAME, folder / SWITCHED_OFF

    @property
    def is_on(self) -> bool:
        """Whether answers are kept."""
        return not self._off.exists()

    def switch(self, on: bool) -> None:
        """Keeps answers from now on, or no more; those that were kept stay."""
        if on:
            self._off.unlink(missing_ok=True)
        else:
            make_folder(self._off.parent)
            self._off.touch()

    def note(self, asked: Asked, query: str, answer: dict[str, Any]) -> None:
        """Keeps an answer, if that is on. Where nothing can be written, nothing is: the answer itself is not lost."""
        if not self.is_on:
            return
        entry = Entry(datetime.now(UTC).isoformat(timespec="seconds"), asked, query, answer)
        line = json.dumps(asdict(entry), separators=(",", ":")) + "\n"
        with suppress(OSError):
            make_folder(self._path.parent)
            with self._path.open("ab") as file:  # lines of several processes do not mix: each is written at once
                os.write(file.fileno(), line.encode())
            if self._path.stat().st_size > MOST_BYTES:
                self._forget_older()

    def entries(self) -> Iterator[Entry]:
        """All that is kept, the latest first. A line that was cut short is passed over."""
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError:
            return
        for line in reversed(lines):
            with suppress(ValueError, TypeError):
                yield Entry(**json.loads(line))

    def entry(self, key: str) -> Entry:
        """The entry of this `Entry.key`; raises KeyError when it is not kept, or no more."""
        for entry in self.entries():
            if entry.key == key:
                return entry
        raise KeyError(key)

    def clear(self) -> None:
        """Forgets all that was kept."""
        self._path.unlink(missing_ok=True)

    def _forget_older(self) -> None:
        lines = self._path.read_bytes().splitlines(keepends=True)
        with replacing(self._path) as file:
            file.writelines(lines[len(lines) // 2 :])
