"""The links of a chained Ogg file: streams one after the other, each with headers of its own.

Internet radio and some recorders write such files, and so does joining files end to end. FFmpeg stops where the
format changes; each link read by itself is an ordinary file. https://www.rfc-editor.org/rfc/rfc3533#section-4
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO

_HEADER = 27
_FIRST_PAGE = 0x02
"""The flag of a stream's first page."""


class Link(io.RawIOBase):
    """The bytes ``first`` up to ``stop`` of the file at ``path``, as a file to read."""

    def __init__(self, path: str | Path, first: int, stop: int) -> None:
        super().__init__()
        self._file, self._first, self._stop = open(path, "rb"), first, stop  # noqa: SIM115
        self._file.seek(first)

    def readable(self) -> bool:
        """Always True."""
        return True

    def seekable(self) -> bool:
        """Always True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next ``size`` bytes, fewer at the end; all that are left if it is negative."""
        left = max(0, self._stop - self._file.tell())
        return self._file.read(left if size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As files do, within the link."""
        base = {os.SEEK_SET: self._first, os.SEEK_CUR: self._file.tell(), os.SEEK_END: self._stop}[whence]
        return self._file.seek(max(self._first, base + offset)) - self._first

    def tell(self) -> int:
        """Bytes since the link's beginning."""
        return self._file.tell() - self._first

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        super().close()


def links(path: str | Path) -> list[tuple[int, int]]:
    """First byte and end of every link of an Ogg file, in order.

    It is one of the whole file where that is not chained, is damaged before a second link, or is of another kind.
    Raises OSError when it cannot be read.
    """
    starts, in_headers = [0], True
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while page := _page(file):
            at, is_first, length = page
            if is_first and not in_headers:
                starts.append(at)
            in_headers = is_first
            file.seek(at + length)
    return list(zip(starts, [*starts[1:], size], strict=True))


def _page(file: BinaryIO) -> tuple[int, bool, int] | None:
    """The page that begins here: where that is, whether it is its stream's first, its length; None if there is none."""
    at, header = file.tell(), file.read(_HEADER)
    if len(header) < _HEADER or header[:4] != b"OggS":
        return None
    lengths = file.read(header[26])
    return at, bool(header[5] & _FIRST_PAGE), _HEADER + len(lengths) + sum(lengths)
