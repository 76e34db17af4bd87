"""Errors of the API: a status, a kind for programs, two phrases for people."""

from __future__ import annotations

import errno

from earmark.errors import BadInput, EarmarkError, Mismatch
from earmark.store.store import LibraryFull, LibraryUnusable

STATUS = {
    "bad_request": 400,
    "no_token": 401,
    "foreign": 403,
    "not_found": 404,
    "no_method": 405,
    "too_slow": 408,
    "empty_library": 409,
    "other_model": 409,
    "not_ready": 409,
    "too_large": 413,
    "unusable_file": 422,
    "too_long": 422,
    "gave_up": 422,
    "busy": 429,
    "internal": 500,
    "unavailable": 503,
    "full": 507,
}
RETRY_AFTER_S = 2


class Refusal(Exception):  # noqa: N818
    """``kind`` is one of `STATUS`; ``what`` is wrong and what to do, the ``remedy``, each without a final stop."""

    def __init__(self, kind: str, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.kind, self.what, self.remedy = kind, what, remedy

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS[self.kind]

    @property
    def headers(self) -> dict[str, str]:
        """Headers that the answer needs besides."""
        if self.kind == "no_token":
            return {"WWW-Authenticate": "Bearer"}
        return {"Retry-After": str(RETRY_AFTER_S)} if self.kind == "busy" else {}

    def to_dict(self) -> dict[str, str]:
        """The object under ``error`` in an answer."""
        return {"kind": self.kind, "what": self.what, "remedy": self.remedy}


def is_full(error: OSError) -> bool:
    """Whether this says that a disk, or somebody's share of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def disk_full() -> Refusal:
    """That the disk is full which holds what clients send until it has been read."""
    return Refusal("full", "the disk of the server is full", "make room there and try again")


def explain(error: EarmarkError, name: str) -> Refusal:
    """An error of the library as a refusal that names no path of this machine, but the file as the client did."""
    if isinstance(error, LibraryFull):
        return Refusal("full", "the disk of the library is full", "make room there and try again")
    if isinstance(error, LibraryUnusable):
        return Refusal("unavailable", f"the library {error.what}", error.remedy)
    if isinstance(error, BadInput):
        return Refusal("unusable_file", f"{name} {error.what}", error.remedy)
    if isinstance(error, Mismatch):
        return Refusal("other_model", "the library was made with another model", "start the server with that model")
    return Refusal("unusable_file", str(error), "give another recording")
