"""What of the processors a process takes, with all that it has started."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path


def cpu_s() -> float:
    """Processor seconds that this process has used, with all that it has started."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    children = (path.read_text().split() for path in Path("/proc/self/task").glob("*/children"))
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pids in children for pid in pids]
    living = sum(int(ticks) for stat in stats for ticks in stat[11:15])  # with what they have started and seen end
    return time.process_time() + ended.ru_utime + ended.ru_stime + living / os.sysconf("SC_CLK_TCK")
