"""A server on a free port of this machine: a library of made-up music, fake encoders, real worker processes."""

from __future__ import annotations

import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from earmark.library.library import Library
from earmark.store.location import kept_in
from earmark.web.app import create_app
from earmark.web.limits import Limits
from earmark.web.server import listen, make_server
from tests.audio.sounds import tone, write

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

ROOT = Path(__file__).parents[2]
PIECES, NOTES = 3, 120
LIMITS = Limits()
CLIENT = {"Earmark-Client": "tests"}


@dataclass(frozen=True)
class Served:
    """A running server: its address, ending without a slash, and the folder for its library's files."""

    url: str
    folder: Path

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client that says who it is."""
        return httpx.Client(base_url=self.url, headers=CLIENT, timeout=60, **options)


Serve = Callable[..., AbstractContextManager[Served]]
Fill = Callable[..., Path]
Wait = Callable[[httpx.Client, str], dict[str, Any]]


@pytest.fixture(scope="session")
def serve() -> Serve:
    """``with serve(where, encoders, token=…, limits=…) as served``: a server that runs in a thread."""
    sys.path.insert(0, str(ROOT))  # worker processes import the fake encoders from there
    return _serve


@contextmanager
def _serve(
    where: str | Path,
    encoders: FakeEncoders,
    limits: Limits = LIMITS,
    tls: ssl.SSLContext | None = None,
    **options: Any,
) -> Iterator[Served]:
    app = create_app(where, encoders, limits=limits, workers=1, **options)
    with listen("127.0.0.1", 0, "https" if tls else "http") as listening:
        server = make_server(app, limits, tls)
        thread = threading.Thread(target=server.run, args=([listening.socket],))
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.02)
            yield Served(listening.url.rstrip("/"), kept_in(where))
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def server(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for all tests that leave its library as it is: ``piece-0`` to ``piece-2``, two pages each."""
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

    folder = tmp_path_factory.mktemp("served")
    encoders = FakeEncoders()
    fill(folder / "library", encoders, Music())
    with serve(folder / "library", encoders) as served:
        yield served


@pytest.fixture(scope="session", name="fill")
def fill_fixture() -> Fill:
    """Makes a library at a new folder: ``fill(folder, encoders, music)``."""
    return fill


def fill(folder: Path, encoders: FakeEncoders, music: Music) -> Path:
    """Makes a library of `PIECES` melodies at ``folder``; their files lie beside it."""
    scores = music.write_scores(folder.with_name(f"{folder.name}-scores"), PIECES, NOTES)
    with Library.open(folder, encoders) as library:
        library.add(scores)
    return folder


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of ``piece-1``, from the first system of its second page on."""
    from tests.conftest import Music

    music = Music()
    return music.write_recording(tmp_path_factory.mktemp("clip") / "clip.wav", music.melody(1, NOTES)[:95], first=75)


@pytest.fixture(scope="session")
def cut_off(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of which half is missing."""
    path = write(tmp_path_factory.mktemp("cut-off") / "cut-off.aiff", tone(440, 20), "pcm_s16be", "aiff")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.fixture(scope="session")
def wait() -> Wait:
    """``wait(client, location)``: what is told of a job when it is over."""
    return _wait


def _wait(client: httpx.Client, location: str) -> dict[str, Any]:
    for _ in range(1200):
        told: dict[str, Any] = client.get(location).json()
        if told["state"] in ("done", "failed"):
            return told
        time.sleep(0.05)
    raise AssertionError(f"not over: {told}")
