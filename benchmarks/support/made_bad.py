"""Archives, other programs' files, and files that are empty, cut off, text, or called what they are not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.support.made import Made
from earmark.sheet.formats import ENDINGS, UNREAD
from tests.sources.test_archives import packed as zipped

_TEXT = b"Dear Clara, the music is in the other letter.\n" * 50
_SIBLINGS = (
    *(".png", ".jpg", ".tif", ".webp", ".gif", ".bmp", ".pdf", ".jp2", ".avif", ".krn", ".mei", ".musicxml"),
    *(".mxl", ".mid", ".wav", ".mp3", ".flac", ".ogg", ".m4a", ".mkv", ".xml"),
)


def archives(good: list[Made], folder: Path) -> Iterator[Made]:
    """ZIP archives of one to four files of ``good``, which are made in ``folder``; within one another; damaged."""
    packed = []
    for number, few in enumerate([good[begin : begin + 2] for begin in range(0, len(good), 2)]):
        members = {}
        for index, one in enumerate(few):
            one.write(folder / one.name)
            members[f"{'sub/' * index}{one.name}"] = (folder / one.name).read_bytes()
        packed.append(zipped(members))
        pieces = sum(one.pieces for one in few)
        yield Made("ZIP", f"{number}.zip", partial(_write, packed[-1]), pieces=pieces)
    yield Made("ZIP", "nested.zip", partial(_write, zipped({"deep/inner.zip": packed[0]})), pieces=2)
    yield Made("ZIP", "no-ending", partial(_write, packed[1]), pieces=2)
    damaged = "damaged or foreign ZIP"
    yield Made("ZIP", "cut.zip", partial(_write, packed[0][: len(packed[0]) // 2]), pieces=0, says=damaged)
    yield Made("ZIP", "empty.zip", partial(_write, b""), pieces=0)
    yield Made("ZIP", "words.zip", partial(_write, zipped({"a.doc": _TEXT})), pieces=0, says="holds no sheet music")
    climbing = zipped({"../../out.krn": _TEXT, "/etc/out.krn": _TEXT})
    yield Made("ZIP", "climbing.zip", partial(_write, climbing), pieces=0)


def others() -> Iterator[Made]:
    """What only other programs read."""
    for ending, (what, _) in UNREAD.items():
        yield Made("other programs' files", f"of another{ending}", partial(_write, _TEXT), pieces=0, says=what)


def empty() -> Iterator[Made]:
    """Files of nothing, of every ending that is read."""
    for ending in ENDINGS:
        yield Made("empty", f"empty{ending}", partial(_write, b""), pieces=0, says="is empty (0 bytes)")


def senseless(rng: np.random.Generator) -> Iterator[Made]:
    """Words and noise that are called as music is."""
    for ending in _SIBLINGS:
        noise = rng.integers(0, 256, 3000, dtype=np.uint8).tobytes()
        yield Made("words, noise", f"words{ending}", partial(_write, _TEXT), pieces=0)
        yield Made("words, noise", f"noise{ending}", partial(_write, noise), pieces=0)


def heads(good: list[Made], rng: np.random.Generator) -> Iterator[Made]:
    """The first bytes of files of ``good``."""
    for one in good:
        yield Made("beginnings only", f"head-of-{one.name}", partial(_head, one, int(rng.integers(8, 60))), pieces=0)


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _head(one: Made, count: int, path: Path) -> None:
    one.write(path)
    path.write_bytes(path.read_bytes()[:count])
