"""Engines to test: libraries in a folder, in Milvus Lite and on a Milvus server, made and opened alike.

Milvus Lite is Milvus in a process, on a file; it needs the package ``milvus-lite``. The server needs ``milvus-server``
in an environment of its own, named by `SERVER`; it listens on all addresses, so it is started only where there is no
network but loopback. ``make engines`` sets all of that up.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

import pytest

from earmark.store.location import open_store
from earmark.store.milvus import MilvusStore
from earmark.store.milvus_client import Address
from earmark.store.store import Store

SERVER = "EARMARK_TEST_MILVUS_SERVER"
"""Environment variable: the command that starts a Milvus server."""
STARTING_S = 120.0


@dataclass(frozen=True)
class Engine:
    """One engine: ``open(name, create)`` opens the library of that name, from as many places as wanted."""

    name: str
    open: Callable[[str, bool], Store]


def folder_engine(folder: Path) -> Engine:
    """Libraries in folders of this machine."""
    return Engine("folder", lambda name, create: open_store(folder / name, create))


def lite_engine(folder: Path) -> Engine:
    """Libraries in Milvus Lite; one process may use a file at a time."""
    if find_spec("pymilvus") is None or find_spec("milvus_lite") is None:
        pytest.skip("Milvus Lite is not installed: make engines")
    return Engine("lite", lambda name, create: MilvusStore(Address(name, str(folder / "lite.db"), name), create))


class Server:
    """A Milvus server of this machine, with its data in a folder; ``certificate``, a PEM file with its key, is for TLS,
    and is to be trusted (`earmark.store.milvus_tls`)."""

    def __init__(self, certificate: Path | None = None) -> None:
        command = os.environ.get(SERVER)
        if find_spec("pymilvus") is None or not command:
            pytest.skip("there is no Milvus server: make engines")
        if {name for _, name in socket.if_nameindex()} != {"lo"}:
            pytest.skip("a Milvus server listens on all addresses, and here is a network: make engines")
        self._command = command
        self._folder = Path(mkdtemp(prefix="milvus-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._scheme, self._options = "milvus", ["--data", str(self._folder)]
        if certificate:
            self._scheme = "milvus+tls"
            pem = str(certificate)
            self._options += ["--tls-mode", "1", "--server-pem-path", pem, "--server-key-path", pem]
        self.start()

    def start(self) -> None:
        """Starts it, with the data that is there, and waits until it answers.

        The port is set as Milvus reads it. As an option of ``milvus-server`` it would be another one as long as
        connections to the server that was killed are ending.
        """
        self._process = subprocess.Popen(
            [self._command, *self._options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "PROXY_PORT": str(self.port),
                "COMMON_SESSION_TTL": "3",  # s; so long a new one waits for one that was killed
            },
            start_new_session=True,
        )
        end = time.monotonic() + STARTING_S
        while time.monotonic() < end:
            try:
                self.open("starting", True).close()
                return
            except Exception as error:
                last = error
                time.sleep(1.0)
        self.close()
        raise TimeoutError(f"the Milvus server does not start: {last}")

    def kill(self) -> None:
        """Ends it as a power cut would, and waits until it is gone: two of them on a machine share a lock."""
        with suppress(ProcessLookupError):  # it may have ended by itself
            while True:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
                time.sleep(0.05)

    def resident_mb(self) -> float:
        """The resident memory of its processes, in MB (Linux)."""
        own = [path for path in Path("/proc").glob("[0-9]*") if os.getpgid(int(path.name)) == self._process.pid]
        lines = [line.split() for path in own for line in (path / "status").read_text().splitlines()]
        return sum(int(line[1]) for line in lines if line[0] == "VmRSS:") * 1024 / 1e6

    def disk_mb(self) -> float:
        """What its data take, in MB."""
        return sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file()) / 1e6

    def address(self, name: str) -> str:
        """Where the library of this name is."""
        return f"{self._scheme}://127.0.0.1:{self.port}/{name}"

    def open(self, name: str, create: bool) -> Store:
        """The library of this name."""
        return open_store(self.address(name), create)

    def close(self) -> None:
        """Ends it and removes its data."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
