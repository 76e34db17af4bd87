"""Servers that lead elsewhere, drip, or never end: what is fetched from them, from where, and for how long.

What is looked up and connected to is a test's own, so that a server on this machine can stand for one elsewhere; what
may be reached is decided by the code itself, on the addresses that it is given.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from earmark.errors import BadInput
from earmark.sheet import fetch
from earmark.sheet.fetch import Download, reach

ELSEWHERE = "93.184.215.14"
SITE = "http://scores.example"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nimage"


def moved(where: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()


@dataclass
class Web:
    """A server that answers the n-th connection with ``answers[n]``, the last for good: its parts, one after the other.

    ``names`` are looked up in turn; ``connected`` is where connections were made to.
    """

    port: int = 0
    answers: list[list[bytes]] = field(default_factory=lambda: [[OK]])
    pause_s: float = 0.0
    names: dict[str, list[list[str]]] = field(default_factory=lambda: {"scores.example": [[ELSEWHERE]]})
    connected: list[str] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)

    def serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # closed: the test is over
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self.asked.append(connection.recv(65_536))
            parts = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            for part in parts:
                connection.sendall(part)
                time.sleep(self.pause_s)

    def resolve(self, host: str, port: int) -> list[str]:
        if host not in self.names:
            return [host]
        found = self.names[host]
        return found.pop(0) if len(found) > 1 else found[0]

    def connect(self, addresses: Sequence[str], port: int) -> socket.socket:
        self.connected += addresses
        return socket.create_connection(("127.0.0.1", self.port))


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    web = Web()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(fetch, "_resolve", web.resolve)
    monkeypatch.setattr(fetch, "_connect", web.connect)
    monkeypatch.setattr(fetch, "PAUSE_S", 0.001)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        web.port = listening.getsockname()[1]
        threading.Thread(target=web.serve, args=(listening,), daemon=True).start()
        yield web
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def get(where: str = f"{SITE}/1.jpg", given: str = f"{SITE}/m.json", seconds: float = 60.0) -> bytes:
    return Download(given, seconds).get(where, 1000)


def test_a_file_comes_from_where_it_is_or_was_moved_to(web: Web) -> None:
    web.answers = [[moved("/there/a 1.jpg")], [moved("//scores.example:8080/1.jpg?page=1#top")], [OK]]
    assert get() == b"image"
    lines = [asked.split(b"\r\n") for asked in web.asked]
    assert [line[0] for line in lines] == [
        b"GET /1.jpg HTTP/1.1",
        b"GET /there/a%201.jpg HTTP/1.1",
        b"GET /1.jpg?page=1 HTTP/1.1",
    ]
    hosts = [b"Host: scores.example"] * 2 + [b"Host: scores.example:8080"]
    assert all(host in line for host, line in zip(hosts, lines, strict=True))


@pytest.mark.parametrize(
    "where", ["file:///etc/passwd", "ftp://scores.example/1", "gopher://x/1", "http://x:99999/", "//[1"]
)
def test_what_is_not_on_the_web_is_not_gone_to(web: Web, where: str) -> None:
    web.answers = [[moved(where)], [OK]]
    with pytest.raises(BadInput, match="is no web address"):
        get()
    assert web.connected == [ELSEWHERE]


HERE = [
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0.0.0.0",
    "10.0.0.1",
    "192.168.1.1:8080",
    "169.254.169.254",
    "100.64.0.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fd00::1]",
    "localhost",
    "x.localhost",
    "printer",
    "nas.local",
    "router.home.arpa.",
]


@pytest.mark.parametrize("host", HERE)
@pytest.mark.parametrize("is_redirect", [True, False], ids=["redirect", "image"])
def test_nobody_elsewhere_sends_to_this_machine_or_its_network(web: Web, host: str, is_redirect: bool) -> None:
    web.answers = [[moved(f"http://{host}/")], [OK]]
    with pytest.raises(BadInput, match="is of this machine or its network"):
        get(f"{SITE}/1.jpg" if is_redirect else f"http://{host}/1.jpg")
    assert web.connected == [ELSEWHERE] * is_redirect


@pytest.mark.parametrize("found", [["127.0.0.1"], [ELSEWHERE, "10.0.0.1"], ["::1"]])
def test_what_a_name_leads_to_counts(web: Web, found: list[str]) -> None:
    web.names["evil.example"] = [found]
    with pytest.raises(BadInput, match="is of this machine or its network"):
        get("http://evil.example/1.jpg")
    with pytest.raises(BadInput, match="is of this machine or its network"):
        get("http://evil.example/1.jpg", given="http://evil.example/m.json")
    assert web.connected == []


def test_a_name_that_is_changed_between_two_connections_leads_nowhere_else(web: Web) -> None:
    web.names["scores.example"] = [[ELSEWHERE], ["127.0.0.1"]]
    download = Download(f"{SITE}/m.json", 60.0)
    assert download.get(f"{SITE}/1.jpg", 1000) == b"image"
    with pytest.raises(BadInput, match=r"leads to 127\.0\.0\.1"):
        download.get(f"{SITE}/2.jpg", 1000)
    assert web.connected == [ELSEWHERE]


@pytest.mark.parametrize(
    ("given", "same", "other"),
    [
        ("127.0.0.1", "127.0.0.1:8182", "10.0.0.1"),
        ("localhost", "127.0.0.1", "printer"),
        ("192.168.1.5", "10.0.0.1", "127.0.0.1"),
        ("nas.local", "192.168.1.5", "169.254.169.254"),
    ],
)
def test_who_gives_an_address_of_the_own_network_may(web: Web, given: str, same: str, other: str) -> None:
    web.names |= {"nas.local": [["192.168.1.5"]], "localhost": [["127.0.0.1"]]}
    assert get(f"http://{given}/1.jpg", given=f"http://{given}/m.json") == b"image"
    assert get(f"http://{same}/1.jpg", given=f"http://{given}/m.json") == b"image"
    assert get(given=f"http://{given}/m.json") == b"image"
    with pytest.raises(BadInput, match="is of this machine or its network"):
        get(f"http://{other}/1.jpg", given=f"http://{given}/m.json")


@pytest.mark.parametrize(
    ("address", "expected"),
    [(ELSEWHERE, "public"), ("2606:2800::1", "public"), ("224.0.0.1", "private"), ("fe80::1", "link-local")],
)
def test_how_far_away_an_address_is(address: str, expected: str) -> None:
    assert reach(ipaddress.ip_address(address)) == expected


DRIPS = {
    "body": [b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", *[b"x"] * 900],
    "head": [b"HTTP/1.1 200 OK\r\nX: ", *[b"x"] * 900],
    "chunk": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"0"] * 900],
    "headers": [b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 90],
}


@pytest.mark.parametrize("name", DRIPS)
@pytest.mark.parametrize("limit", ["pace", "whole"])
def test_a_server_that_drips_is_left(web: Web, monkeypatch: pytest.MonkeyPatch, name: str, limit: str) -> None:
    web.answers, web.pause_s = [DRIPS[name]], 0.05
    if limit == "pace":
        monkeypatch.setattr(fetch, "GRACE_S", 0.3)
    start = time.monotonic()
    with pytest.raises(BadInput, match="is sent too slowly"):
        get(seconds=60.0 if limit == "pace" else 0.3)
    assert time.monotonic() - start < 5
    assert len(web.asked) == 1


def test_a_server_that_asks_to_wait_each_time_is_left(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = [b"HTTP/1.1 429 Busy\r\nRetry-After: 0.2\r\nContent-Length: 0\r\n\r\n"]
    web.answers = [busy, [OK], busy, [OK], busy, [OK]]
    monkeypatch.setattr(fetch, "PATIENCE_S", 0.5)
    download = Download(f"{SITE}/m.json", 60.0)
    for number in (1, 2):
        assert download.get(f"{SITE}/{number}.jpg", 1000) == b"image"
    with pytest.raises(BadInput, match=r"3\.jpg: the server is busy, .* what was fetched stays"):
        download.get(f"{SITE}/3.jpg", 1000)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([moved(f"{SITE}/round")], "is redirected again and again"),
        ([b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"], "the server says 302 Found"),
        ([b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 2000], "is larger than"),
        ([b"SSH-2.0-OpenSSH\r\n"], "cannot be fetched"),
        ([b""], "cannot be fetched"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nxx"], "cannot be fetched"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], "cannot be fetched"),
    ],
)
def test_what_cannot_be_had_is_said(web: Web, answer: list[bytes], message: str) -> None:
    web.answers = [answer]
    with pytest.raises(BadInput, match=message):
        get()


def test_a_proxy_is_used_and_leads_no_further(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    proxied: list[str] = []
    connect: Callable[..., socket.socket] = socket.create_connection

    def create(address: tuple[str, int], *args: object, **options: object) -> socket.socket:
        proxied.append(address[0])
        return connect(("127.0.0.1", web.port))

    monkeypatch.setattr(socket, "create_connection", create)
    monkeypatch.setenv("http_proxy", "http://me:secret@proxy.example:3128")
    monkeypatch.setenv("no_proxy", "")
    assert get() == b"image"
    assert proxied == ["proxy.example"]
    first, *head = web.asked[0].split(b"\r\n")
    assert first == b"GET http://scores.example/1.jpg HTTP/1.1"
    assert {b"Host: scores.example", b"Proxy-Authorization: Basic bWU6c2VjcmV0"} <= set(head)
    with pytest.raises(BadInput, match="is of this machine or its network"):
        get("http://127.0.0.1/1.jpg")
