"""Writes requests' bodies to files that the server names, within limits of size and time."""

from __future__ import annotations

import asyncio
import re
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from starlette.requests import ClientDisconnect, Request

from earmark.sheet.formats import ENDINGS, UNTELLING
from earmark.web.errors import Refusal, disk_full, is_full
from earmark.web.limits import Limits

LONGEST_NAME = 80
LONGEST_NAME_BYTES = 120
"""What fits, with what we add to it, into the 255 bytes that most file systems have for a name; some have 143."""
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
"""No file on Windows can be called so, whatever its ending."""
SHEET_ENDINGS = (*(ending for ending, kind in ENDINGS.items() if kind in ("pdf", "image", "notation")), *UNTELLING)
RECORDING_ENDINGS = tuple(ending for ending, kind in ENDINGS.items() if kind in ("recording", "midi"))


async def receive(request: Request, path: Path, most_bytes: int, limits: Limits, room: Callable[[int], None]) -> int:
    """Writes a request's body to ``path``, which must be new, and returns its size in bytes.

    ``room`` is told of every chunk's size before it is written and may refuse it. Raises Refusal when the body is
    empty, larger than ``most_bytes`` or too slow, or the client is gone; nothing is left at ``path`` then.
    """
    if int_or_zero(request.headers.get("content-length")) > most_bytes:
        raise _too_large(most_bytes)
    size, start = 0, time.monotonic()
    try:
        with path.open("xb") as file:
            chunks = request.stream()
            while True:
                patience_s = limits.upload_grace_s + size / limits.upload_bytes_per_s - (time.monotonic() - start)
                chunk = await asyncio.wait_for(anext(chunks, b""), patience_s)
                if not chunk:  # the last one
                    break
                size += len(chunk)
                if size > most_bytes:
                    raise _too_large(most_bytes)
                room(len(chunk))
                file.write(chunk)
        if size == 0:
            raise Refusal("bad_request", "the body is empty", "send the file's bytes as the body")
    except TimeoutError:
        path.unlink(missing_ok=True)
        raise Refusal("too_slow", "the upload stalled", "try again on a better connection") from None
    except OSError as error:
        path.unlink(missing_ok=True)
        raise (disk_full() if is_full(error) else error) from None
    except ClientDisconnect:
        path.unlink(missing_ok=True)
        raise Refusal("bad_request", "the upload was broken off", "send it again") from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return size


def int_or_zero(text: str | None) -> int:
    """A header's number; 0 when there is none."""
    return int(text) if text and text.isascii() and text.isdecimal() else 0


def shown_name(given: str, otherwise: str) -> str:
    """A client's name for a file, to be shown only: its last part, without control characters."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    kept = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C").strip()
    return kept or otherwise


def file_stem(given: str) -> str:
    """A name for a file of ours in the likeness of a client's: letters, digits and harmless signs, never empty, at most
    `LONGEST_NAME` letters and one more, and `LONGEST_NAME_BYTES`."""
    stem = PurePosixPath(shown_name(given, "score")).stem
    kept = re.sub(r"[^\w \-.,'()&+]", "_", stem).strip(" .")
    fitting = kept[:LONGEST_NAME].encode()[: LONGEST_NAME_BYTES - 1].decode(errors="ignore").strip(" .") or "score"
    return f"_{fitting}" if _DEVICES.fullmatch(fitting.partition(".")[0]) else fitting


def score_suffix(given: str) -> str:
    """The ending of a client's name if it is one that sheet music may have, as we write it, else ""."""
    return _suffix(given, SHEET_ENDINGS)


def piece_suffix(given: str) -> str:
    """The same for what can be added: sheet music or a recording."""
    return _suffix(given, (*SHEET_ENDINGS, *RECORDING_ENDINGS))


def _suffix(given: str, endings: tuple[str, ...]) -> str:
    return next((known for known in endings if given.casefold().endswith(known)), "")


def _too_large(most_bytes: int) -> Refusal:
    return Refusal("too_large", f"the file is larger than {most_bytes / 1e6:.0f} MB", "give a smaller file, or a part")
