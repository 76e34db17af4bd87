"""Music that is there twice cannot be told apart; music that differs in a note, or in its rhythm, can."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.schema import SheetSpec
from earmark.training.data.dataset import Notes, TrainingPiece, group_onsets
from earmark.training.evaluation.ceiling import alike, ceiling


def piece(pitches: list[int], gaps_s: list[float] | None = None) -> TrainingPiece:
    """A note every 20 strip px, so that a snippet of 100 px shows two before its centre and two after it."""
    count = len(pitches)
    time_s = np.cumsum([1.0, *(gaps_s or [0.5] * (count - 1))])
    notes = Notes(time_s, np.arange(count, dtype=np.float32) * 20 + 10, np.array(pitches, np.int64))
    return TrainingPiece(
        "made", np.full((80, count * 20), 255, np.uint8), np.zeros(1, np.int64), group_onsets(notes), notes, {}
    )


def answers(made: TrainingPiece, at: list[int]) -> list[int]:
    found, _ = alike([(made, np.array(at))], SheetSpec())
    return [int(count) for count in found]


THEME = [40, 42, 44, 45, 47]


def test_a_repeated_theme_has_two_answers() -> None:
    made = piece([*THEME, 60, *THEME, 61])
    assert answers(made, [2, 8]) == [2, 2]
    assert answers(made, [2, 7]) == [1, 1]  # the neighbour sees another note at its edge
    audio, sheet = alike([(made, np.array([2, 8]))], SheetSpec())
    assert audio.tolist() == sheet.tolist()


def test_another_note_or_another_rhythm_tells_them_apart() -> None:
    assert answers(piece([*THEME, 60, 40, 42, 44, 45, 48, 61]), [2, 8]) == [1, 1]
    slower = [0.5] * 6 + [0.75] * 5
    assert answers(piece([*THEME, 60, *THEME, 61], slower), [2, 8]) == [1, 1]


def test_pieces_can_be_alike() -> None:
    pool = [(piece(THEME), np.array([2])), (piece([30, *THEME]), np.array([3]))]
    found, _ = alike(pool, SheetSpec())
    assert found.tolist() == [2, 2]


def test_the_ceiling_by_hand() -> None:
    """One pair alone, two alike: half of the two are first, and their mean reciprocal rank is (1 + 1/2) / 2."""
    made = ceiling(np.array([1, 2, 2]))
    assert made["recall@1"] == pytest.approx(100 * (1 + 0.5 + 0.5) / 3)
    assert made["mrr"] == pytest.approx((1 + 0.75 + 0.75) / 3)
