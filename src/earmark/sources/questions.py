"""What is asked at one path or address → its questions: a folder and a ZIP archive may hold several.

What a container holds is what `earmark add` would make of it: see `earmark.sources.on_disk`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from earmark.errors import BadInput
from earmark.sandbox.sandbox import Sandbox
from earmark.sources.on_disk import Score, Skipped, find_scores, renamed
from earmark.sources.remote import at_hand


@contextmanager
def questions(where: str | Path, sandbox: Sandbox) -> Iterator[list[Score | BadInput]]:
    """All pieces and recordings at ``where``, in order, or why one is none; their files are there within the block.

    ``source`` is what each is called: ``where``, and in a container the path in it. Raises BadInput as
    `earmark.sources.remote.at_hand` does.
    """
    with at_hand(where) as path, TemporaryDirectory(prefix="earmark-") as folder:
        found = find_scores([path], sandbox, Path(folder))
        yield [_called(one, str(where), path.absolute()) for one in found if not isinstance(one, Skipped)]


def one_question(asked: list[Score | BadInput], where: str | Path) -> Score:
    """The only one; raises BadInput when it is none, or when there are several."""
    if len(asked) > 1:
        raise BadInput(where, f"holds {len(asked)} pieces or recordings", "give one of them")
    if isinstance(asked[0], BadInput):
        raise asked[0]
    return asked[0]


def _called(found: Score | BadInput, given: str, path: Path) -> Score | BadInput:
    """What is at ``path``, or in it, as it is called to who gave ``given``."""
    if isinstance(found, Score):
        return replace(found, source=renamed(found.shown, path, given), in_archive="")
    return BadInput(renamed(found.path, path, given), found.what, found.remedy)
