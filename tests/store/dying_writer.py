"""A process that changes libraries on a Milvus server and is killed right before one of its calls to it.

It reads lines of a change's name, the library's address, and the number of the call, and writes for each whether it
was ``killed`` or had ``done`` before. It forks for each, for loading what it takes takes longer than a change.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import grpc

from earmark.store.location import open_store
from earmark.store.store import Store
from tests.store.made_up import put, score

CHANGING = ("CreateCollection", "CreateIndex", "LoadCollection", "Insert", "Upsert", "Delete")
"""Calls before which a process is killed while it begins a library; between them nothing changes."""


class Killing(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    """Ends the process right before its ``calls``-th call from when that was set, as a power cut would.

    ``counted`` are the calls that count, all if it is empty.
    """

    calls = 0
    counted: tuple[str, ...] = ()

    def intercept_unary_unary(self, go_on: Callable[..., Any], details: Any, request: Any) -> Any:
        if not self.counted or details.method.rpartition("/")[2] in self.counted:
            self.calls -= 1
            if not self.calls:
                os.kill(os.getpid(), signal.SIGKILL)
        return go_on(details, request)


def add(store: Store) -> None:
    put(store, "b", 3)


def replace(store: Store) -> None:
    put(store, "a", 2)


def remove(store: Store) -> None:
    store.remove(store.pieces())


def move(store: Store) -> None:
    store.relocate(store.pieces()[0], score("a"))


CHANGES = {change.__name__: change for change in (add, replace, remove, move)}


def change(name: str, address: str, call: int) -> None:
    killing, connected = Killing(), grpc.insecure_channel
    grpc.insecure_channel = lambda *given, **named: grpc.intercept_channel(connected(*given, **named), killing)
    if name == "begin":  # the other changes find a library there
        killing.calls, killing.counted = call, CHANGING
        put(open_store(address, create=True), "a", 1)
        return
    store = open_store(address, create=True)
    killing.calls = call
    CHANGES[name](store)


for line in sys.stdin:
    name, address, call = line.split()
    child = os.fork()
    if not child:
        change(name, address, int(call))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print("killed" if os.waitstatus_to_exitcode(status) == -signal.SIGKILL else "done", flush=True)
    if status and os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        sys.exit("failed")
