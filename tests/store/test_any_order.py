"""Whatever is done to a library, in any order, by two processes, with kills and power cuts: it holds what it should.

For longer than `make test` does: ``pytest --hypothesis-profile long tests/store/test_any_order.py``.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from earmark.results.places import Kind, Place
from earmark.schema import FloatArray, Page
from earmark.sources.on_disk import PageFile, Score
from earmark.store import embedded_search
from earmark.store.embedded import EmbeddedStore
from earmark.store.store import Piece
from earmark.store.verify import verify
from earmark.store.whole import put_whole, take_out

from .faulty_disk import CAN_BE_WATCHED, Disk, Operation, Tree
from .made_up import embeddings

pytestmark = pytest.mark.skipif(not CAN_BE_WATCHED, reason="paths of open files are read from /proc, which is not here")

MOST_PLACES = 30
MOST_UNLISTED = 40
Model = dict[str, tuple[Kind, int, int]]
"""By source: a piece's kind, and the seed and number of its embeddings."""

WHO = st.integers(0, 1)  # of two processes
NAMES = st.sampled_from("abcdef")
KINDS: st.SearchStrategy[Kind] = st.sampled_from(["score", "recording"])
SEEDS = st.integers(0, 5)
COUNTS = st.integers(1, MOST_PLACES)


def source_of(name: str, folder: str = "music") -> str:
    return f"/{folder}/{name}.pdf"


def vectors(seed: int, count: int) -> FloatArray:
    return embeddings(seed, MOST_PLACES)[:count]


def put(store: EmbeddedStore, name: str, kind: Kind, seed: int, count: int) -> None:
    source = source_of(name)
    score = Score(name, source, (PageFile(source, 1, 1),), kind)
    if kind == "score":
        places = [Place(1, 1, (0.0, 0.0, 0.5, 0.5), str(i // 3)) for i in range(count)]
        store.put(score, str(seed), [Page(1, 10, 10, 1)], places, vectors(seed, count), "m-1")
    else:
        store.put_recording(score, str(seed), np.arange(count) / 4, vectors(seed, count), "m-1")


class AnyOrder(RuleBasedStateMachine):
    """Two processes that have a library open, and what it ought to hold."""

    def __init__(self) -> None:
        super().__init__()
        self.kept, self.watch = ExitStack(), ExitStack()
        above = self.kept.enter_context(TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
        self.kept.enter_context(patch.object(embedded_search, "MOST_UNLISTED", MOST_UNLISTED))
        self.folder = Path(above, "disk")
        self.folder.mkdir()
        self.model: Model = {}
        self.stopped_at, self.left = -1, Tree({}, set())
        self.start()

    def start(self) -> None:
        self.disk = Disk(self.folder)
        self.watch.enter_context(self.disk.watched(self.seen))
        self.stores = [EmbeddedStore(self.folder / "lib", create=True) for _ in range(2)]

    def seen(self, operation: Operation) -> int:
        if self.stopped_at == 0:
            self.left = self.disk.torn(operation)
        self.stopped_at -= 1
        return 0

    def stop(self) -> None:
        for store in self.stores:
            store.close()
        self.watch.close()

    def teardown(self) -> None:
        self.stop()
        self.kept.close()

    def piece(self, who: int, source: str) -> Piece:
        found = self.stores[who].with_source(source)
        assert found is not None
        return found

    @rule(who=WHO, name=NAMES, kind=KINDS, seed=SEEDS, count=COUNTS)
    def put(self, who: int, name: str, kind: Kind, seed: int, count: int) -> None:
        put(self.stores[who], name, kind, seed, count)
        self.model[source_of(name)] = (kind, seed, count)

    @rule(who=WHO, names=st.sets(NAMES, min_size=1))
    def remove(self, who: int, names: set[str]) -> None:
        sources = [source for name in names if (source := source_of(name)) in self.model]
        self.stores[who].remove([self.piece(who, source) for source in sources])
        for source in sources:
            del self.model[source]

    @rule(who=WHO, name=NAMES)
    def take_out_and_put_back(self, who: int, name: str) -> None:
        if source_of(name) in self.model:
            put_whole(self.stores[who], take_out(self.stores[who], self.piece(who, source_of(name))))

    @rule(who=WHO, name=NAMES, to=NAMES)
    def relocate(self, who: int, name: str, to: str) -> None:
        old, new = source_of(name), source_of(to, "elsewhere")
        if old in self.model and new not in self.model:
            self.stores[who].relocate(self.piece(who, old), Score(to, new, (PageFile(new, 1, 1),)))
            self.model[new] = self.model.pop(old)

    @rule(who=WHO)
    def open_again(self, who: int) -> None:
        self.stores[who].close()
        self.stores[who] = EmbeddedStore(self.folder / "lib", create=False)

    @rule(who=WHO)
    def settle(self, who: int) -> None:
        self.stores[who].settle()

    @rule()
    def kill(self) -> None:
        self.go_on_from(self.disk.now())

    @rule(seed=SEEDS)
    def cut_power(self, seed: int) -> None:
        self.go_on_from(self.disk.after_power_cut(Random(seed)))

    @rule(name=NAMES, kind=KINDS, seed=SEEDS, count=COUNTS, number=st.integers(0, 60))
    def kill_while_putting(self, name: str, kind: Kind, seed: int, count: int, number: int) -> None:
        self.left = Tree({}, set())
        self.stopped_at = number
        put(self.stores[0], name, kind, seed, count)
        self.stopped_at = -1
        after = {**self.model, source_of(name): (kind, seed, count)}
        self.go_on_from(self.left if self.left.files else self.disk.now())
        is_there = self.stores[0].pieces() and told(self.stores[0]) == told_by(after)
        self.model = after if is_there else self.model

    def go_on_from(self, left: Tree) -> None:
        self.stop()
        left.restore(self.folder)
        self.start()

    @rule()
    def verified(self) -> None:
        faults = {problem.fault for problem in verify(self.folder / "lib").problems}
        assert faults <= {"gone"}  # the music is made up

    @rule(who=WHO, kind=KINDS, seed=SEEDS, k=st.integers(1, 40))
    def nearest(self, who: int, kind: Kind, seed: int, k: int) -> None:
        found = self.stores[who].nearest(vectors(seed, 5), k, kind)
        stored = [vectors(*rest) for one, *rest in self.model.values() if one == kind]
        all_of_them = np.concatenate([np.zeros((0, 16), np.float32), *stored])
        best = -np.sort(-(vectors(seed, 5) @ all_of_them.T), axis=1)[:, :k]
        np.testing.assert_allclose(found.similarities, best, atol=0.02)  # lists have 8 bits a value
        counts = {piece.id: piece.places for piece in self.stores[who].pieces() if piece.kind == kind}
        named = zip(found.pieces.ravel().tolist(), found.places.ravel().tolist(), strict=True)
        assert all(place < counts[piece] for piece, place in named)

    @invariant()
    def holds_what_it_should(self) -> None:
        for store in self.stores:
            assert told(store) == told_by(self.model)


Told = list[tuple[str, Kind, str, int]]


def told(store: EmbeddedStore) -> Told:
    return sorted((piece.source, piece.kind, piece.sha256, piece.places) for piece in store.pieces())


def told_by(model: Model) -> Told:
    return sorted((source, kind, str(seed), count) for source, (kind, seed, count) in model.items())


assert settings.default is not None
TestAnyOrder = AnyOrder.TestCase
# A run is of many steps: a tenth as many runs as other tests have examples.
TestAnyOrder.settings = settings(max_examples=settings.default.max_examples // 10, stateful_step_count=30)
