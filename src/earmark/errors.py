"""The errors that a person may be shown as they are."""

from __future__ import annotations

from pathlib import Path


class EarmarkError(Exception):
    """An error whose message can be shown to a person as it is: one line, what is wrong and what to do."""


class BadInput(EarmarkError):  # noqa: N818
    """A file that cannot be used.

    The message is ``<path>: <what is wrong>; <remedy>``.
    """

    def __init__(self, path: str | Path, what: str, remedy: str) -> None:
        super().__init__(f"{path}: {what}; {remedy}")
        self.path = str(path)
        self.what = what
        self.remedy = remedy


class Unsure(EarmarkError):  # noqa: N818
    """No answer is sure enough to go on with."""


class Mismatch(EarmarkError):  # noqa: N818
    """Two things that must have been made with the same definition were not (model, library, corpus)."""
