"""Browsers that were let in: each has a cookie whose value is its own, is no token, and can be taken back.

A browser comes in with the token, or with an invitation of one that is in: that counts once, and tells no token.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict

MOST = 1000
UNUSED_S = 30 * 24 * 3600.0
INVITED_S = 600.0
MOST_INVITED = 100


class Visitors:
    """Who has been let in, as long as the server runs, and not after `UNUSED_S` without a call."""

    def __init__(self) -> None:
        self._used: OrderedDict[bytes, float] = OrderedDict()  # by digests: looking up tells nothing by its time
        self._invited: OrderedDict[bytes, float] = OrderedDict()

    def admit(self) -> str:
        """A new cookie's value; the visitor that was here longest ago makes room."""
        value = secrets.token_urlsafe(32)
        self._used[_digest(value)] = time.monotonic()
        while len(self._used) > MOST:
            self._used.popitem(last=False)
        return value

    def invite(self) -> str:
        """A new invitation for another browser; it counts once, for `INVITED_S`, and the oldest one makes room."""
        value = secrets.token_urlsafe(32)
        self._invited[_digest(value)] = time.monotonic()
        while len(self._invited) > MOST_INVITED:
            self._invited.popitem(last=False)
        return value

    def takes(self, value: str) -> bool:
        """Whether this is an invitation that counts; it does not any more then."""
        return time.monotonic() - self._invited.pop(_digest(value), -INVITED_S) < INVITED_S

    def knows(self, value: str) -> bool:
        """Whether this is a cookie's value that counts; it does for another while then."""
        known, now = _digest(value), time.monotonic()
        if now - self._used.get(known, -UNUSED_S) >= UNUSED_S:
            self._used.pop(known, None)
            return False
        self._used[known] = now
        self._used.move_to_end(known)
        return True

    def dismiss(self, value: str) -> None:
        """From now on this value does not count."""
        self._used.pop(_digest(value), None)


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode(errors="surrogateescape")).digest()
