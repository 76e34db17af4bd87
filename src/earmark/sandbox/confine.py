"""Takes from this process, for good, what reading a file does not need; as far as the system can.

On Linux: memory, CPU time, sizes of files and their number; every file but the input, the installation and the scratch
folder (Landlock); connections, other processes and starting programs (seccomp). Elsewhere who started the process
watches the clock.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import earmark
from earmark.sandbox import landlock, seccomp
from earmark.sandbox.limits import Limits

_SYSTEM = ("/bin", "/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache", "/lib", "/lib64", "/nix/store", "/usr")
_DEVICES = ("/dev/null",)
_SOURCES = ("/dev/random", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo", "/proc/self", "/sys/devices/system/cpu")


@dataclass(frozen=True)
class Installation:
    """Where Python, what it has loaded and the system's libraries lie; and the folder that Earmark is imported from."""

    paths: tuple[Path, ...]
    listed: Path


def confine(files: Sequence[Path], scratch: Path, limits: Limits, may_start: bool, installation: Installation) -> None:
    """Confines this process to reading ``files`` and writing below ``scratch``; it may start programs if ``may_start``.

    Raises OSError when the kernel refuses what it offers.
    """
    if sys.platform != "linux":
        return
    _limit(files, limits)
    if landlock.version():
        readable = [*files, *map(Path, _SOURCES)]
        landlock.restrict(readable, installation.paths, [scratch, *map(Path, _DEVICES)], [installation.listed])
    if seccomp.is_offered():
        seccomp.restrict(may_start)


def installation() -> Installation:
    """The installation, as far as it has been loaded."""
    loaded = {name.partition(".")[0] for name in sys.modules}
    files = (getattr(sys.modules[name], "__file__", None) for name in loaded)
    roots = [Path(place) for place in dict.fromkeys((sys.prefix, sys.base_prefix, sys.exec_prefix, *_SYSTEM))]
    packages = {_package(Path(file)) for file in files if file}
    beside = [package for package in packages if not any(map(package.is_relative_to, roots))]
    return Installation((*roots, *beside), Path(earmark.__file__).parents[1])


def more_time(quiet_s: float, total_s: float) -> None:
    """Allows this process ``quiet_s`` more seconds of CPU time, up to ``total_s`` in all; beyond it is ended."""
    if sys.platform != "linux":
        return
    import resource
    import time

    soft = min(time.process_time() + quiet_s, total_s)
    resource.setrlimit(resource.RLIMIT_CPU, (int(soft) + 1, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _limit(files: Iterable[Path], limits: Limits) -> None:
    import resource

    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    total_s = int(limits.total_for(files)) + 5
    for kind, most in (
        (resource.RLIMIT_AS, held + limits.memory_bytes),
        (resource.RLIMIT_CPU, total_s),
        (resource.RLIMIT_FSIZE, limits.written_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))
    Path("/proc/self/oom_score_adj").write_text("500")  # rather than who waits for the answer


def _package(file: Path) -> Path:
    """The folder of a loaded package, or the file of a loose module."""
    return file.parent if file.name == "__init__.py" else file
