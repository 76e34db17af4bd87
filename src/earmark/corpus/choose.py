"""More pieces to train on: the keyboard music of a source whose works are in no split that is held out.

No test piece is trained on in another edition, arrangement or movement: pieces of its work
(`earmark.corpus.format.work_of`) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from earmark.corpus.format import work_of
from earmark.corpus.sources import Source, header_fields, list_pieces
from earmark.errors import BadInput

MORE = "more"
"""The split that chosen pieces come into."""
TRAINED = ("train", MORE)
_KEYBOARD = re.compile(r"piano|harpsichord|clav|virginal|cembalo", re.IGNORECASE)
_OTHERS = re.compile(r"guitar|violin|flute|voice|organ|orgue|string|recorder|orchestra|satb|duet|duo", re.IGNORECASE)


def choose(
    source: Source, splits: Mapping[str, Collection[str]], files: Mapping[str, str], without: Collection[str] = ()
) -> dict[str, str]:
    """The keyboard pieces of ``source`` that may be trained on besides those of ``splits``: name → file.

    ``files`` says where the pieces of the splits lie in the source; ``without`` are more works to leave out. A piece is
    for keyboard when its header, or one that it includes, says so and names nothing else.

    Raises BadInput when the source holds no piece, or ``files`` lacks one that is held out.
    """
    held_out_pieces = [piece for split in splits if split not in TRAINED for piece in splits[split]]
    unknown = [piece for piece in held_out_pieces if piece not in files]
    if unknown:
        raise BadInput(
            unknown[0], "is held out, and its file is not given", "list the files of all pieces of the splits"
        )
    held_out = {work_of(files[piece]) for piece in held_out_pieces} | set(without)
    known = set(files.values())
    return {
        piece: file
        for piece, file in list_pieces(source, None).items()
        if file not in known and work_of(file) not in held_out and _is_for_keyboard(source.root / file, source.root)
    }


def _is_for_keyboard(file: Path, root: Path) -> bool:
    instruments = " ".join(header_fields(file, root, "mutopiainstrument", "instrument"))
    return bool(_KEYBOARD.search(instruments)) and not _OTHERS.search(instruments)
