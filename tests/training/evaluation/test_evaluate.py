"""Evaluation with encoders that read made-up melodies, so that the right answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earmark.errors import BadInput
from earmark.training.evaluation.evaluate import evaluate, read_pool

if TYPE_CHECKING:
    from tests.fake_encoders import FakeEncoders


def test_right_pairs_are_found_in_both_directions(melodies: Path, encoders: FakeEncoders) -> None:
    done: list[tuple[int, int]] = []
    result = evaluate(encoders, melodies, "test", "sines", 1.0, lambda *step: done.append(step))
    assert (result["pieces"], result["pieces_missing"]) == (2, 1)
    assert done[-1] == (2, 2)
    for direction in ("audio_to_sheet", "sheet_to_audio"):
        found = result[direction]
        assert found["recall@1"] > 95
        assert found["mrr"] > 0.97
        assert found["median_rank"] == 1
        # Of 96 notes a piece, those with 84 frames (8.4 notes) and 50 strip px (2.5 notes) to both ends.
        assert found["candidates"] == 2 * 80
        low, high = found["interval_95"]["recall@1"]
        assert 90 < low <= found["recall@1"] <= high <= 100
        assert found["recall@1"] <= found["recall@1_within_one_onset"] <= found["piece_hit@1"] <= 100
        assert 95 < found["ceiling"]["recall@1"] < 100  # five random notes of six degrees do come twice
        assert sum(found["errors"].values()) == pytest.approx(100 - found["recall@1"])
        # No piece's name says that it shares its work with another.
        assert found["work_in_training"] == {"pieces": 0, "queries": 0}
        assert found["work_not_in_training"]["recall@1"] == found["recall@1"]


def test_fewer_pieces_are_taken_evenly(melodies: Path) -> None:
    pool, missing = read_pool(melodies, "train", "sines@1", at_most=2)
    assert [piece.name for piece, _ in pool] == ["a", "c"]
    assert missing == 0
    assert len(read_pool(melodies, "train", "sines@1", at_most=9)[0]) == 3


def test_a_split_that_is_not_there_is_named(melodies: Path, encoders: FakeEncoders) -> None:
    with pytest.raises(BadInput, match=r"no split 'tests'; choose one of train, valid, test"):
        evaluate(encoders, melodies, "tests", "sines", 1.0)
