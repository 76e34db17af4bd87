"""What is asked at one path or address → its questions: a folder and a ZIP archive may hold several.

What a container holds is what `earmark add` would make of it: see `earmark.sources.on_disk`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from earmark.errors import BadInput
from earmark.sandbox.sandbox import Sandbox
from earmark.sources.archives import is_archive
from earmark.sources.on_disk import Score, Skipped, find_scores
from earmark.sources.remote import at_hand

_HASHED = 1
"""Folders of an archive's own above what was in it."""


@contextmanager
def questions(where: str | Path, sandbox: Sandbox) -> Iterator[list[Score | BadInput]]:
    """All pieces and recordings at ``where``, in order, or why one is none; their files are there within the block.

    ``source`` is what each is called: ``where``, and in a container the path in it. Raises BadInput as
    `earmark.sources.remote.at_hand` does.
    """
    with at_hand(where) as path, TemporaryDirectory(prefix="earmark-") as folder:
        unpacked = Path(folder)
        found = find_scores([path], sandbox, unpacked)
        yield [_called(one, str(where), path, unpacked) for one in found if not isinstance(one, Skipped)]


def one_question(asked: list[Score | BadInput], where: str | Path) -> Score:
    """The only one; raises BadInput when it is none, or when there are several."""
    if len(asked) > 1:
        raise BadInput(where, f"holds {len(asked)} pieces or recordings", "give one of them")
    if isinstance(asked[0], BadInput):
        raise asked[0]
    return asked[0]


def _called(found: Score | BadInput, given: str, path: Path, unpacked: Path) -> Score | BadInput:
    if isinstance(found, Score):
        return replace(found, source=_shown(found.source, given, path, unpacked))
    return BadInput(_shown(found.path, given, path, unpacked), found.what, found.remedy)


def _shown(source: str, given: str, path: Path, unpacked: Path) -> str:
    """What a file at ``path``, in it, or unpacked from it is called to who gave ``given``."""
    inside = Path(source)
    if inside.is_relative_to(unpacked):
        # An archive is unpacked into a folder of its own name, which stands for it.
        parts = inside.relative_to(unpacked).parts[_HASHED + is_archive(path) :]
        return os.path.join(given, *parts)
    within = os.path.relpath(inside, path.absolute())
    return given if within == os.curdir else os.path.join(given, within)
