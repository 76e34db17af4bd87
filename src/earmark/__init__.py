"""Earmark: hear a recording, find the page of sheet music it is played from.

>>> from earmark import Library                                         # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from earmark.library.library import Library

__version__ = "0.1.0"
__all__ = ["Library", "__version__"]


def __getattr__(name: str) -> Any:
    """`Library` is imported when it is asked for: the command's help needs none of it."""
    if name == "Library":
        from earmark.library.library import Library

        return Library
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
