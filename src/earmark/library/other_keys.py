"""A recording's file, heard higher and lower than it sounds: where it is not surely known, it may be in another key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby
from pathlib import Path

from earmark.answers.look_up import Answer
from earmark.answers.other_keys import in_other_key, middle
from earmark.answers.stretches import ENOUGH_S, tidied
from earmark.embed.recording import EmbeddedRecording
from earmark.model.encoders import Model
from earmark.results.identified import Stretch
from earmark.sandbox.sandbox import Sandbox
from earmark.search.query import Query, query_of
from earmark.sources.reading import read_recording
from earmark.store.store import Piece

Hear = Callable[[EmbeddedRecording], Sequence[Stretch]]

EVERY_S = 600.0
"""Of a long stretch that is not known, one place in so much is asked about in other keys."""
EDITIONS = 5
"""Pieces that are asked for where one is meant: another edition of it may fit better."""


class OtherKeys:
    """The recording at ``path`` in other keys than it sounds in; ``look_up`` answers with so many pieces of a kind."""

    def __init__(self, path: Path, model: Model, sandbox: Sandbox, look_up: Callable[[Query, int], Answer]) -> None:
        self._path, self._model, self._sandbox, self._look_up = path, model, sandbox, look_up
        self._found = 0  # the key of the last stretch that was found in another one

    def read(self, semitones: int, start_s: float = 0.0, end_s: float | None = None) -> EmbeddedRecording:
        """The stretch from ``start_s`` to ``end_s``, so many semitones higher than it sounds."""
        return read_recording(self._path, self._model, self._sandbox, start_s, end_s, semitones=semitones)

    def key(self, start_s: float, duration_s: float, piece: Piece | None = None) -> int:
        """By how many semitones a stretch is to be raised to be surely known, as ``piece`` if given."""
        first_s, last_s = middle(start_s, duration_s)

        def ask(semitones: int) -> Answer:
            query = query_of(self.read(semitones, first_s, last_s), first_s)
            return self._look_up(query, 1 if piece is None else EDITIONS)

        return in_other_key(ask, lambda found: piece is None or found.names(piece.id))

    def stretches(self, told: Sequence[Stretch], hear: Hear) -> tuple[Stretch, ...]:
        """The stretches ``told`` of the recording, but where music is surely known in another key, what it is there.

        ``hear`` is `earmark.answers.stretches.heard_stretches` of a part of the recording.
        """
        filled: list[Stretch] = []
        for is_open, run in groupby(told, _is_open):
            heard = list(run)
            filled += self._raised(heard, hear) if is_open else heard
        if self._found:  # pieces are often surely known a semitone beside their key, too, but only here and there
            filled = [one for _, run in groupby(filled, _is_music) for one in self._known_better(list(run), hear)]
        return tidied(filled, told[-1].end_s)

    def _raised(self, told: list[Stretch], hear: Hear) -> list[Stretch]:
        """What is heard from where ``told`` begins to its end, in the key in which some of it is surely known."""
        for semitones in self._keys(told[0].start_s, told[-1].end_s):
            heard = self._heard(told, semitones, hear)
            if any(one.sure for one in heard):
                self._found = semitones
                return heard
        return told

    def _known_better(self, told: list[Stretch], hear: Hear) -> list[Stretch]:
        """The same, or what is heard there in the key that was found, if that is surely the same and for longer."""
        before = _surely_s(told)
        if not before or not any(map(_is_open, told)):
            return told
        heard = self._heard(told, self._found, hear)
        now = _surely_s(heard)
        return heard if now.keys() >= before.keys() and sum(now.values()) > sum(before.values()) else told

    def _heard(self, told: list[Stretch], semitones: int, hear: Hear) -> list[Stretch]:
        """What is heard from where ``told`` begins to its end, so many semitones raised."""
        start_s, end_s = told[0].start_s, told[-1].end_s
        return [_moved(one, start_s, semitones) for one in hear(self.read(semitones, start_s, end_s))]

    def _keys(self, start_s: float, end_s: float) -> Iterator[int]:
        """The keys in which music may be: that of other music on the recording, and those that are found in it."""
        parts = round((end_s - start_s) / EVERY_S) or 1
        length_s = (end_s - start_s) / parts
        if length_s >= ENOUGH_S:
            found = (self.key(start_s + part * length_s, length_s) for part in range(parts))
            yield from filter(None, chain([self._found], found))


def _moved(one: Stretch, by_s: float, semitones: int) -> Stretch:
    """A stretch of a part of a recording that begins at ``by_s`` and was so many semitones raised."""
    lower = 0 if one.piece_id is None else semitones
    return replace(one, start_s=by_s + one.start_s, end_s=by_s + one.end_s, semitones=lower)


def _surely_s(told: list[Stretch]) -> dict[int, float]:
    """For how many seconds each piece is surely known."""
    seconds: dict[int, float] = defaultdict(float)
    for one in told:
        if one.sure and one.piece_id is not None:
            seconds[one.piece_id] += one.end_s - one.start_s
    return seconds


def _is_music(one: Stretch) -> bool:
    return one.what in ("piece", "unknown")


def _is_open(one: Stretch) -> bool:
    """Whether it is music that is not surely known."""
    return one.what == "unknown" or (one.what == "piece" and not one.sure)
