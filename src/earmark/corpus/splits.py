"""Which pieces train, validate and test: a YAML or JSON file → the corpus' ``splits.json``."""

from __future__ import annotations

from pathlib import Path

import yaml

from earmark.corpus.format import SPLITS
from earmark.errors import BadInput
from earmark.files import write_json

REMEDY = "give {split: [piece, …], …} as YAML or JSON, each piece in one split"


Splits = dict[str, list[str]]


def keep_splits(file: Path, out: Path) -> None:
    """Check a splits file and write it as ``out/splits.json``. Raises BadInput as `read_split_file` does."""
    write_splits(read_split_file(file), out)


def write_splits(splits: Splits, out: Path) -> None:
    """Write ``out/splits.json``, the pieces of each split in order."""
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / SPLITS, {split: sorted(pieces) for split, pieces in splits.items()})


def read_split_file(file: Path) -> Splits:
    """The pieces of each split.

    Raises BadInput when it is no mapping of names to lists of pieces, or a piece is in two splits.
    """
    try:
        splits = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(file, f"cannot be read ({str(error).splitlines()[0]})", REMEDY) from error
    lists = isinstance(splits, dict) and all(isinstance(pieces, list) for pieces in splits.values())
    if not lists:
        raise BadInput(file, "is no mapping of lists", REMEDY)
    seen: dict[str, str] = {}
    for split, pieces in splits.items():
        for piece in pieces:
            if seen.setdefault(piece, split) != split:
                raise BadInput(file, f"{piece} is in {seen[piece]} and in {split}", REMEDY)
    return dict(splits)
