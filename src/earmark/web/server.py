"""Serves the application on a port of this machine: binds the socket, agrees on TLS, hangs up on slow clients.

Every byte that is answered has the headers of `earmark.web.security.HEADERS`, also what the HTTP library says itself.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Response

from earmark.errors import EarmarkError, printable
from earmark.web.addresses import outward_address
from earmark.web.limits import Limits, network_of
from earmark.web.security import HEADERS

STOP_S = 5
EVERYWHERE = ("0.0.0.0", "::")


class Protocol(H11Protocol):
    """HTTP/1.1 that hangs up when a request's head is not complete in time: connections cannot be held by saying
    nothing, or little by little. Nor can one address hold them all."""

    header_s = Limits.header_s
    connections_of_one = Limits.connections_of_one
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.connections_of_its_address() > self.connections_of_one:
            transport.abort()
            return
        self._patience = self.loop.call_later(self.header_s, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._cease()
        elif self._patience is None:
            self._patience = self.loop.call_later(self.header_s, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cease()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """The library's own answer to what is no HTTP; nothing if another answer has begun."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            text = msg.encode()
            headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))]
            headers += [("Connection", "close"), ("Cache-Control", "no-store"), *HEADERS.items()]
            response = h11.Response(status_code=400, headers=headers, reason="Bad Request")
            for event in (response, h11.Data(data=text), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def connections_of_its_address(self) -> int:
        """How many are open, this one and WebSockets among them."""
        clients = [getattr(connection, "client", None) for connection in self.connections]
        networks = [network_of(client[0]) for client in clients if client]
        return networks.count(network_of(self.client[0])) if self.client else 0

    def _cease(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class Handshake(asyncio.Protocol):
    """A connection until TLS is agreed on, which counts like others and has as long as the head of a request."""

    def __init__(self, protocol: Protocol, tls: ssl.SSLContext) -> None:
        self._protocol, self._tls = protocol, tls
        self._early: list[bytes] = []
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        protocol = self._protocol
        protocol.transport, protocol.client = transport, get_remote_addr(transport)
        protocol.connections.add(protocol)
        if protocol.connections_of_its_address() > protocol.connections_of_one:
            self._abort(transport)
            return
        transport.pause_reading()
        self._task = protocol.loop.create_task(self._agree(transport))

    def data_received(self, data: bytes) -> None:
        """What came with the end of the handshake, before the protocol knows of it."""
        self._early.append(data)

    async def _agree(self, transport: asyncio.Transport) -> None:
        protocol = self._protocol
        try:
            secured = await protocol.loop.start_tls(
                transport, self, self._tls, server_side=True, ssl_handshake_timeout=protocol.header_s
            )
        except OSError:  # no TLS, too slow, or gone
            secured = None
        if secured is None or secured.is_closing():
            self._abort(transport)
            return
        secured.set_protocol(protocol)
        protocol.connection_made(secured)
        if self._early:
            protocol.data_received(b"".join(self._early))

    def _abort(self, transport: asyncio.Transport) -> None:
        self._protocol.connections.discard(self._protocol)
        transport.abort()


class WebSocket(WebSocketsSansIOProtocol):
    """A WebSocket whose answer to the request, yes or no, has the headers of all answers."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        send = self.conn.send_response

        def send_with_headers(response: Response) -> None:
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            send(response)

        self.conn.send_response = send_with_headers  # type: ignore[method-assign]


class Lines(logging.Formatter):
    """What is logged, with its time; nothing in it makes a terminal do anything."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), keep="\n\t")


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": Lines, "format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "loggers": {name: {"handlers": ["lines"], "level": "WARNING"} for name in ("uvicorn", "earmark", "asyncio")},
}


@dataclass(frozen=True)
class BoundSocket:
    """A socket that is bound, and the address that people open; ``network_url`` is for devices that know no names."""

    socket: socket.socket
    url: str
    network_url: str


@contextmanager
def listen(host: str, port: int, scheme: str = "http") -> Iterator[BoundSocket]:
    """Binds ``port`` (0: any free one) of ``host``; raises EarmarkError when that cannot be done."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.create_server(address[:2], family=family)
    except (OSError, OverflowError) as error:
        raise EarmarkError(f"{host}:{port}: cannot listen there ({error}); give another --host or --port") from error
    with bound:
        name = socket.gethostname() if host in EVERYWHERE else host
        known = (outward_address(family) if host in EVERYWHERE else None) or name
        port = bound.getsockname()[1]
        yield BoundSocket(bound, _url(scheme, name, port), _url(scheme, known, port))


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"


def make_server(app: FastAPI, limits: Limits, tls: ssl.SSLContext | None = None) -> uvicorn.Server:
    """What serves ``app`` on a socket (``server.run([socket])``), with HTTPS if there is a ``tls``."""
    patience = {"header_s": limits.header_s, "connections_of_one": limits.connections_of_one}
    protocol: Any = type("Protocol", (Protocol,), patience)

    def secured(**options: Any) -> Handshake:
        assert tls is not None
        return Handshake(protocol(**options), tls)

    config = uvicorn.Config(
        app,
        http=secured if tls else protocol,  # type: ignore[arg-type]
        ws=WebSocket,
        ws_max_size=limits.live_message_bytes,
        loop="asyncio",
        lifespan="on",
        log_config=LOGGING,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=list(HEADERS.items()),
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=STOP_S,
    )
    return uvicorn.Server(config)
