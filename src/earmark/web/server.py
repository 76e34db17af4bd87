"""Serves the application on a port of this machine: binds the socket and hangs up on slow clients."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from earmark.errors import EarmarkError
from earmark.web.limits import Limits, network_of

STOP_S = 5
EVERYWHERE = ("0.0.0.0", "::")


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 that hangs up when a request's head is not complete in time: connections cannot be held by saying
    nothing, or little by little. Nor can one address hold them all."""

    header_s = Limits.header_s
    connections_of_one = Limits.connections_of_one
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._connections_of_its_address() > self.connections_of_one:
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

    def _connections_of_its_address(self) -> int:
        """How many are open, this one and WebSockets among them."""
        clients = [getattr(connection, "client", None) for connection in self.connections]
        networks = [network_of(client[0]) for client in clients if client]
        return networks.count(network_of(self.client[0])) if self.client else 0

    def _cease(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


@dataclass(frozen=True)
class BoundSocket:
    """A socket that is bound, and the address that people open."""

    socket: socket.socket
    url: str


@contextmanager
def listen(host: str, port: int) -> Iterator[BoundSocket]:
    """Binds ``port`` (0: any free one) of ``host``; raises EarmarkError when that cannot be done."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.create_server(address[:2], family=family)
    except (OSError, OverflowError) as error:
        raise EarmarkError(f"{host}:{port}: cannot listen there ({error}); give another --host or --port") from error
    with bound:
        name = socket.gethostname() if host in EVERYWHERE else host
        shown = f"[{name}]" if ":" in name else name
        yield BoundSocket(bound, f"http://{shown}:{bound.getsockname()[1]}/")


def make_server(app: FastAPI, limits: Limits) -> uvicorn.Server:
    """What serves ``app`` on a socket (``server.run([socket])``)."""
    patience = {"header_s": limits.header_s, "connections_of_one": limits.connections_of_one}
    protocol: Any = type("Protocol", (ImpatientProtocol,), patience)
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="websockets-sansio",
        ws_max_size=limits.live_message_bytes,
        loop="asyncio",
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=STOP_S,
    )
    return uvicorn.Server(config)
