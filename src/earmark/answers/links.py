"""Which pieces of a library belong together, from their stored embeddings alone.

A piece is held against all others once, as a question is: the library's search proposes a few, and those are followed.
What comes later is held against it in turn, so adding to a library asks about what is new only.

* A recording is heard through as any tape is (`earmark.answers.stretches`): it is of the scores that are named.
* Sheet music is looked up among sheet music, and a recording among recordings. It has to be likely by the model's
  calibration, and the same music by what the pieces themselves are like (`earmark.search.editions`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from earmark.answers.stretches import EXCERPT_S, stretches
from earmark.answers.verdict import POSSIBLE
from earmark.embed.recording import EmbeddedRecording
from earmark.embed.windows import PLACE_HOP_PX
from earmark.model.calibration import Calibration
from earmark.results.links import Link, Links, Relation, Work
from earmark.results.places import Kind
from earmark.schema import FloatArray, IntArray
from earmark.search.editions import have_same_music
from earmark.search.query import Query, spread
from earmark.search.rank import NEIGHBOURS, Ranked, propose
from earmark.search.takes import are_one_take
from earmark.store.store import Piece, Store

FOLLOWED = 8
"""Pieces that a piece is held against, those with most votes."""
VOTERS = 200
"""Excerpts or places of a piece that ask, evenly spread ones: searching a large library for them is what takes time."""
WHOLE = 0.7
"""Share of a score that is in another from which on it is all there, but for a repeat or an ending."""

Report = Callable[[int, int], None]
Floats = npt.NDArray[np.float64]


def link_all(store: Store, calibration: Calibration, report: Report | None = None) -> None:
    """Holds every piece that is new against all others, sheet music first.

    ``report`` is told how many of how many are done.
    """
    kinds = {piece.id: piece.kind for piece in store.pieces()}
    ahead = [identifier for identifier in store.unlinked() if identifier in kinds]
    scores = [identifier for identifier in ahead if kinds[identifier] == "score"]
    recordings = set(ahead) - set(scores)
    for done, identifier in enumerate(scores, start=1):
        recordings |= link(store, calibration, identifier)
        if report:
            report(done, len(scores) + len(recordings))
    for done, identifier in enumerate(sorted(recordings), start=len(scores) + 1):
        link(store, calibration, identifier)
        if report:
            report(done, len(scores) + len(recordings))


def link(store: Store, calibration: Calibration, identifier: int) -> set[int]:
    """Holds a piece against all others and notes what is found.

    Of a score, returns the recordings that may be of it: they are to be heard again. A piece that is removed meanwhile
    is passed over.
    """
    try:
        piece = store.piece(identifier)
        own = _Own(store, piece)
        if piece.kind == "recording":
            store.put_links(identifier, [*_scores(store, calibration, own), *_recordings(store, calibration, own)])
            return set()
        store.put_links(identifier, list(_editions(store, calibration, own)))
        again = {ranked.piece for ranked in own.likely(store, calibration, "recording")}
    except KeyError:
        return set()
    store.forget_links(sorted(again))
    return again


def links_of(store: Store) -> Links:
    """All that is known of which pieces belong together."""
    found: dict[tuple[int, int], Link] = {}
    for one in store.links():
        a, b = one.piece_id, one.other_id
        key = (a, b) if one.relation in ("recording", "part") or a < b else (b, a)
        if key not in found or one.confidence > found[key].confidence:
            found[key] = one
    links = tuple(found.values())
    return Links(links, _works(links))


class _Own:
    """A piece that asks: ``embeddings`` and ``at``, seconds or strip px of each, and ``chosen``, those that vote."""

    def __init__(self, store: Store, piece: Piece) -> None:
        self.piece = piece
        self.at: Floats
        self.embeddings: FloatArray
        if piece.kind == "recording":
            self.at, self.embeddings = store.excerpts(piece.id)
        else:
            self.embeddings = store.embeddings([piece.id])[piece.id]
            self.at = np.arange(len(self.embeddings), dtype=np.float64) * PLACE_HOP_PX
        self.chosen: IntArray = spread(len(self.embeddings), VOTERS)

    def likely(self, store: Store, calibration: Calibration, kind: Kind) -> list[Ranked]:
        """The pieces of a kind that may have its music, but itself; best first."""
        voters, positions = self.embeddings[self.chosen], self.at[self.chosen]
        query = Query(voters, positions, pages=None if self.piece.kind == "recording" else self.piece.pages)
        nearest = propose(store.nearest(voters, NEIGHBOURS, kind), FOLLOWED + 1)
        proposed = [piece for piece in nearest if piece != self.piece.id][:FOLLOWED]
        ranked = query.rank(store.embeddings(proposed), kind, calibration, FOLLOWED)
        return [one for one in ranked if one.confidence >= POSSIBLE]

    def heard(self, ranked: Ranked) -> IntArray:
        """Which of its places or excerpts another piece has."""
        return self.chosen[ranked.start : ranked.end]


def _scores(store: Store, calibration: Calibration, own: _Own) -> Iterator[Link]:
    """What a recording is of."""
    duration_s = float(own.at[-1]) + EXCERPT_S / 2
    found: dict[int, list[tuple[float, bool, tuple[float, float]]]] = {}
    for one in stretches(EmbeddedRecording(own.embeddings, own.at, duration_s), store, calibration):
        if one.piece_id is not None and one.confidence >= POSSIBLE:
            heard_s = round(one.start_s, 1), round(one.end_s, 1)
            found.setdefault(one.piece_id, []).append((one.confidence, one.sure, heard_s))
    for score, heard in found.items():
        confidence, sure, _ = max(heard)
        times_s = tuple(times_s for *_, times_s in heard)
        yield Link("recording", own.piece.id, own.piece.name, score, store.piece(score).name, confidence, sure, times_s)


def _recordings(store: Store, calibration: Calibration, own: _Own) -> Iterator[Link]:
    """Which other recordings have what is on one."""
    for ranked in own.likely(store, calibration, "recording"):
        others_s, others = store.excerpts(ranked.piece)
        heard = own.heard(ranked)
        if all(have_same_music([others], own.embeddings, heard, calibration.backgrounds["recording"])):
            path = ranked.path[ranked.start : ranked.end]
            is_take = are_one_take(own.at[heard], others_s[path])
            yield _link("take" if is_take else "performance", own.piece, store.piece(ranked.piece), ranked)


def _editions(store: Store, calibration: Calibration, own: _Own) -> Iterator[Link]:
    """Which other scores have the music of one, or a part of it."""
    for ranked in own.likely(store, calibration, "score"):
        other = store.piece(ranked.piece)
        heard, path = own.heard(ranked), ranked.path[ranked.start : ranked.end]
        there = store.embeddings([other.id])[other.id]
        if not all(have_same_music([there], own.embeddings, heard, calibration.backgrounds["score"])):
            continue
        is_whole = (heard[-1] - heard[0] + 1) >= WHOLE * len(own.embeddings)
        is_other_whole = (path.max() - path.min() + 1) >= WHOLE * len(there)
        if is_whole and is_other_whole:
            yield _link("edition", own.piece, other, ranked)
        elif is_whole:
            yield _link("part", own.piece, other, ranked)
        elif is_other_whole:
            yield _link("part", other, own.piece, ranked)


def _link(relation: Relation, piece: Piece, other: Piece, ranked: Ranked) -> Link:
    confidence = round(ranked.confidence, 4)
    return Link(relation, piece.id, piece.name, other.id, other.name, confidence, ranked.sure)


def _works(links: Iterable[Link]) -> tuple[Work, ...]:
    """What the links that are sure make of the pieces: the editions of a work with all its recordings, and recordings
    of music that is on no page here."""
    sure = [one for one in links if one.sure]
    names = {one.piece_id: one.piece for one in sure} | {one.other_id: one.other for one in sure}
    of_score = {one.piece_id for one in sure if one.relation == "recording"}
    work = {identifier: identifier for identifier in names}

    def first(identifier: int) -> int:
        while work[identifier] != identifier:
            identifier = work[identifier]
        return identifier

    for one in sure:
        # A tape of several pieces does not make one work of them.
        is_together = one.relation == "edition" or (
            one.relation in ("take", "performance") and of_score.isdisjoint((one.piece_id, one.other_id))
        )
        if is_together:
            a, b = sorted((first(one.piece_id), first(one.other_id)))
            work[b] = a
    scores: dict[int, set[int]] = {}
    recordings: dict[int, set[int]] = {}
    parts: dict[int, set[int]] = {}
    for one in sure:
        piece, other = one.piece_id, one.other_id
        if one.relation == "recording":
            recordings.setdefault(first(other), set()).add(piece)
            scores.setdefault(first(other), set()).add(other)
        elif one.relation == "edition":
            scores.setdefault(first(piece), set()).update((piece, other))
        elif one.relation == "part":
            parts.setdefault(first(other), set()).add(piece)
            scores.setdefault(first(other), set()).add(other)
        elif first(piece) == first(other):
            recordings.setdefault(first(piece), set()).update((piece, other))

    def told(pieces: set[int] | None) -> tuple[str, ...]:
        return tuple(names[identifier] for identifier in sorted(pieces or ()))

    firsts = sorted(scores.keys() | recordings.keys() | parts.keys())
    return tuple(Work(told(scores.get(one)), told(recordings.get(one)), told(parts.get(one))) for one in firsts)
