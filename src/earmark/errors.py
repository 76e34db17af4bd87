"""The errors that a person may be shown as they are, and what makes any text fit to be shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EMPTY = "is empty (0 bytes)", "copy or download it again"
"""What is wrong with a file of nothing, and the remedy, for a `BadInput`."""
WEB_PAGE = "is a web page that was saved under this name", "download the file itself, after logging in if need be"
"""The same of what a server sent in place of a file."""
NEITHER = "is neither sheet music nor a recording"
_WEB_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body)\b", re.IGNORECASE)
_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""They change the order in which the letters around them are shown."""


def printable(text: str, keep: str = "") -> str:
    """``text`` with nothing in it that a terminal would obey, or could not show: that is written as in Python.

    Names of files, titles and messages of decoders are other people's, and may hold escape sequences. What is in
    ``keep`` stays.
    """
    return "".join(one if one in keep or _is_shown(one) else one.encode("unicode_escape").decode() for one in text)


def is_web_page(beginning: bytes) -> bool:
    """Whether a file that begins with these bytes is a web page."""
    return bool(_WEB_PAGE.match(beginning))


def _is_shown(letter: str) -> bool:
    return unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp") and letter not in _TURNING


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


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Whatever a decoder raises at a file within is a BadInput that names the file.

    Decoders are other people's: what they raise at damaged files, nobody has listed. Errors of ours pass as they are.
    """
    try:
        yield
    except EarmarkError:
        raise
    except MemoryError as error:
        raise BadInput(path, "takes too much memory", "give a smaller one") from error
    except Exception as error:
        told = " ".join(str(error).split())[:100]
        what = f"cannot be read ({type(error).__name__}{': ' * bool(told)}{told})"
        remedy = "it is damaged, or of a kind that is not read: save it again, or convert it"
        raise BadInput(path, what, remedy) from error
