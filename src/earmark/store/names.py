"""Names as people search and sort them: accents and case do not count, and numbers are numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

from earmark.store.store import Piece

Order = Literal["name", "title", "composer", "added"]
"""What pieces are sorted by; ``added`` is the day, the latest first."""

# Letters that are no base letter with an accent to Unicode.
_PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})


def plain(text: str) -> str:
    """Text without accents, in small letters: what two spellings of a name have in common."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).translate(_PLAIN)


def natural(text: str) -> list[tuple[int, str]]:
    """A key to sort by: ``Op. 2`` before ``Op. 10``."""
    parts = re.split(r"(\d+)", plain(text))
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def having(pieces: Iterable[Piece], search: str, tags: Iterable[str] = ()) -> list[Piece]:
    """The pieces that have all words of ``search`` in their name, title, composer, note or tags, and all ``tags``."""
    words, wanted = plain(search).split(), set(map(plain, tags))
    return [
        piece
        for piece in pieces
        if all(word in _searched(piece) for word in words) and wanted <= set(map(plain, piece.tags))
    ]


def in_order(pieces: Iterable[Piece], by: Order) -> list[Piece]:
    """Pieces by name, by title (or name, where there is none), or by composer and then by name, those without one last.

    Or the latest first.
    """
    if by == "added":
        return sorted(
            sorted(pieces, key=lambda piece: natural(piece.name)), key=lambda piece: piece.added_at, reverse=True
        )
    return sorted(pieces, key=lambda piece: (not _told(piece, by), natural(_told(piece, by)), natural(piece.name)))


def initial(piece: Piece, by: Order) -> str:
    """Under which letter of an index a piece is found: a capital one, ``0`` for any digit, "" where there is none."""
    first = next(filter(str.isalnum, plain(_told(piece, by))), "")
    return "0" if first.isdecimal() else first.upper()


def _told(piece: Piece, by: Order) -> str:
    """What a piece is sorted by: its day, if by that."""
    told = {"title": piece.title or piece.name, "composer": piece.composer, "added": piece.added_at}
    return told.get(by, piece.name)


def _searched(piece: Piece) -> str:
    return plain(" ".join((piece.name, piece.title, piece.composer, piece.note, *piece.tags)))
