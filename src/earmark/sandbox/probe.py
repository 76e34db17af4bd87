"""What the processes that read files really may do on this machine: tried, not asked."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from earmark.sandbox.sandbox import Sandbox


@dataclass(frozen=True)
class Confinement:
    """Whether memory is limited; whether all files but the input, sockets, and starting programs are out of reach."""

    memory: bool
    files: bool
    network: bool
    programs: bool


def confinement(sandbox: Sandbox) -> Confinement:
    """What confines a process of ``sandbox``; raises BadInput when none can be had."""
    with tempfile.TemporaryDirectory(prefix="earmark-") as folder:
        given, other = Path(folder, "given"), Path(folder, "other")
        given.touch()
        other.touch()
        return sandbox.call(try_all, given, str(other))


def try_all(path: Path, other: str) -> Confinement:
    """What this process is kept from; ``path`` is what it may read, ``other`` a file that it may not."""
    path.read_bytes()
    return Confinement(
        memory=_is_limited(),
        files=not _can(Path(other).read_bytes),
        network=not _can(lambda: socket.socket().close()),
        programs=not _can(lambda: subprocess.run([sys.executable, "-c", ""], check=False)),
    )


def _can(deed: Callable[[], object]) -> bool:
    try:
        deed()
    except OSError:
        return False
    return True


def _is_limited() -> bool:
    if os.name != "posix":
        return False
    import resource

    return sys.platform == "linux" and resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
