"""What a process that reads files may take; the one definition for the command line and the server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MB = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds.

    * ``memory_bytes``: address space beyond what the process holds before it opens a file
    * ``quiet_s``, ``quiet_s_per_mb``, ``most_quiet_s``: CPU time from one page or minute of sound to the next; it grows
      with the largest file, for an engraver reads a score whole, and a packed one is 20 times as large. By the clock it
      is a few times that.
    * ``total_s``, ``total_s_per_mb``: CPU time for one piece
    * ``message_bytes``: one page or minute of sound, as it comes back
    * ``written_bytes``: one file in the scratch folder
    * ``open_files``
    """

    memory_bytes: int = 2000 * MB
    quiet_s: float = 7.0
    quiet_s_per_mb: float = 200.0
    most_quiet_s: float = 300.0
    total_s: float = 900.0
    total_s_per_mb: float = 60.0
    message_bytes: int = 256 * MB
    written_bytes: int = 1000 * MB
    open_files: int = 256

    def quiet_for(self, files: Iterable[Path]) -> float:
        """CPU seconds from one sign of life to the next, for these files."""
        return min(self.most_quiet_s, self.quiet_s + self.quiet_s_per_mb * max(map(_megabytes, files), default=0.0))

    def total_for(self, files: Iterable[Path]) -> float:
        """CPU seconds for these files together."""
        return self.total_s + self.total_s_per_mb * sum(map(_megabytes, files))


def _megabytes(file: Path) -> float:
    try:
        return file.stat().st_size / MB
    except OSError:  # said when it is read
        return 0.0
