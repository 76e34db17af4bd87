"""Neighbours of many excerpts → ranked pieces, and the best place in each. Pure functions of arrays.

A query is ``n`` excerpts of one recording, a few per second. For each, the store returns the ``k`` nearest
places of the whole library. What makes a piece right is not one near place but many that move forward with
the recording:

1. **Proposals.** A piece's vote is the sum over the excerpts of how far its nearest place stands above the farthest of
   the k nearest (the paper's piece identification, Section 5, with soft votes), less the toll of step 4. The pieces
   with most votes go on. What follows reads all their places, so it does not depend on how many pieces there are.
2. **Evidence.** A place counts with ``similarity - background``, or 0 if that is less. The background is what an
   excerpt's similarity to music that has nothing to do with it seldom reaches (`earmark.model.calibration.Background`):
   an excerpt that is near everything says nothing (Radovanović et al. 2010 call such points hubs).
3. **Following.** Within a piece the places are ordered as they are played. Of all paths through them the best is
   found (Viterbi): from one excerpt to the next the place stays or moves forward, at most at
   ``FASTEST_PX_PER_S``; any other jump (repeat, da capo, a wrong note) costs ``JUMP_COST``. Tempo is free
   within the bound, so no tempo has to be known or constant. Two pieces that share a chord share votes, not a
   path.
4. **Stretch.** A long query need not be one piece throughout: there is talking, applause, the next piece. Every
   excerpt costs a toll, and the pieces are ranked by the most that a stretch of their path is worth (Smith and Waterman
   1981, along one path). What is said about a piece is about that stretch. The longer the query, the more looks like
   something somewhere by chance, in proportion to the logarithm of its length: so does the toll grow. Up to 10 s there
   is none: a constant toll of the right size for two minutes of applause (0.04 to 0.08 of cosine) takes from short
   clips in loud babble what little evidence they have.
5. **Confidence.** What tells a right answer from a wrong one is in `earmark.search.signs`.
6. **Place.** The answer is the point of the stretch with most evidence within ``SUPPORT_S`` around it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.model.calibration import Background, Confidence, Signs
from earmark.results import Kind
from earmark.schema import FloatArray, IntArray
from earmark.search.editions import is_same_music
from earmark.search.index import Neighbours
from earmark.search.path import FASTEST_PX_PER_S, JUMP_COST, follow_each
from earmark.search.signs import read_signs

NEIGHBOURS = 500
"""Neighbours per excerpt: ten pieces with the same phrase in five places, ten embeddings around each."""
CANDIDATES = 32
"""Pieces that are followed, those with most votes."""
SLOWEST_PX_PER_S = 8.0
"""Minims at 40 to the minute take about 12."""
TOLL = 0.015
"""What an excerpt costs, in units of cosine, per ``ln(excerpts / TOLL_FREE)``."""
TOLL_FREE = 40
"""Excerpts of a query that costs nothing: ten seconds of sound."""
SUPPORT_S = 2.0
"""Half the width of the window in which a place must be supported, in seconds."""
RIVAL_SHARE = 0.5
"""Of the first piece's evidence: what has less of it in the same excerpts is no rival, edition or not."""
MOST_CELLS = 2**23
"""Excerpts times places whose evidence is in memory at once: 32 MB."""


@dataclass(frozen=True)
class Pace:
    """How a query runs against the places: ``fastest``, by how much a place may move forward per unit of the query,
    and ``support``, half the width of the window (in units of the query) in which a place must be supported. The
    unit is the second on a recording's side and the strip px on sheet music's."""

    fastest: float
    support: float


PACES: dict[tuple[Kind, Kind], Pace] = {
    ("recording", "score"): Pace(FASTEST_PX_PER_S, SUPPORT_S),
    ("score", "score"): Pace(2.5, 100.0),
    ("score", "recording"): Pace(1 / SLOWEST_PX_PER_S, 100.0),
    ("recording", "recording"): Pace(2.5, SUPPORT_S),
}
"""By the kinds of the query and of the piece. Another edition's notes are at most two and a half times as far apart,
another recording at most two and a half times as slow; sheet music is supported by two snippets to each side."""
DEFAULT_PACE = PACES["recording", "score"]


@dataclass(frozen=True)
class Followed:
    """The best path through each of the pieces in ``order``, best first; arrays [n, pieces] have them in that order.

    ``path`` int64, the place's ordinal per excerpt; ``evidence`` float32 on the path; ``gains``, the same less jumps;
    ``nearest`` int64 and ``most`` float32, the piece's nearest place and its evidence, path or not. The excerpts
    ``starts`` to ``ends`` (not included) of a piece's path are worth most: ``worths`` in all.
    """

    order: list[int]
    path: IntArray
    evidence: FloatArray
    gains: FloatArray
    nearest: IntArray
    most: FloatArray
    worths: FloatArray
    starts: IntArray
    ends: IntArray

    def of(self, chosen: Set[int]) -> Followed:
        """What following these pieces only would have found."""
        return self.only([i for i, piece in enumerate(self.order) if piece in chosen])

    def only(self, numbers: Sequence[int]) -> Followed:
        """The pieces of these numbers, in this order."""
        kept = list(numbers)
        return Followed(
            [self.order[i] for i in kept],
            path=self.path[:, kept],
            evidence=self.evidence[:, kept],
            gains=self.gains[:, kept],
            nearest=self.nearest[:, kept],
            most=self.most[:, kept],
            worths=self.worths[kept],
            starts=self.starts[kept],
            ends=self.ends[kept],
        )


def toll(excerpts: int) -> float:
    """What each of so many excerpts costs."""
    return TOLL * max(0.0, float(np.log(excerpts / TOLL_FREE)))


def propose(neighbours: Neighbours, without: Set[int] = frozenset()) -> list[int]:
    """The pieces with most votes, best first, at most ``CANDIDATES``; none of those in ``without``."""
    if not neighbours.similarities.size:
        return []
    evidence = neighbours.similarities - neighbours.similarities[:, -1:]
    identifiers, index = np.unique(neighbours.pieces, return_inverse=True)
    best = np.zeros((len(evidence), len(identifiers)), dtype=np.float32)
    rows = np.broadcast_to(np.arange(len(evidence))[:, None], evidence.shape)
    np.maximum.at(best, (rows, index.reshape(evidence.shape)), evidence)
    beyond = np.maximum(best - np.float32(toll(len(evidence))), np.float32(0.0)).sum(axis=0)
    order = np.lexsort((-best.sum(axis=0), -beyond))
    return [piece for piece in identifiers[order].tolist() if piece not in without][:CANDIDATES]


def follow_pieces(
    excerpts: FloatArray,
    positions: npt.NDArray[np.float64],
    background: FloatArray,
    pieces: Mapping[int, FloatArray],
    place_hop: float,
    pace: Pace = DEFAULT_PACE,
) -> Followed:
    """The best path of ``excerpts`` float32 [n, dimension] through every one of ``pieces``, embeddings of places.

    ``positions`` float64 [n], ascending, are the excerpts' times in the recording; places are ``place_hop`` strip px
    apart. Where the query is sheet music or recordings are sought, px stand for seconds or seconds for px, as ``pace``
    says. ``background`` float32 [n] is the excerpts'. There is at least one piece; those without evidence are left out.
    """
    if len(positions) != len(excerpts):
        raise ValueError(f"{len(positions)} times for {len(excerpts)} excerpts")
    reach: IntArray = np.ceil(np.diff(positions) * pace.fastest / place_hop).astype(np.int64)
    parts = [_best_paths(excerpts, background, group, reach) for group in _groups(pieces, len(excerpts))]
    path, nearest = (np.concatenate([part[i] for part in parts], axis=1) for i in (0, 2))
    evidence, most = (np.concatenate([part[i] for part in parts], axis=1) for i in (1, 3))
    steps = np.diff(path, axis=0)
    jumps = np.zeros(path.shape, np.float32)
    jumps[1:] = JUMP_COST * ((steps < 0) | (steps > reach[:, None]))
    gains, cost = evidence - jumps, np.float32(toll(len(excerpts)))
    stretches = [_best_stretch(evidence[:, i] - cost, jumps[:, i]) for i in range(len(pieces))]
    worths, starts, ends = (np.array(values) for values in zip(*stretches, strict=True))
    followed = Followed(list(pieces), path, evidence, gains, nearest, most, worths, starts, ends)
    best_first = np.lexsort((np.array(followed.order), -worths)).tolist()
    return followed.only([i for i in best_first if evidence[:, i].any()])


@dataclass(frozen=True)
class Ranked:
    """One piece of the answer: ``place`` is its best place's ordinal, ``excerpt`` the excerpt that found it.

    The piece is heard in the excerpts ``start`` to ``end`` (not included), along ``path`` int64 [n], the place's
    ordinal per excerpt. ``confidence``, 0..1, is the probability that it, or another edition of it, is right, read from
    ``signs``. ``same_as`` is the place in the ranking, from 0, of the first piece that is the same music: its own where
    there is none before.
    """

    piece: int
    place: int
    excerpt: int
    start: int
    end: int
    path: IntArray
    signs: Signs
    confidence: float
    same_as: int


def rank(
    followed: Followed,
    positions: npt.NDArray[np.float64],
    pieces: Mapping[int, FloatArray],
    background: Background,
    confidence: Confidence,
    top: int,
    pace: Pace = DEFAULT_PACE,
) -> list[Ranked]:
    """The ``top`` pieces, best first; fewer if fewer have any evidence, none if no excerpt has.

    ``positions`` and ``pieces`` are what `follow_pieces` got; ``background`` is that of places.
    """
    works = _works(followed, pieces, background, top)
    ranked: list[Ranked] = []
    for i, piece in enumerate(followed.order[:top]):
        start, end = int(followed.starts[i]), int(followed.ends[i])
        rivals = np.flatnonzero(works != works[i])
        signs = read_signs(followed, i, rivals)
        excerpt = start + _best_supported(followed.evidence[start:end, i], positions[start:end], pace.support)
        place = int(followed.path[excerpt, i])
        surest = ranked[-1].confidence if ranked else 1.0  # a piece is no surer than one that fits better
        sure = min(surest, confidence.of(signs))
        path = followed.path[:, i]
        ranked.append(Ranked(piece, place, excerpt, start, end, path, signs, sure, int(works[i])))
    return ranked


def _works(followed: Followed, pieces: Mapping[int, FloatArray], background: Background, top: int) -> IntArray:
    """For every piece, the first in the order that is the same music: int64 [pieces].

    Compared with each of the ``top`` are the pieces that come near it where it is heard; others are no rivals anyway.
    """
    works = np.arange(len(followed.order))
    for i, piece in enumerate(followed.order[:top]):
        if works[i] != i:
            continue
        heard = slice(int(followed.starts[i]), int(followed.ends[i]))
        means = followed.gains[heard].mean(axis=0)
        for j in np.flatnonzero((works == np.arange(len(works))) & (means >= RIVAL_SHARE * means[i])).tolist():
            if j > i and is_same_music(pieces[piece], followed.path[heard, i], pieces[followed.order[j]], background):
                works[j] = i
    return works


def _groups(pieces: Mapping[int, FloatArray], excerpts: int) -> Iterator[list[FloatArray]]:
    """The pieces' embeddings, as many together as may be in memory at once."""
    group: list[FloatArray] = []
    for embeddings in pieces.values():
        if group and excerpts * (sum(map(len, group)) + len(embeddings)) > MOST_CELLS:
            yield group
            group = []
        group.append(embeddings)
    if group:
        yield group


def _best_paths(
    excerpts: FloatArray, background: FloatArray, pieces: list[FloatArray], reach: IntArray
) -> tuple[IntArray, FloatArray, IntArray, FloatArray]:
    """`Followed`'s path, evidence, nearest and most of these pieces, in this order."""
    evidence = np.maximum(excerpts @ np.concatenate(pieces).T - background[:, None], np.float32(0.0))
    starts = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])])
    path = follow_each(evidence, starts[:-1], reach)
    own = [evidence[:, start:end] for start, end in itertools.pairwise(starts)]
    nearest = np.stack([piece.argmax(axis=1) for piece in own], axis=1)
    most = np.stack([piece.max(axis=1) for piece in own], axis=1)
    return path - starts[:-1], np.take_along_axis(evidence, path, axis=1), nearest, most


def _best_stretch(gains: FloatArray, jumps: FloatArray) -> tuple[float, int, int]:
    """The most that consecutive excerpts gain, and which: ``start`` to ``end``. Jumps between them are paid."""
    totals = np.concatenate([[0.0], np.cumsum(gains - jumps, dtype=np.float64)])
    before = totals[:-1] - jumps
    worths = totals[1:] - np.minimum.accumulate(before)
    last = int(worths.argmax())
    return float(worths[last]), int(before[: last + 1].argmin()), last + 1


def _best_supported(evidence: FloatArray, times_s: npt.NDArray[np.float64], support_s: float) -> int:
    """The excerpt with evidence of its own whose neighbours in time hold most, weighted by their nearness.

    ``evidence`` float32 [n] along the path; the weights are triangular, 0 at ``support_s`` from the excerpt.
    """
    best, best_support = 0, -1.0
    for i in np.flatnonzero(evidence > 0.0):
        start, end = np.searchsorted(times_s, (times_s[i] - support_s, times_s[i] + support_s))
        weights = 1.0 - np.abs(times_s[start:end] - times_s[i]) / support_s
        support = float(weights @ evidence[start:end])
        if support > best_support:
            best, best_support = int(i), support
    return best
