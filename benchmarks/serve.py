"""How ``earmark serve`` holds under load.

    python -m benchmarks.serve CORPUS [--among SPLIT] [--work DIR] [--json FILE]

One server with the library of all the corpus's pieces, or of a split's; clips of 20 s of test pieces. A query's time
is from the first byte that is sent to the end of its events. Clients are threads of this process, on the same cores as
the server.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.support.clips import cut_clip
from benchmarks.support.command import earmark
from benchmarks.support.pieces import kept_library, read_pieces
from benchmarks.support.results import begin, by_clock, finish, table
from earmark.library.library import DEFAULT_MODEL

CLIPS = 10
CLIP_S = 20.0
ALONE = 10
AT_ONCE = 50
GREEDY = 30
MODEST = 5
FLOOD = 150


@dataclass(frozen=True)
class Answer:
    """One query: seconds until its end, its state, how often it was told to come again."""

    seconds: float
    state: str
    refused: int


class Server:
    """A running server."""

    def __init__(self, url: str, pid: int) -> None:
        self.url, self.pid = url, pid

    def ask(self, clip: bytes, name: str, patient: bool = True) -> Answer:
        """Asks as the client ``name``; comes again after a 429 if ``patient``."""
        refused, start = 0, time.perf_counter()
        with httpx.Client(base_url=self.url, headers={"Earmark-Client": name}, timeout=300) as client:
            while True:
                asked = client.post("/api/v1/queries", content=clip)
                if asked.status_code != 429:
                    break
                refused += 1
                if not patient:
                    return Answer(time.perf_counter() - start, "refused", refused)
                time.sleep(float(asked.headers["Retry-After"]))
            asked.raise_for_status()
            where = asked.headers["Location"]
            client.get(f"{where}/events")
            seconds = time.perf_counter() - start
            state = str(client.get(where).json()["state"])
            client.delete(where)
        return Answer(seconds, state, refused)

    def peak_mb(self) -> list[float]:
        """The most resident memory that the server and each of its processes ever had, in MB; the server first."""
        status = [Path(f"/proc/{pid}/status").read_text() for pid in self.pids()]
        return [int(one.split("VmHWM:")[1].split()[0]) * 1024 / 1e6 for one in status]

    def cpu_s(self) -> float:
        """Processor seconds that the server and its processes have used so far."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids()]
        return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")

    def pids(self) -> list[str]:
        """The server's own, then those of its processes."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [str(self.pid), *(pid for children in threads for pid in children.read_text().split())]


@contextmanager
def serving(library: Path, model: str, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """The installed command on a free port, until the block ends; ``environment`` is added to ours."""
    command = [earmark(), "serve", str(library), "--port", "0", "--model", model]
    own = {**os.environ, **(environment or {})}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=own) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        while True:
            try:
                httpx.get(f"{url}healthz").raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.1)
        try:
            yield Server(url, process.pid)
        finally:
            process.terminate()


def many(server: Server, clips: list[bytes], count: int, clients: int, patient: bool = True) -> list[Answer]:
    """``count`` queries at once, in turn of ``clients`` clients."""
    with ThreadPoolExecutor(count) as pool:
        asked = [pool.submit(server.ask, clips[i % len(clips)], f"client-{i % clients}", patient) for i in range(count)]
        return [one.result() for one in asked]


def row(what: str, answers: list[Answer], wall_s: float) -> dict[str, Any]:
    """Figures of those that were answered: seconds until the end of their events, how many came a second, refusals."""
    done = [answer.seconds for answer in answers if answer.state == "done"]
    p50, p95, p99 = (round(float(value), 3) for value in np.percentile(done, [50, 95, 99]))
    refused = sum(answer.refused for answer in answers)
    rate = round(len(done) / wall_s, 2)
    return {"what": what, "answered": len(done), "p50": p50, "p95": p95, "p99": p99, "rate": rate, "refused": refused}


def timed(work: Any) -> tuple[Any, float]:
    """What ``work()`` returns, and its seconds."""
    start = time.perf_counter()
    done = work()
    return done, time.perf_counter() - start


def measure(server: Server, clips: list[bytes]) -> Iterator[dict[str, Any]]:
    """All trials, one after the other."""
    alone, wall_s = timed(lambda: [server.ask(clips[i % len(clips)], "alone") for i in range(ALONE)])
    yield row("one after the other", alone, wall_s)
    together, wall_s = timed(lambda: many(server, clips, AT_ONCE, AT_ONCE))
    yield row(f"{AT_ONCE} at once, each of another client", together, wall_s)
    with ThreadPoolExecutor(1) as pool:
        greedy = pool.submit(timed, lambda: many(server, clips, GREEDY, 1))
        time.sleep(1.0)
        modest, wall_s = timed(lambda: [server.ask(clips[i], "modest") for i in range(MODEST)])
        yield row(f"{MODEST} of one client, one after the other, while another has {GREEDY} waiting", modest, wall_s)
        yield row(f"those {GREEDY}", *greedy.result())
    flood, wall_s = timed(lambda: many(server, clips, FLOOD, 1, patient=False))
    yield row(f"{FLOOD} at once of one client that does not come again", flood, wall_s)


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The tables of the queries under load, and of what the server needs."""
    rows = []
    for one in results["queries"]:
        seconds = (by_clock(results, f"{one[key]:.2f}") for key in ("p50", "p95", "p99"))
        rows.append((one["what"], one["answered"], *seconds, by_clock(results, f"{one['rate']:.1f}"), one["refused"]))
    header = (f"queries of {CLIP_S:g} s", "answered", "p50 s", "p95 s", "p99 s", "a second", "429")
    server, *processes = results["peak_mb"]
    needs = [
        ("pieces in the library", results["library"]),
        ("processor seconds a query", f"{results['cpu_s']:.2f}"),
        ("peak MB of the server", f"{server:.0f}"),
        ("peak MB of each of its processes", ", ".join(f"{peak:.0f}" for peak in processes)),
    ]
    return {"queries": table(header, rows), "needs": table(("the server", ""), needs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--among", metavar="SPLIT", help="search in the pieces of this split alone, not in all")
    parser.add_argument("--work", type=Path, default=Path("data/bench"))
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = begin(options.model)
    pieces = read_pieces(options.corpus, options.among)
    library = kept_library(pieces, options.work, options.model, options.among or "all")
    test = read_pieces(options.corpus, "test")[:CLIPS]
    with tempfile.TemporaryDirectory() as folder:
        clips = [cut_clip(piece, Path(folder), CLIP_S, seed=6).path.read_bytes() for piece in test]
    with serving(library, options.model) as server:
        server.ask(clips[0], "first")
        rows = []
        before_s = server.cpu_s()
        for one in measure(server, clips):
            print(one, file=sys.stderr, flush=True)
            rows.append(one)
        cpu_s = (server.cpu_s() - before_s) / sum(one["answered"] for one in rows)
        results |= {"library": len(pieces), "queries": rows, "peak_mb": server.peak_mb(), "cpu_s": cpu_s}
    finish(results, tables(results), options.json)


if __name__ == "__main__":
    main()
