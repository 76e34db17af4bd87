"""What nobody could tell apart: how often the music of a test pair is elsewhere in the pool, note for note.

A snippet shows some onsets before its centre and some after. It *answers* a query as well as the right one does when
the query's own music, over just as many onsets, has the same pitches at the same distances in time; a perfect system
then has to guess among all snippets that do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from earmark.schema import SheetSpec
from earmark.training.data.ambiguity import chords_and_steps
from earmark.training.data.dataset import Onsets, TrainingPiece

Pool = Sequence[tuple[TrainingPiece, npt.NDArray[np.int64]]]
Shape = tuple[int, int]


def shown(onsets: Onsets, at: int, half_px: float) -> Shape:
    """How many onsets a snippet of ``2 half_px`` strip px about onset ``at`` shows before and after it."""
    low = np.searchsorted(onsets.x_px, onsets.x_px[at] - half_px)
    high = np.searchsorted(onsets.x_px, onsets.x_px[at] + half_px)
    return int(max(at - low, 0)), int(max(high - 1 - at, 0))


def alike(pool: Pool, sheet: SheetSpec) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For the pool's pairs in order: how many snippets answer its audio, and how many audio windows answer its snippet.

    ``pool`` holds pieces with the numbers of their onsets that are pairs. Both arrays are int64 [pairs], at least 1.
    """
    half_px = sheet.window_px / 2
    played = [chords_and_steps(piece.onsets.time_s, piece.notes.time_s, piece.notes.pitch) for piece, _ in pool]
    places = [(number, int(at)) for number, (_, onsets) in enumerate(pool) for at in onsets]
    shapes = [shown(pool[number][0].onsets, at, half_px) for number, at in places]

    def key(place: tuple[int, int], shape: Shape) -> int | None:
        """The music about a place over so many onsets; None when the piece has not that many."""
        (chords, steps), at = played[place[0]], place[1]
        first, last = at - shape[0], at + shape[1]
        if first < 0 or last >= len(chords):
            return None
        return hash((shape, tuple(chords[first : last + 1]), steps[first:last].tobytes()))

    own = [key(place, shape) for place, shape in zip(places, shapes, strict=True)]
    snippets = Counter(own)
    windows: Counter[int | None] = Counter()
    answers = np.zeros(len(places), np.int64)
    for shape in set(shapes):
        for number, place in enumerate(places):
            found = key(place, shape)
            if found is not None and found in snippets:
                answers[number] += snippets[found]
                windows[found] += 1
    return answers, np.array([windows[found] for found in own])


def ceiling(answers: npt.NDArray[np.int64]) -> dict[str, float]:
    """Expected recall@1 (percent) and MRR of a perfect system that guesses among ``answers`` equal candidates."""
    harmonic = np.cumsum(1 / np.arange(1, answers.max() + 1))
    return {"recall@1": float(100 * np.mean(1 / answers)), "mrr": float(np.mean(harmonic[answers - 1] / answers))}
