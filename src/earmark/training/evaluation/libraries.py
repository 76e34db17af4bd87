"""Libraries of twenty to tens of thousands of pieces, to learn how well chance does in each.

The first pieces are real: the training pieces' pages. The rest are made up of these, because nobody has so many pages
to give away: each is a page's half long, and each of its places lies between the places of two stretches of real pieces
that run on side by side, at an angle drawn for the piece. Mean and covariance of the embeddings stay what they are, and
neighbouring places stay neighbours, so questions find in it what they find in music that they are not of.
Libraries are nested: the small one is the beginning of the large one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.model.calibration import Background
from earmark.schema import FloatArray
from earmark.search.query import spread
from earmark.search.rank import CANDIDATES

SIZES = (20, 400, 4_000, 40_000)
LENGTH = 128
"""Places of a piece that is made up: half a page."""
AT_ONCE = 100
"""Pieces that are made up together, from one seed."""
ANGLES = (np.radians(15), np.radians(45))
VOTERS = 8
"""Excerpts of a question that choose its candidates, evenly spread ones."""


@dataclass(frozen=True)
class Libraries:
    """Nested libraries of ``sizes`` pieces, as many as there are sizes; ``real`` are all places of the first pieces."""

    real: Sequence[FloatArray]
    background: Background
    sizes: Sequence[int] = SIZES

    def candidates(
        self, questions: Sequence[FloatArray], report: Callable[[int, int], None] = lambda done, total: None
    ) -> list[dict[int, list[int]]]:
        """For every question, excerpts float32 [n, dimension], the pieces with most votes in each size of library.

        Votes are as in `earmark.search.rank.propose`, of some of the excerpts. ``report`` is told how many pieces have
        been asked, and of how many.
        """
        voters = [question[spread(len(question), VOTERS)] for question in questions]
        excerpts = np.concatenate(voters)
        levels = self.background.levels(excerpts)
        starts = np.concatenate([[0], np.cumsum([len(some) for some in voters])[:-1]])
        best_votes = np.zeros((len(questions), 0), np.float32)
        best = np.zeros((len(questions), 0), np.int64)
        chosen: list[dict[int, list[int]]] = [{} for _ in questions]
        asked = 0
        for group in self._groups():
            votes = np.stack([_votes(excerpts, levels, starts, piece) for piece in group], axis=1)
            numbers = np.broadcast_to(asked + np.arange(len(group)), votes.shape)
            votes, numbers = np.concatenate([best_votes, votes], axis=1), np.concatenate([best, numbers], axis=1)
            order = np.argsort(-votes, axis=1, kind="stable")[:, :CANDIDATES]
            best_votes, best = np.take_along_axis(votes, order, axis=1), np.take_along_axis(numbers, order, axis=1)
            asked += len(group)
            if asked in self.sizes:
                for of_question, row in zip(chosen, best.tolist(), strict=True):
                    of_question[asked] = row
            report(asked, max(self.sizes))
        return chosen

    def piece(self, number: int) -> FloatArray:
        """All places of a piece, float32 [n, dimension]."""
        if number < len(self.real):
            return self.real[number]
        made: FloatArray = self._made_up(number // AT_ONCE)[number % AT_ONCE]
        return made

    def _groups(self) -> Iterator[list[FloatArray]]:
        """All pieces in order, in groups that end where a library does."""
        largest = max(self.sizes)
        for first in range(0, largest, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, largest))
            made = self._made_up(first // AT_ONCE) if numbers[-1] >= len(self.real) else None
            group = [self.real[i] if made is None or i < len(self.real) else made[i % AT_ONCE] for i in numbers]
            ends = [size - first for size in sorted(self.sizes) if first < size <= numbers[-1]]
            for start, end in itertools.pairwise([0, *ends, len(group)]):
                yield group[start:end]

    def _made_up(self, seed: int) -> FloatArray:
        """Pieces, float32 [AT_ONCE, LENGTH, dimension]."""
        rng = np.random.default_rng(seed)
        long = [np.resize(piece, (max(len(piece), LENGTH), piece.shape[1])) for piece in self.real]
        pieces = np.empty((AT_ONCE, LENGTH, long[0].shape[1]), np.float32)
        for made in pieces:
            angle = rng.uniform(*ANGLES)
            one, other = (_stretch(rng, long) - self.background.mean for _ in range(2))
            made[:] = self.background.mean + np.cos(angle) * one + np.sin(angle) * other
        pieces /= np.linalg.norm(pieces, axis=2, keepdims=True)
        return pieces


def _stretch(rng: np.random.Generator, pieces: Sequence[FloatArray]) -> FloatArray:
    piece = pieces[int(rng.integers(len(pieces)))]
    start = rng.integers(len(piece) - LENGTH + 1)
    stretch: FloatArray = piece[start : start + LENGTH]
    return stretch


def _votes(excerpts: FloatArray, levels: FloatArray, starts: npt.NDArray[np.int64], piece: FloatArray) -> FloatArray:
    """Of every question, whose excerpts begin at ``starts``, for one piece: float32 [questions]."""
    best = np.maximum((excerpts @ piece.T).max(axis=1) - levels, np.float32(0.0))
    votes: FloatArray = np.add.reduceat(best, starts)
    return votes
