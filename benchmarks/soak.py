"""What ``earmark serve`` does with far too much: many at once, long in a row, floods, slow clients, full disks, deaths.

    python -m benchmarks.soak CORPUS [--among SPLIT] [--in-a-row N] [--work DIR] [--json FILE]

One server with a copy of the library of all the corpus's pieces, or of a split's; clips of 5 s of test pieces. A
query's time is from the first byte that is sent to the end of its events. Clients are threads of this process, on the
same cores as the server, at addresses of the loopback network. Needs Linux; for the disk that fills up, also root.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import websockets

from benchmarks.serve import Server, serving
from benchmarks.support.clips import cut_clip
from benchmarks.support.pieces import Piece, kept_library, read_pieces
from benchmarks.support.results import begin, by_clock, finish, table
from earmark.library.library import DEFAULT_MODEL
from earmark.store.database import FILE_NAME

CLIPS = 10
CLIP_S = 5.0
AT_ONCE, ADDRESSES = 200, 50
IN_A_ROW = 1000
FLOOD_MESSAGES = 500_000
SLOW_S = 40.0
SLOW = 200
ADDITIONS, DEATHS = 20, 5
DISK_MB = 600
PATIENCE_S = 1200.0


@dataclass
class Trial:
    """What was asked in one trial, and what became of it.

    ``answered_s`` are the seconds of queries that were answered; ``refusals`` counts statuses; ``lost`` are queries or
    additions of which the server broke its word.
    """

    what: str
    sent: int = 0
    answered_s: list[float] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    lost: int = 0

    def row(self, before_mb: float, after_mb: float) -> dict[str, Any]:
        """Its figures; memory is what the server and the processes that it started hold."""
        times = dict.fromkeys(("p50", "p95", "p99"))
        if self.answered_s:
            found = np.percentile(self.answered_s, [50, 95, 99])
            times = dict(zip(times, (round(float(value), 3) for value in found), strict=True))
        counts = {
            "sent": self.sent,
            "answered": len(self.answered_s),
            "refusals": dict(self.refusals),
            "lost": self.lost,
        }
        return {"what": self.what, **counts, **times, "before_mb": round(before_mb), "after_mb": round(after_mb)}


def held_mb(server: Server) -> float:
    """What the server and the processes that it started hold at the moment, MB."""
    status = [Path(f"/proc/{pid}/status").read_text() for pid in server.pids()]
    return sum(int(one.split("VmRSS:")[1].split()[0]) for one in status if "VmRSS:" in one) * 1024 / 1e6


def client_at(server: Server, address: str) -> httpx.Client:
    transport = httpx.HTTPTransport(local_address=address)
    return httpx.Client(base_url=server.url, headers={"Earmark-Client": "soak"}, timeout=300, transport=transport)


def ask(server: Server, trial: Trial, clip: bytes, address: str = "127.0.0.1") -> None:
    """One query of a client that comes again when it is told to."""
    start = time.perf_counter()
    with client_at(server, address) as client:
        while True:
            asked = client.post("/api/v1/queries", content=clip)
            if asked.status_code == 202:
                break
            trial.refusals[str(asked.status_code)] += 1
            if "Retry-After" not in asked.headers or time.perf_counter() - start > PATIENCE_S:
                return
            time.sleep(float(asked.headers["Retry-After"]))
        where = asked.headers["Location"]
        client.get(f"{where}/events")
        if client.get(where).json()["state"] == "done":
            trial.answered_s.append(time.perf_counter() - start)
        else:
            trial.lost += 1
        client.delete(where)


def at_once(server: Server, clips: Sequence[bytes]) -> Trial:
    trial = Trial(f"{AT_ONCE} queries at once, of {ADDRESSES} addresses", AT_ONCE)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for i in range(AT_ONCE):
            pool.submit(ask, server, trial, clips[i % CLIPS], f"127.0.1.{1 + i % ADDRESSES}")
    trial.lost = trial.sent - len(trial.answered_s)
    return trial


def in_a_row(server: Server, clips: Sequence[bytes], count: int) -> Trial:
    trial = Trial(f"{count} queries, one after the other", count)
    for i in range(count):
        ask(server, trial, clips[i % CLIPS])
    return trial


def live_flood(server: Server, clips: Sequence[bytes]) -> Trial:
    """One client floods a live session, again and again, while another asks."""
    trial = Trial(f"queries while another sends {FLOOD_MESSAGES} live messages")

    async def flood() -> None:
        sent = 0
        while sent < FLOOD_MESSAGES:
            with suppress(websockets.WebSocketException):
                async with websockets.connect(f"{server.url.replace('http', 'ws')}api/v1/live?rate=22050") as live:
                    for _ in range(FLOOD_MESSAGES - sent):
                        await live.send(b"\0\0")
                        sent += 1
            trial.refusals["closed"] += 1

    flooding = threading.Thread(target=lambda: asyncio.run(flood()))
    flooding.start()
    while flooding.is_alive() or trial.sent < CLIPS:
        ask(server, trial, clips[trial.sent % CLIPS])
        trial.sent += 1
    flooding.join()
    return trial


def slow_clients(server: Server, clips: Sequence[bytes]) -> Trial:
    """Half of the slow ones send a head, half a body, a byte a second; honest ones ask meanwhile."""
    trial = Trial(f"queries while {SLOW} connections of another address drip for {SLOW_S:.0f} s")
    where = urlsplit(server.url)
    head = "POST /api/v1/queries HTTP/1.1\r\nHost: localhost\r\nEarmark-Client: slow\r\n"
    until = time.monotonic() + SLOW_S
    with ExitStack() as stack:
        held = []
        for i in range(SLOW):
            one = socket.create_connection((where.hostname or "", where.port or 0), 10, source_address=("127.0.2.1", 0))
            held.append(stack.enter_context(one))
            one.sendall((head if i % 2 else f"{head}Content-Length: 1000000\r\n\r\n").encode())

        def drip() -> None:
            while time.monotonic() < until:
                for one in held:
                    with suppress(OSError):
                        one.send(b"x")
                time.sleep(1.0)

        dripping = threading.Thread(target=drip)
        dripping.start()
        while time.monotonic() < until:
            ask(server, trial, clips[trial.sent % CLIPS])
            trial.sent += 1
        dripping.join()
        for one in held:
            one.settimeout(0.1)
            trial.refusals[_ended(one)] += 1
    return trial


def _ended(connection: socket.socket) -> str:
    """How a connection has ended: the status that was answered, closed without one, or not at all."""
    try:
        return connection.recv(4096).split(b" ")[1].decode()
    except IndexError:
        return "closed"
    except TimeoutError:
        return "still open"
    except OSError:
        return "closed"


@dataclass(frozen=True)
class Addition:
    """A score that was sent, and what was said of it in the end: the piece's name if it was added."""

    sent: str
    piece: str | None
    refusal: str | None


def send_score(server: Server, pdf: bytes, name: str) -> Addition:
    """Sends a score and waits for what becomes of it."""
    with client_at(server, "127.0.0.1") as client:
        sent = client.post("/api/v1/pieces", params={"name": name}, content=pdf)
        if sent.status_code != 202:
            return Addition(name, None, str(sent.status_code))
        client.get(f"{sent.headers['Location']}/events")
        told = client.get(sent.headers["Location"]).json()
        if told["state"] == "done":
            return Addition(name, told["piece"]["name"], None)
        return Addition(name, None, told["error"]["kind"])


def broken_words(library: Path, additions: Sequence[Addition]) -> int:
    """How many were said to be added and are not, with their files; or said to have failed and are there."""
    with sqlite3.connect(f"file:{library / FILE_NAME}?mode=ro", uri=True) as db:
        files = dict(db.execute("SELECT name, path FROM pieces JOIN files ON piece = id"))
    db.close()
    there = {Path(path).name for path in files.values() if Path(path).exists()}
    lost = sum(one.piece is not None and not Path(files.get(one.piece, "")).is_file() for one in additions)
    lost += sum(one.piece is None and one.sent in there for one in additions)
    uploads = library / "uploads"
    return lost + sum(path.name not in there for path in uploads.iterdir() if not path.name.startswith("."))


def distinct(pdfs: Sequence[bytes], stem: str) -> Iterator[tuple[bytes, str]]:
    """Scores that nobody has sent before: a comment at the end makes a PDF another one."""
    for i, pdf in enumerate(pdfs):
        yield pdf + f"\n% {stem} {i} {random.random()}\n".encode(), f"{stem}-{i}.pdf"


def add_all(server: Server, trial: Trial, pdfs: Sequence[bytes], stem: str) -> list[Addition]:
    """Sends all scores, some at a time, and counts what was refused."""
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda one: send_score(server, *one), distinct(pdfs, stem)))
    trial.sent += len(done)
    trial.refusals.update(one.refusal for one in done if one.refusal)
    return done


def deaths(server: Server, library: Path, pdfs: Sequence[bytes]) -> Trial:
    """Processes are killed while scores are added."""
    trial = Trial(f"{ADDITIONS} additions while {DEATHS} of the server's processes are killed")
    over = threading.Event()

    def kill() -> None:
        for _ in range(DEATHS):
            if not over.wait(random.uniform(2.0, 6.0)):
                with suppress(ProcessLookupError, IndexError):
                    os.kill(int(random.choice(server.pids()[1:])), signal.SIGKILL)

    killing = threading.Thread(target=kill)
    killing.start()
    additions = add_all(server, trial, pdfs, "deaths")
    over.set()
    killing.join()
    trial.lost = broken_words(library, additions)
    return trial


def full_disk(server: Server, disk: Path, library: Path, pdfs: Sequence[bytes], clips: Sequence[bytes]) -> Trial:
    """The disk of library and recordings fills up while scores are added, and has room again after a while."""
    trial = Trial(f"{2 * ADDITIONS} additions and {CLIPS} queries; the disk is full for half of them")
    filler = disk / "filler"

    def fill() -> None:
        time.sleep(3.0)
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(65_536))

    filling = threading.Thread(target=fill)
    filling.start()
    additions = add_all(server, trial, pdfs, "filling")
    filling.join()
    for i in range(CLIPS):
        trial.sent += 1
        ask(server, trial, clips[i])
    filler.unlink()
    additions += add_all(server, trial, pdfs, "again")
    trial.lost += broken_words(library, additions)
    trial.lost += sum(one.piece is None for one in additions[ADDITIONS:])
    return trial


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path | None]:
    """A file system of this size in memory; None where this process may not make one."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder]
        if os.geteuid() != 0 or subprocess.run(command, check=False).returncode != 0:
            yield None
            return
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def measure(
    kept: Path, model: str, clips: Sequence[bytes], pdfs: Sequence[bytes], count: int, work: Path
) -> Iterator[dict[str, Any]]:
    """All trials, one after the other."""
    library = work / "soak"
    shutil.rmtree(library, ignore_errors=True)
    shutil.copytree(kept, library)
    with serving(library, model) as server:
        ask(server, Trial("first"), clips[0])
        trials: list[Callable[[], Trial]] = [
            lambda: at_once(server, clips),
            lambda: in_a_row(server, clips, count),
            lambda: live_flood(server, clips),
            lambda: slow_clients(server, clips),
            lambda: deaths(server, library, pdfs),
        ]
        for trial in trials:
            before_mb = held_mb(server)
            yield trial().row(before_mb, held_mb(server))
    with small_disk(DISK_MB) as disk:
        if disk is not None:
            shutil.copytree(kept, disk / "library")
            (disk / "temporary").mkdir()
            with serving(disk / "library", model, {"TMPDIR": str(disk / "temporary")}) as server:
                ask(server, Trial("first"), clips[0])
                before_mb = held_mb(server)
                yield full_disk(server, disk, disk / "library", pdfs, clips).row(before_mb, held_mb(server))


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The table of all trials."""
    rows = []
    for one in results["trials"]:
        times = [by_clock(results, "–" if one[key] is None else f"{one[key]:.2f}") for key in ("p50", "p95", "p99")]
        refusals = ", ".join(f"{count} × {what}" for what, count in sorted(one["refusals"].items()))
        memory = f"{one['before_mb']}, {one['after_mb']}"
        rows.append((one["what"], one["sent"], one["answered"], *times, refusals, one["lost"], memory))
    header = ("trial", "sent", "queries answered", "p50 s", "p95 s", "p99 s", "refused", "lost", "MB before, after")
    return {"trials": table(header, rows)}


def scores(pieces: Sequence[Piece]) -> list[bytes]:
    """The PDFs of the shortest pieces."""
    shortest = sorted(pieces, key=lambda piece: (piece.pages, piece.name))[:ADDITIONS]
    return [piece.pdf.read_bytes() for piece in shortest]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--among", metavar="SPLIT", help="search in the pieces of this split alone, not in all")
    parser.add_argument("--in-a-row", type=int, default=IN_A_ROW, metavar="N")
    parser.add_argument("--work", type=Path, default=Path("data/bench"))
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = begin(options.model)
    pieces = read_pieces(options.corpus, options.among)
    kept = kept_library(pieces, options.work, options.model, options.among or "all")
    test = read_pieces(options.corpus, "test")
    with tempfile.TemporaryDirectory() as folder:
        clips = [cut_clip(piece, Path(folder), CLIP_S, seed=6).path.read_bytes() for piece in test[:CLIPS]]
    trials = []
    for one in measure(kept, options.model, clips, scores(test), options.in_a_row, options.work):
        print(one, file=sys.stderr, flush=True)
        trials.append(one)
    results |= {"library": len(pieces), "trials": trials}
    finish(results, tables(results), options.json)


if __name__ == "__main__":
    main()
