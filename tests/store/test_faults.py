"""Whatever a disk does, and wherever a process or a machine stops, a library is as it was before or as it is after.

Every step that changes a library is stopped at each single operation on the disk: by a kill, with the last write whole
and torn; by a power cut, which also loses any part of what was not synced; by an error once; by a disk that stays full.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from earmark.errors import EarmarkError
from earmark.library.library import Library
from earmark.results.places import Place
from earmark.schema import Page
from earmark.sources.on_disk import Score, page_file, sha256
from earmark.store.backup import back_up
from earmark.store.database import FILE_NAME
from earmark.store.embedded import EmbeddedStore
from earmark.store.verify import repair, verify
from earmark.web.added_files import AddedFiles
from earmark.web.limits import Limits

from .faulty_disk import CAN_BE_WATCHED, Disk, Operation, Tree
from .made_up import embeddings, write_old_library

pytestmark = pytest.mark.skipif(not CAN_BE_WATCHED, reason="paths of open files are read from /proc, which is not here")

PLACES = 10
MUSIC = {"a.pdf": b"one", "b.pdf": b"second", "c.pdf": b"the third"}


def put(folder: Path, path: Path, seed: int = 1, kind: str = "score") -> None:
    """Adds the file at ``path`` to the library in ``folder``, and closes it."""
    store = EmbeddedStore(folder, create=True)
    try:
        score = Score(path.stem, str(path), (page_file(path),))
        vectors = embeddings(seed, PLACES)
        if kind == "score":
            places = [Place(1, 1, (0.0, 0.0, 0.5, 0.5), str(i)) for i in range(PLACES)]
            store.put(score, sha256(score), [Page(1, 10, 10, 1)], places, vectors, "m-1")
        else:
            score = replace(score, kind="recording")
            store.put_recording(score, sha256(score), np.arange(PLACES) / 4, vectors, "m-1")
    finally:
        store.close()


def told(library: Path) -> list[object]:
    """All that a library says of its pieces, which are whole."""
    if not library.is_dir():
        return []
    store = EmbeddedStore(library, create=True)
    try:
        assert store.integrity() == []
        checked = store.checked()
        assert all(is_whole for _, is_whole in checked)
        said: list[object] = [store.model_id] if checked else []  # an empty library may be of any model
        for piece, _ in checked:
            stored = store.contents(piece.id) if piece.kind == "score" else store.excerpts(piece.id)
            said.append((replace(piece, added_at=""), store.files(piece), list(stored[0]), stored[1].tolist()))
            nearest = store.nearest(stored[1], 1, piece.kind)
            assert (nearest.similarities > 0.99).all()
        return said
    finally:
        store.close()


def library_of(folder: Path, *names: str) -> Path:
    for seed, name in enumerate(names):
        put(folder / "lib", folder.parent / "music" / name, seed)
    return folder / "lib"


def relocate(folder: Path) -> None:
    store = EmbeddedStore(folder / "lib", create=False)
    try:
        (piece,) = (piece for piece in store.pieces() if piece.name == "a")
        moved = folder.parent / "music" / "b.pdf"
        store.relocate(piece, Score("b", str(moved), (page_file(moved),)))
    finally:
        store.close()


def remove(folder: Path) -> None:
    store = EmbeddedStore(folder / "lib", create=False)
    try:
        store.remove(store.pieces())
    finally:
        store.close()


def told_of_library(folder: Path) -> list[object]:
    return told(folder / "lib")


@dataclass(frozen=True)
class Step:
    """Something that changes what is on the disk: what is there before, the change, and what is then told of it."""

    prepare: Callable[[Path], object]
    change: Callable[[Path], object]
    tell: Callable[[Path], list[object]] = told_of_library


def open_old(folder: Path) -> None:
    EmbeddedStore(folder / "lib", create=False).close()


def store_recording(folder: Path) -> None:
    put(folder / "lib", folder.parent / "music" / "b.pdf", 7, "recording")


def prepare_damage(folder: Path) -> None:
    """One whole piece, one that is damaged, one whose file was renamed, an upload of no piece, and a half-made file."""
    library = library_of(folder, "a.pdf", "b.pdf", "c.pdf")
    db = sqlite3.connect(library / FILE_NAME)
    db.execute("UPDATE vectors SET vectors = zeroblob(320) WHERE piece = 2")
    db.commit()
    db.close()
    (folder.parent / "music" / "c.pdf").rename(folder.parent / "music" / "renamed.pdf")
    (library / "uploads").mkdir()
    (library / "uploads" / "orphan.pdf").write_bytes(b"x")
    (library / "uploads" / ".half.pdf.4711").write_bytes(b"x")


def age(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        os.utime(path, (1, 1))


def mend(folder: Path) -> None:
    age(folder)
    repair(folder / "lib", verify(folder / "lib").problems)


def told_of_damaged(folder: Path) -> list[object]:
    """What mending once more makes of it, whatever was mended before; the whole pieces have always been there."""
    store = EmbeddedStore(folder / "lib", create=False)
    names = [(piece.name, is_whole) for piece, is_whole in store.checked() if piece.name != "b"]
    store.close()
    assert names == [("a", True), ("c", True)]
    mend(folder)
    mend(folder)  # orphans are looked for when every piece is whole
    left = sorted(path.name for path in (folder / "lib").rglob("*") if path.suffix == ".pdf")
    return [told(folder / "lib"), left, verify(folder / "lib").problems]


def prepare_uploads(folder: Path) -> None:
    uploads = library_of(folder, "a.pdf") / "uploads"
    uploads.mkdir()
    (uploads / "b.pdf").write_bytes(MUSIC["b.pdf"])
    put(folder / "lib", uploads / "b.pdf", 7)


def copy(folder: Path) -> None:
    back_up(folder / "lib", folder / "copy")


def told_of_copy(folder: Path) -> list[object]:
    """The library, and its copy if there is one, which is whole; if there is none, the next attempt makes it."""
    there = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    assert there in (["lib"], ["copy", "lib"])
    said = [told(folder / "lib"), there]
    if "copy" not in there:
        copy(folder)
        assert sorted(path.name for path in folder.iterdir()) == ["copy", "lib"]  # no litter of the first attempt
    assert told(folder / "copy") == told(folder / "lib")
    assert (folder / "copy" / "uploads" / "b.pdf").read_bytes() == MUSIC["b.pdf"]
    return said


def upload(folder: Path) -> None:
    """What the server does with a score that is added in the browser."""
    received = folder / "received"
    received.write_bytes(MUSIC["c.pdf"])
    os.utime(received, (1, 1))  # so that it is always the same file
    with Library.open(folder / "lib", "nothing is encoded") as library:
        added = AddedFiles(library, folder / "lib", Limits(spare_bytes=0), threading.RLock())
        kept = added.keep("score.pdf", received)
        try:
            put(folder / "lib", kept, 7)
        finally:
            added.release(kept)


def told_of_uploads(folder: Path) -> list[object]:
    """The pieces, whose files are all there, with what they were added from; what else is there can be mended."""
    age(folder)
    problems = verify(folder / "lib").problems
    assert {problem.fault for problem in problems} <= {"orphan", "scratch"}
    return told(folder / "lib")


STEPS = {
    "first put": Step(lambda folder: None, lambda folder: library_of(folder, "a.pdf")),
    "put": Step(lambda folder: library_of(folder, "a.pdf"), lambda folder: library_of(folder, "b.pdf")),
    "replace": Step(
        lambda folder: library_of(folder, "a.pdf", "b.pdf"),
        lambda folder: put(folder / "lib", folder.parent / "music" / "a.pdf", 7),
    ),
    "put a recording": Step(lambda folder: library_of(folder, "a.pdf"), store_recording),
    "relocate": Step(lambda folder: library_of(folder, "a.pdf", "c.pdf"), relocate),
    "remove": Step(lambda folder: library_of(folder, "a.pdf", "b.pdf"), remove),
    "open an old library": Step(lambda folder: write_old_library(folder / "lib", 1), open_old),
    "repair": Step(prepare_damage, mend, told_of_damaged),
    "back up": Step(prepare_uploads, copy, told_of_copy),
    "upload": Step(lambda folder: library_of(folder, "a.pdf"), upload, told_of_uploads),
}
SAME_AFTER = ("open an old library", "repair")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory, where syncs cost nothing; beside it is ``music``."""
    with TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as above:
        Path(above, "music").mkdir()
        for file, content in MUSIC.items():
            Path(above, "music", file).write_bytes(content)
        Path(above, "disk").mkdir()
        yield Path(above, "disk")


@pytest.mark.parametrize("name", STEPS)
def test_a_library_is_as_before_or_as_after(folder: Path, name: str) -> None:
    step = STEPS[name]
    step.prepare(folder)
    prepared = Tree.of(folder)
    told_of = told_once(folder, step)
    before = told_of(prepared)
    prepared.restore(folder)
    images, durable = stopped_everywhere(folder, step)
    after = told_of(Tree.of(folder))
    print(f"{2 * len(images) + len(durable)} states")  # shown by `pytest -rP`
    assert (after == before) == (name in SAME_AFTER)
    for image in images:
        assert told_of(image) in (before, after)
    for image in durable:  # once a change has been reported, a power cut takes nothing of it
        assert told_of(image) == after
    for number in range(len(images) // 2):
        for fault in (failing_once(number), full_from(number)):
            prepared.restore(folder)
            is_done = changed_under(fault, folder, step)
            assert told_of(Tree.of(folder)) in ((after,) if is_done else (before, after))


def told_once(folder: Path, step: Step) -> Callable[[Tree], list[object]]:
    """What the step tells of a state of the disk. Many are the same to the byte: they are told of once."""
    known: dict[tuple[object, ...], list[object]] = {}

    def told_of(tree: Tree) -> list[object]:
        state = (*sorted(tree.folders), *sorted((path, bytes(data)) for path, data in tree.files.items()))
        if state not in known:
            tree.restore(folder)
            known[state] = step.tell(folder)
        return known[state]

    return told_of


def stopped_everywhere(folder: Path, step: Step) -> tuple[list[Tree], list[Tree]]:
    """Does the step; returns what a kill or a power cut would have left at each operation, and one after the last."""
    disk, rng, images = Disk(folder), Random(0), list[Tree]()

    def seen(operation: Operation) -> int:
        images.append(disk.torn(operation) if len(images) % 2 else disk.now())
        images.append(disk.after_power_cut(rng))
        return 0

    with disk.watched(seen):
        step.change(folder)
    return images, [disk.after_power_cut(rng) for _ in range(5)]


Fault = Callable[[Operation], int]


def failing_once(number: int) -> Fault:
    """The operation of this number cannot be done."""
    left = [number]

    def fault(operation: Operation) -> int:
        left[0] -= 1
        return errno.EIO if left[0] == -1 else 0

    return fault


def full_from(number: int) -> Fault:
    """From this operation on nothing more can be written."""
    left = [number]

    def fault(operation: Operation) -> int:
        left[0] -= 1
        return errno.ENOSPC if left[0] < 0 and operation.kind in ("write", "mkdir") else 0

    return fault


def changed_under(fault: Fault, folder: Path, step: Step) -> bool:
    """Whether the step says that it was done."""
    with Disk(folder).watched(fault):
        try:
            step.change(folder)
        except (EarmarkError, OSError):
            return False
    return True
