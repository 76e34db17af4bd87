"""More pieces to train on: the keyboard music of a source whose works are in no split that is held out.

A work is a folder of the composer (``ftp/BachJS/BWV924``); a letter after its number (BWV 924a) makes no other work. So
no test piece is trained on in another edition, arrangement or movement.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from earmark.corpus.sources import Source, header_fields, list_pieces
from earmark.errors import BadInput

MORE = "more"
"""The split that chosen pieces come into."""
TRAINED = ("train", MORE)
_KEYBOARD = re.compile(r"piano|harpsichord|clav|virginal|cembalo", re.IGNORECASE)
_OTHERS = re.compile(r"guitar|violin|flute|voice|organ|orgue|string|recorder|orchestra|satb|duet|duo", re.IGNORECASE)


def work(file: str) -> str:
    """The work that a file of a source belongs to: ``ftp/BachJS/BWV924a/x/x.ly`` → ``BachJS/BWV924``.

    What is not laid out by composer and work is a work of its own.
    """
    parts = PurePosixPath(file.removeprefix("ftp/")).parts
    if len(parts) < 3:
        return file
    return f"{parts[0]}/{re.sub(r'(?<=[0-9])[a-z]$', '', parts[1])}"


def choose(
    source: Source, splits: Mapping[str, Collection[str]], files: Mapping[str, str], without: Collection[str] = ()
) -> dict[str, str]:
    """The keyboard pieces of ``source`` that may be trained on besides those of ``splits``: name → file.

    ``files`` says where the pieces of the splits lie in the source; ``without`` are more works to leave out. A piece is
    for keyboard when its header, or one that it includes, says so and names nothing else.

    Raises :class:`BadInput` when the source holds no piece, or ``files`` lacks one that is held out.
    """
    held_out_pieces = [piece for split in splits if split not in TRAINED for piece in splits[split]]
    unknown = [piece for piece in held_out_pieces if piece not in files]
    if unknown:
        raise BadInput(
            unknown[0], "is held out, and its file is not given", "list the files of all pieces of the splits"
        )
    held_out = {work(files[piece]) for piece in held_out_pieces} | set(without)
    known = set(files.values())
    return {
        piece: file
        for piece, file in list_pieces(source, None).items()
        if file not in known and work(file) not in held_out and _is_for_keyboard(source.root / file, source.root)
    }


def _is_for_keyboard(file: Path, root: Path) -> bool:
    instruments = " ".join(header_fields(file, root, "mutopiainstrument", "instrument"))
    return bool(_KEYBOARD.search(instruments)) and not _OTHERS.search(instruments)
