"""The server's socket: no address can hold all of its connections."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from earmark.web.limits import Limits, network_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import FakeEncoders
    from tests.web.conftest import Serve, Served

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
MOST = 5


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
