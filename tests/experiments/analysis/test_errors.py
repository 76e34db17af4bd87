from __future__ import annotations

import numpy as np

from earmark.training.data.dataset import Notes, TrainingPiece, group_onsets
from experiments.analysis.errors import KINDS, Judge, Place


def test_wrong_answers_are_of_the_kind_that_their_notes_say() -> None:
    """A theme of twelve notes, 10 px and half a second apart, comes three times, the third with another end."""

    def made(name: str, pitches: list[int]) -> TrainingPiece:
        count = len(pitches)
        notes = Notes(
            np.linspace(1, 1 + (count - 1) / 2, count), np.arange(count, dtype=np.float32) * 10, np.array(pitches)
        )
        return TrainingPiece(
            name, np.full((80, count * 10), 255, np.uint8), np.zeros(1, np.int64), group_onsets(notes), notes, {}
        )

    theme = [40, 42, 44, 45, 47, 49, 51, 52, 54, 56, 57, 59]
    piece = made("Composer__O1__one", [*theme, 60, *theme, 60, *theme, 71])
    judge = Judge("piano@1")

    def kind(asked: int, answered: int) -> int:
        return KINDS.index(judge.kind(Place(piece, asked), Place(piece, answered)))

    assert kind(5, 6) == 2
    assert kind(5, 18) == 3  # five before, five after are the same, and the snippet shows no more
    assert kind(8, 34) == 4  # the fourth after it is another note
    assert kind(10, 36) == 5
    other = Place(made("Composer__O2__one", theme), 5)
    assert judge.kind(Place(piece, 5), other) == "another work"
    sister = Place(made("Composer__O1__two", theme), 5)
    assert judge.kind(Place(piece, 5), sister) == "another piece of the work"
