import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.model.size import PITCHES  # noqa: E402
from experiments.analysis.pitches import CHUNK, chunks, counts, means  # noqa: E402


@pytest.mark.parametrize("columns", [10, CHUNK - 2, CHUNK, CHUNK + 2, 3 * CHUNK + 100])
def test_every_token_counts_once(columns: int) -> None:
    tokens = [range(start // 2, end // 2)[kept] for start, end, kept in chunks(columns)]
    assert [token for part in tokens for token in part] == list(range(columns // 2))


def told(notes: list[tuple[int, int, float]], tokens: int = 40) -> np.ndarray:
    surely = np.full((PITCHES, tokens), -9.0, np.float32)
    for pitch, token, value in notes:
        surely[pitch, token] = value
    return surely


def test_notes_that_are_told_nearby_are_found_and_others_missed() -> None:
    there = told([(40, 10, 1.0), (50, 20, 1.0), (60, 30, 1.0)]) > 0
    surely = told([(40, 10, 5.0), (50, 21, 4.0), (61, 30, 4.5)])
    found = counts((surely, there))
    assert found["notes"] == 3
    assert found["f"] == pytest.approx(2 * 1 / (1 + 3))
    assert found["missed"] == pytest.approx(100 * 2 / 3)


def test_a_pitch_a_semitone_off_is_told_from_one_that_is_missed() -> None:
    there = told([(40, 10, 1.0), (50, 20, 1.0), (60, 30, 1.0), (62, 30, 1.0)]) > 0
    surely = told([(40, 10, 5.0), (62, 30, 5.0), (50, 20, 5.0), (61, 30, 5.0)])
    found = counts((surely, there))
    assert found["missed"] == found["semitone"] == pytest.approx(25)


def test_every_piece_counts_as_much_as_another() -> None:
    assert means([{"notes": 10, "f": 0.5}, {"notes": 1000, "f": 0.9}]) == {"pieces": 2, "notes": 505, "f": 0.7}
