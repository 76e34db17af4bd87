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
   1981, along one path). What is said about a piece is about that stretch. A place where the path stays is evidence
   for its first `earmark.search.follow.STILL` excerpts only. The longer the query, the more looks like
   something somewhere by chance, in proportion to the logarithm of its length: so does the toll grow. Up to 10 s there
   is none: a constant toll of the right size for two minutes of applause (0.04 to 0.08 of cosine) takes from short
   clips in loud babble what little evidence they have.
5. **Confidence.** What tells a right answer from a wrong one is in `earmark.search.signs`.
6. **Place.** The answer is the point of the stretch with most evidence within ``SUPPORT_S`` around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.model.calibration import Background, Confidence, Signs
from earmark.schema import FloatArray, IntArray
from earmark.search.editions import have_same_music
from earmark.search.follow import DEFAULT_PACE, Followed, Pace, toll
from earmark.search.index import Neighbours
from earmark.search.signs import read_signs

NEIGHBOURS = 500
"""Neighbours per excerpt: ten pieces with the same phrase in five places, ten embeddings around each."""
CANDIDATES = 32
"""Pieces that are followed, those with most votes."""
FEWEST = 8
"""Excerpts of a question that may be sure, two seconds of music. With two to four, 35 of 76 live sessions of validation
pieces were first sure of a wrong piece; with eight, one."""
RIVAL_SHARE = 0.5
"""Of the first piece's evidence: what has less of it in the same excerpts is no rival, edition or not."""


def propose(neighbours: Neighbours, most: int = CANDIDATES) -> list[int]:
    """The pieces with most votes, best first, at most ``most``."""
    if not neighbours.similarities.size:
        return []
    evidence = neighbours.similarities - neighbours.similarities[:, -1:]
    identifiers, index = np.unique(neighbours.pieces, return_inverse=True)
    best = np.zeros((len(evidence), len(identifiers)), dtype=np.float32)
    rows = np.broadcast_to(np.arange(len(evidence))[:, None], evidence.shape)
    np.maximum.at(best, (rows, index.reshape(evidence.shape)), evidence)
    beyond = np.maximum(best - np.float32(toll(len(evidence))), np.float32(0.0)).sum(axis=0)
    order = np.lexsort((-best.sum(axis=0), -beyond))
    proposed: list[int] = identifiers[order[:most]].tolist()
    return proposed


@dataclass(frozen=True)
class Ranked:
    """One piece of the answer: ``place`` is its best place's ordinal, ``excerpt`` the excerpt that found it.

    The piece is heard in the excerpts ``start`` to ``end`` (not included), along ``path`` int64 [n], the place's
    ordinal per excerpt. ``confidence``, 0..1, is the probability that it, or another edition of it, is right, read from
    ``signs``; ``sure`` says whether that is enough, and the question long enough. ``same_as`` is the place in the
    ranking, from 0, of the first piece that is the same music: its own where there is none before.
    """

    piece: int
    place: int
    excerpt: int
    start: int
    end: int
    path: IntArray
    signs: Signs
    confidence: float
    sure: bool
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
        probability = min(surest, confidence.of(signs))
        is_sure = probability >= confidence.sure and len(positions) >= FEWEST
        path = followed.path[:, i]
        ranked.append(Ranked(piece, place, excerpt, start, end, path, signs, probability, is_sure, int(works[i])))
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
        alone = (works == np.arange(len(works))) & (np.arange(len(works)) > i)
        near = np.flatnonzero(alone & (means >= RIVAL_SHARE * means[i]))
        rivals = [pieces[followed.order[j]] for j in near]
        works[near[have_same_music(rivals, pieces[piece], followed.path[heard, i], background)]] = i
    return works


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
