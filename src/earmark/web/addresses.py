"""The addresses by which others on the network reach this machine."""

from __future__ import annotations

import socket

_ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses that RFC 5737 and RFC 3849 keep for documentation."""


def outward_address(family: socket.AddressFamily) -> str | None:
    """The address that this machine calls others from, ``AF_INET`` or ``AF_INET6``; None without such a network."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as outward:
            outward.connect((_ELSEWHERE[family], 9))  # nothing is sent: it says from which address it would be
            return str(outward.getsockname()[0])
    except OSError:
        return None
