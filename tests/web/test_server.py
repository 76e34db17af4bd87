"""The server's socket: TLS, headers on every byte, and no address that can hold all connections."""

from __future__ import annotations

import json
import logging
import select
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as connect_socket

from earmark.web import server
from earmark.web.certificate import own_certificate, tls
from earmark.web.limits import Limits, network_of
from earmark.web.security import HEADERS
from earmark.web.server import Lines, listen

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders
    from tests.web.conftest import Fill, Serve, Served

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
MOST = 5
ADDRESS = "https://192.168.1.7:8765/"


@pytest.fixture
def served(serve: Serve, encoders: FakeEncoders, tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path / "library", encoders, limits=replace(Limits(), connections_of_one=MOST)) as served:
        yield served


def connect(served: Served, source: str) -> socket.socket:
    """A connection from this address of the loopback network."""
    address = urlsplit(served.url)
    assert address.port
    return socket.create_connection((address.hostname, address.port), 10, source_address=(source, 0))


def answer(connection: socket.socket) -> bytes:
    """The first line of the answer to a request; nothing when the server has hung up."""
    try:
        connection.sendall(REQUEST)
        return connection.recv(4096).partition(b"\r\n")[0]
    except ConnectionError:
        return b""


def test_an_address_that_holds_many_connections_gets_no_more_and_others_do(served: Served) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(connect(served, "127.0.0.2")) for _ in range(MOST)]
        assert [answer(connection) for connection in held] == [b"HTTP/1.1 200 OK"] * MOST
        assert answer(stack.enter_context(connect(served, "127.0.0.2"))) == b""
        assert answer(stack.enter_context(connect(served, "127.0.0.1"))) == b"HTTP/1.1 200 OK"
        held[0].close()
        assert answer(stack.enter_context(connect(served, "127.0.0.1")))  # by now the server has noticed
        assert answer(stack.enter_context(connect(served, "127.0.0.2"))) == b"HTTP/1.1 200 OK"


def test_an_address_whose_uploads_are_slow_keeps_nobody_else_from_sending(
    serve: Serve, fill: Fill, encoders: FakeEncoders, music: Music, clip: Path, tmp_path: Path
) -> None:
    folder = fill(tmp_path / "library", encoders, music)
    head = (
        "POST /api/v1/queries HTTP/1.1\r\nHost: localhost\r\nEarmark-Client: slow\r\nContent-Length: 9999\r\n\r\nRIFF"
    )
    limits = replace(Limits(), uploads=MOST + 1, uploads_of_one=MOST, upload_grace_s=120.0)
    with serve(folder, encoders, limits=limits) as served, ExitStack() as stack:
        slow = [stack.enter_context(connect(served, "127.0.0.2")) for _ in range(MOST + 1)]
        for one in slow:
            one.sendall(head.encode())
        answered, _, _ = select.select(slow, [], [], 60)
        assert [one.recv(4096)[:13] for one in answered] == [b"HTTP/1.1 429 "]
        with served.client() as client:
            assert client.post("/api/v1/queries", content=clip.read_bytes()).status_code == 202


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_a_host_counts_as_one_with_all_its_ipv6_addresses(address: str, network: str) -> None:
    assert network_of(address) == network


def raw(served: Served, request: str) -> bytes:
    """All that is answered to these bytes."""
    with connect(served, "127.0.0.1") as connection:
        answered = b""
        with suppress(ConnectionError):  # which may end before all is sent
            connection.sendall(request.encode())
        with suppress(ConnectionError):
            while more := connection.recv(65_536):
                answered += more
        return answered


HEAD = "Host: localhost\r\nConnection: close\r\n"
UPGRADE = "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
SOCKET = f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (f"GET / HTTP/1.1\r\n{HEAD}\r\n", 200),
        (f"GET /none HTTP/1.1\r\n{HEAD}\r\n", 404),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 403),
        ("nonsense\r\n\r\n", 400),
        (f"GET / HTTP/1.1\r\n{HEAD}X: {'x' * 1_000_000}\r\n\r\n", 400),
        (f"GET /api/v1/live?rate=22050 HTTP/1.1\r\n{UPGRADE}\r\n", 400),
        (f"GET /api/v1/live?rate=1 HTTP/1.1\r\n{UPGRADE}{SOCKET}\r\n", 403),
        (f"GET /api/v1/live?rate=22050 HTTP/1.1\r\n{UPGRADE}{SOCKET}Origin: http://evil.example\r\n\r\n", 403),
    ],
)
def test_every_answer_forbids_what_the_page_does_not_need(served: Served, request_: str, status: int) -> None:
    head = raw(served, request_).partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert head[0].split(" ")[1] == str(status)
    stated = [tuple(line.split(": ", 1)) for line in head[1:]]
    for name, value in HEADERS.items():
        assert [given for title, given in stated if title.casefold() == name.casefold()] == [value]
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy


def test_so_does_the_answer_that_there_are_too_many(serve: Serve, encoders: FakeEncoders, tmp_path: Path) -> None:
    limits = replace(Limits(), connections=1)
    with serve(tmp_path / "library", encoders, limits=limits) as served, served.client() as client:
        answer = client.get("/healthz")
        assert answer.status_code == 503
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_a_network_is_shown_an_address_not_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "outward_address", lambda family: "192.168.1.7")
    with listen("0.0.0.0", 0) as listening:
        assert listening.network_url == f"http://192.168.1.7:{listening.socket.getsockname()[1]}/"
    with listen("127.0.0.1", 0) as listening:
        assert listening.network_url == listening.url
    monkeypatch.setattr(server, "outward_address", lambda family: None)  # there is no network
    with listen("0.0.0.0", 0) as listening:
        assert listening.network_url == listening.url


@pytest.fixture
def secured(serve: Serve, encoders: FakeEncoders, tmp_path: Path) -> Iterator[tuple[Served, ssl.SSLContext]]:
    """A server that speaks TLS, and what trusts it."""
    pytest.importorskip("cryptography")
    path = own_certificate(tmp_path / "tls", "localhost")
    limits = replace(Limits(), connections_of_one=MOST, header_s=1.0)
    trusting = ssl.create_default_context(cafile=path)
    told = {"token": "secret", "address": ADDRESS}
    with serve(tmp_path / "library", encoders, limits=limits, tls=tls(path, path), **told) as served:
        yield served, trusting


def test_with_tls_everything_is_as_without(secured: tuple[Served, ssl.SSLContext]) -> None:
    served, trusting = secured
    assert served.url.startswith("https://127.0.0.1:")
    with served.client(verify=trusting) as client:
        for method, path in (("GET", "/api/v1/library"), ("POST", "/api/v1/invitations")):
            refused = client.request(method, path)
            assert (refused.status_code, "svg" in refused.text) == (401, False)
        assert client.get("/", params={"token": "secret"}).status_code == 303
        code = client.post("/api/v1/invitations")
        assert (code.status_code, code.headers["Cache-Control"]) == (200, "no-store")
        assert code.text[:4] == "<svg"
        assert client.get("/api/v1/library").json()["pieces"] == 0
        assert client.post("/api/v1/queries", content=bytes(300_000)).json()["error"]["kind"] == "empty_library"
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    url = f"{served.url.replace('https', 'wss')}/api/v1/live?rate=22050"
    with connect_socket(url, ssl=trusting, additional_headers={"Cookie": cookie}) as live:
        live.send(bytes(100))
        assert json.loads(live.recv())["type"] == "update"
    with pytest.raises(InvalidStatus):
        connect_socket(url, ssl=trusting)


def test_with_tls_who_says_nothing_is_hung_up_on_and_holds_no_more_than_others(
    secured: tuple[Served, ssl.SSLContext],
) -> None:
    served, trusting = secured
    start = time.monotonic()
    with ExitStack() as stack:
        held = [stack.enter_context(connect(served, "127.0.0.2")) for _ in range(MOST)]
        time.sleep(0.2)
        assert stack.enter_context(connect(served, "127.0.0.2")).recv(10) == b""
        with served.client(verify=trusting) as client:
            assert client.get("/healthz").status_code == 401
        assert [connection.recv(10) for connection in held] == [b""] * MOST
    assert time.monotonic() - start < 10
    with connect(served, "127.0.0.2") as plain:
        assert b"HTTP" not in answer(plain)


def test_what_is_logged_has_its_time_and_is_text() -> None:
    record = logging.LogRecord("earmark", logging.WARNING, "", 0, "lost \x1b[2J %s\nnext", ("a\u202eb",), None)
    assert Lines("%(asctime)s %(message)s").format(record)[23:] == " lost \\x1b[2J a\\u202eb\nnext"
