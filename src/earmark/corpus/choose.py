"""More pieces than those of given splits: the keyboard music of a source, its music for every other instrument, or
what is trained on in other keys.

No test piece is trained on in another edition, arrangement or movement: pieces of its work
(`earmark.corpus.format.work_of`, for other instruments also `earmark.corpus.works.works_of`) are left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from earmark.corpus.format import transposed_name, work_of
from earmark.corpus.sources import Source, header_fields, list_pieces
from earmark.corpus.works import Candidate, find_pieces, group_works, kind_of, works_of
from earmark.errors import BadInput

MORE = "more"
"""The split that chosen pieces come into."""
INSTRUMENTS = "instruments"
"""The split of the music for other instruments that is trained on; with ``-valid`` or ``-test`` what is held out."""
KEYS = "keys"
"""The split of pieces that are trained on in another key as well."""
TRAINED = ("train", MORE, INSTRUMENTS, KEYS)
TRANSPOSITIONS = (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6)
"""In semitones: every other key."""
MOST_OF_A_KIND = 100
"""Pieces of one kind that are trained on: of guitars and organs there are so many that choirs would be drawn rarely."""
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
    held_out = {work_of(files[piece]) for piece in _held_out_pieces(splits, files)} | set(without)
    known = set(files.values())
    return {
        piece: file
        for piece, file in list_pieces(source, None).items()
        if file not in known and work_of(file) not in held_out and _is_for_keyboard(source.root / file, source.root)
    }


def _held_out_pieces(splits: Mapping[str, Collection[str]], files: Mapping[str, str | None]) -> list[str]:
    """What ``splits`` hold out; raises BadInput when ``files`` does not say where a piece of it lies."""
    pieces = sorted({piece for split in splits if split not in TRAINED for piece in splits[split]})
    for piece in pieces:
        if files.get(piece) is None:
            raise BadInput(
                piece, "is held out, and its file is not given", "list the files of all pieces of the splits"
            )
    return pieces


def _is_for_keyboard(file: Path, root: Path) -> bool:
    instruments = " ".join(header_fields(file, root, "mutopiainstrument", "instrument"))
    return bool(_KEYBOARD.search(instruments)) and not _OTHERS.search(instruments)


@dataclass(frozen=True)
class Choice:
    """Pieces for other instruments: ``files`` (name → file), their ``splits``, and file → reason of all that is not."""

    files: dict[str, str]
    splits: dict[str, list[str]]
    left_out: dict[str, str]


def choose_instruments(
    source: Source, splits: Mapping[str, Collection[str]], files: Mapping[str, str], without: Collection[str] = ()
) -> Choice:
    """All pieces of ``source`` that are not for keyboard, split by work: a tenth validates, a tenth tests.

    Arguments are those of `choose`. Works that are held out already are left out, works that are trained on go on
    being trained on. The split of any other work is drawn from its name. Of each kind at most `MOST_OF_A_KIND` pieces
    are trained on.

    Raises BadInput when the source holds no piece, or nobody says where a piece lies that is held out.
    """
    candidates, left_out = find_pieces(source)
    known = {
        piece: candidates[piece].file if piece in candidates and piece not in files else files.get(piece)
        for pieces in splits.values()
        for piece in pieces
    }
    held_out_pieces = _held_out_pieces(splits, known)
    given = {f"given {piece}": _given(file, source.root) for piece, file in known.items() if file}
    groups = group_works(candidates | given)
    held_out = {work for piece in held_out_pieces for work in groups[f"given {piece}"]} | set(without)
    trained = {work for piece in known if f"given {piece}" in groups for work in groups[f"given {piece}"]} - held_out
    chosen: dict[str, list[str]] = {split: [] for split in (INSTRUMENTS, f"{INSTRUMENTS}-valid", f"{INSTRUMENTS}-test")}
    in_splits = set(known.values())
    for piece, candidate in candidates.items():
        if candidate.file in in_splits:
            left_out[candidate.file] = "in a split already"
        elif kind_of(candidate.instruments) == "keyboard":
            left_out[candidate.file] = "for keyboard"
        elif groups[piece] & held_out:
            left_out[candidate.file] = "of a work that is held out"
        else:
            chosen[INSTRUMENTS if groups[piece] & trained else _draw(min(groups[piece]))].append(piece)
    for piece in _too_many({piece: kind_of(candidates[piece].instruments) for piece in chosen[INSTRUMENTS]}):
        chosen[INSTRUMENTS].remove(piece)
        left_out[candidates[piece].file] = f"there are {MOST_OF_A_KIND} of its kind"
    return Choice({piece: candidates[piece].file for pieces in chosen.values() for piece in pieces}, chosen, left_out)


def choose_keys(
    splits: Mapping[str, Collection[str]], files: Mapping[str, str], keys: int, without: Collection[str] = ()
) -> dict[str, str]:
    """The pieces of ``files`` that ``splits`` train on, each in ``keys`` other keys: name → LilyPond file.

    Which keys is drawn from the piece's name; of fewer keys all are among those of more. ``without`` are works to leave
    out.
    """
    trained = {piece for split in TRAINED if split != KEYS for piece in splits.get(split, ())}
    chosen = sorted(piece for piece in trained & set(files) if work_of(files[piece]) not in without)
    return {
        transposed_name(piece, semitones): files[piece] for piece in chosen for semitones in _other_keys(piece)[:keys]
    }


def _other_keys(piece: str) -> list[int]:
    """`TRANSPOSITIONS` in an order drawn from a piece's name."""
    return sorted(TRANSPOSITIONS, key=lambda semitones: crc32(transposed_name(piece, semitones).encode()))


def _too_many(kinds: Mapping[str, str]) -> list[str]:
    """Of pieces and their kinds those that are more than `MOST_OF_A_KIND`, drawn from their names."""
    by_chance = sorted(kinds, key=lambda piece: crc32(piece.encode()))
    of_kind: dict[str, list[str]] = defaultdict(list)
    for piece in by_chance:
        of_kind[kinds[piece]].append(piece)
    return [piece for pieces in of_kind.values() for piece in pieces[MOST_OF_A_KIND:]]


def _given(file: str, root: Path) -> Candidate:
    return Candidate(file, "", works_of(file, root), "", frozenset(), True)


def _draw(work: str) -> str:
    """The split of a work, from its name."""
    return INSTRUMENTS + {0: "-valid", 1: "-test"}.get(crc32(work.encode()) % 10, "")
