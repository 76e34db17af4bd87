"""What crafted files and ill-behaved clients get, and that the server goes on."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import struct
import tempfile
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from earmark.web.limits import Limits

if TYPE_CHECKING:
    from tests.conftest import WriteWav
    from tests.web.conftest import Fill, Serve, Served, Wait

LIMITS = replace(
    Limits(),
    audio_bytes=3_000_000,
    audio_s=60.0,
    score_bytes=2_000_000,
    score_pages=20,
    kept_bytes=6_000_000,
    uploads=4,
    upload_grace_s=1.0,
    waiting=4,
    header_s=1.0,
    kept_queries=5,
)


@pytest.fixture(scope="module")
def served(serve: Serve, fill: Fill, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with tight limits, whose temporary files lie in a folder of their own."""
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

    folder = tmp_path_factory.mktemp("hostile")
    fill(folder / "library", FakeEncoders(), Music())
    (folder / "temporary").mkdir()
    tempfile.tempdir = str(folder / "temporary")
    try:
        with serve(folder / "library", FakeEncoders(), limits=LIMITS) as served:
            tempfile.tempdir = None
            yield served
    finally:
        tempfile.tempdir = None
    assert list((folder / "temporary").iterdir()) == []


@pytest.fixture(autouse=True)
def still_answers(served: Served, clip: Path, wait: Wait) -> Iterator[None]:
    """After each test, an honest client gets its answer."""
    yield
    with served.client() as client:
        asked = client.post("/api/v1/queries", content=clip.read_bytes())
        while asked.status_code == 429:
            time.sleep(0.5)
            asked = client.post("/api/v1/queries", content=clip.read_bytes())
        told = wait(client, asked.headers["Location"])
        assert told["result"]["hits"][0]["piece"] == "piece-1", told
        client.delete(asked.headers["Location"])


def png(width: int, height: int, data: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def pdf(pages: str) -> bytes:
    return (
        "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
        f"2 0 obj\n<< /Type /Pages {pages} >>\nendobj\n"
        "3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100000000 100000000] >>\nendobj\n"
        "trailer\n<< /Size 4 /Root 1 0 R >>\n%%EOF\n"
    ).encode()


SCORES = {
    "huge.png": png(60_000, 60_000, zlib.compress(bytes(1000))),
    "bomb.png": png(9_000, 9_000, zlib.compress(bytes(9001 * 9000), 9)),
    "cut.png": png(1000, 1000, zlib.compress(bytes(1001 * 1000))[:200]),
    "claims.pdf": pdf("/Kids [] /Count 1000000"),
    "cycle.pdf": pdf("/Kids [2 0 R] /Count 5"),
    "vast.pdf": pdf("/Kids [3 0 R] /Count 1"),
    "many.pdf": pdf(f"/Kids [{'3 0 R ' * 30}] /Count 30"),
    "not.tiff": b"II*\0" + bytes(range(256)) * 20,
    "not.webp": b"RIFF\xff\xff\xff\xffWEBPVP8 " + bytes(100),
}


@pytest.mark.parametrize("name", SCORES)
def test_crafted_scores(served: Served, wait: Wait, name: str) -> None:
    with served.client() as client:
        asked = client.post("/api/v1/pieces", params={"name": name}, content=SCORES[name])
        told = wait(client, asked.headers["Location"])
        assert told["state"] == "failed"
        assert told["error"]["kind"] in ("unusable_file", "too_long", "gave_up")
    deadline = time.monotonic() + 30
    while any(served.folder.joinpath("uploads").iterdir()):  # it goes soon after the job has failed
        assert time.monotonic() < deadline
        time.sleep(0.05)


def endless_wav() -> bytes:
    return b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x22\x56\0\0\x44\xac\0\0\x02\0\x10\0data\xff\xff\xff\xff"


RECORDINGS = {
    "text": b"Dear reader, " * 100,
    "header only": endless_wav(),
    "zip": b"PK\x03\x04" + bytes(1000),
    "playlist": b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "concat script": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "noise": bytes(np.random.default_rng(0).integers(0, 256, 100_000, np.uint8)),
    "score": SCORES["vast.pdf"],
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_crafted_recordings(served: Served, wait: Wait, name: str) -> None:
    with served.client() as client:
        asked = client.post("/api/v1/queries", content=RECORDINGS[name])
        told = wait(client, asked.headers["Location"])
        assert told["state"] == "failed"
        assert told["error"]["kind"] in ("unusable_file", "gave_up")
        assert client.get(f"{asked.headers['Location']}/attention").json()["error"]["kind"] == "not_ready"


def test_recordings_that_are_long(served: Served, wait: Wait, write_wav: WriteWav, tmp_path: Path) -> None:
    long = write_wav(tmp_path / "long.wav", np.full(65 * 22_050, 0.1))
    with served.client() as client:
        asked = client.post("/api/v1/queries", params={"name": "long.wav"}, content=long.read_bytes())
        told = wait(client, asked.headers["Location"])
        assert (told["error"]["kind"], told["error"]["what"]) == ("too_long", "long.wav is longer than 1 minutes")
        asked = client.post("/api/v1/queries", params={"end_s": 20}, content=long.read_bytes())
        assert wait(client, asked.headers["Location"])["state"] == "done"


def test_bodies_that_are_large_empty_or_claim_to_be(served: Served) -> None:
    with served.client() as client:
        for content in (bytes(3_000_001), (bytes(100_000) for _ in range(40))):
            refused = client.post("/api/v1/queries", content=content)
            assert (refused.status_code, refused.json()["error"]["kind"]) == (413, "too_large")
        assert client.post("/api/v1/queries", content=b"").status_code == 400


def raw(served: Served, text: str, patience_s: float = 10.0) -> bytes:
    """What the server says to bytes on a connection until it closes it."""
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=patience_s) as connection:
        connection.sendall(text.encode())
        heard = b""
        with contextlib.suppress(ConnectionError):
            while data := connection.recv(65_536):
                heard += data
        return heard


POST = "POST /api/v1/queries HTTP/1.1\r\nHost: 127.0.0.1\r\nEarmark-Client: slow\r\n"


def test_clients_that_say_nothing_or_little(served: Served) -> None:
    assert raw(served, "") == b""
    assert raw(served, "GET / HTTP/1.1\r\nHost: 127") == b""
    assert b" 408 " in raw(served, f"{POST}Content-Length: 1000\r\n\r\nabc")


def test_clients_that_do_not_speak_the_protocol(served: Served) -> None:
    assert b" 400 " in raw(served, "nonsense\r\n\r\n")
    assert b" 400 " in raw(served, f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: {'x' * 1_000_000}\r\n\r\n")
    assert b" 400 " in raw(served, f"{POST}Content-Length: -5\r\n\r\n")
    assert b" 403 " in raw(served, "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize(
    "path",
    [
        "/../../../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/app.py",
        "/static/../app.py",
        "//etc/passwd",
        "/api/v1/pieces/..%2f..%2fetc",
        "/api/v1/pieces/1/pages/..%2f1.png",
        "/api/v1/queries/..%2f..%2fetc%2fpasswd",
        "/api/v1/pieces/99999999999999999999",
    ],
)
def test_paths_that_lead_elsewhere(served: Served, path: str) -> None:
    answer = raw(served, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert answer.split(b" ")[1] in (b"400", b"404")
    assert b"root:" not in answer


def test_more_than_the_queue_holds(served: Served, wait: Wait, write_wav: WriteWav, tmp_path: Path) -> None:
    content = write_wav(tmp_path / "minute.wav", np.full(58 * 22_050, 0.1)).read_bytes()
    with served.client() as client, ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: client.post("/api/v1/queries", content=content), range(20)))
        refused = [answer for answer in answers if answer.status_code != 202]
        assert refused
        for answer in refused:
            assert (answer.status_code, answer.json()["error"]["kind"]) == (429, "busy")
            assert int(answer.headers["Retry-After"]) > 0
        for answer in answers:
            if answer.status_code == 202:
                with contextlib.suppress(KeyError):  # forgotten for those that came later
                    wait(client, answer.headers["Location"])


def test_a_worker_that_dies(served: Served, wait: Wait, clip: Path) -> None:
    for process in multiprocessing.active_children():
        process.kill()
        process.join()
    with served.client() as client:
        told: dict[str, Any] = {}
        for _ in range(4):
            told = wait(client, client.post("/api/v1/queries", content=clip.read_bytes()).headers["Location"])
        assert told["state"] == "done"


def test_a_task_that_takes_too_long(
    serve: Serve, fill: Fill, tmp_path: Path, clip: Path, wait: Wait, encoders: Any, music: Any
) -> None:
    folder = fill(tmp_path / "library", encoders, music)
    with serve(folder, encoders, limits=replace(Limits(), query_s=0.001)) as impatient, impatient.client() as client:
        told = wait(client, client.post("/api/v1/queries", content=clip.read_bytes()).headers["Location"])
        assert (told["error"]["kind"], told["state"]) == ("gave_up", "failed")
