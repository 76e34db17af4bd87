"""Look-alikes are places whose notes nearly agree; equal ones and overlapping ones are not."""

import numpy as np

from earmark.training.data.hard_negatives import hard_negatives

WINDOW_PX = 100
STEP_PX = 20
PHRASE = [40, 44, 47, 52, 47, 44, 40, 35, 40, 44, 47, 52]
VARIED = [*PHRASE[:6], 41, *PHRASE[7:]]
OTHER = [60, 61, 70, 72, 61, 60, 70, 61, 72, 70, 60, 61]


def of_melody(pitches: list[int], music: list[int]) -> list[list[int]]:
    at = np.arange(len(pitches), dtype=np.float32) * STEP_PX
    found: list[list[int]] = hard_negatives(at, np.array(music, np.uint64), at, np.array(pitches), WINDOW_PX).tolist()
    return found


def test_a_varied_phrase_looks_like_the_first_and_an_equal_one_is_left_out() -> None:
    pitches = [*PHRASE, *OTHER, *VARIED, *OTHER, *PHRASE]
    music = [*range(48), *range(12)]  # the last phrase is the first again
    found = of_melody(pitches, music)
    for place in range(4, 9):
        assert 24 + place in found[place]
        assert 48 + place not in found[place]
        assert place in found[24 + place]


def test_what_overlaps_is_no_look_alike() -> None:
    """One note again and again: every snippet looks the same, and only those apart are taken."""
    found = np.array(of_melody([50] * 30, list(range(30))))
    assert (abs(found - np.arange(30)[:, None]) * STEP_PX >= WINDOW_PX).all()


def test_a_piece_too_short_for_look_alikes_has_each_onset_itself() -> None:
    assert of_melody([40, 44, 47], [0, 1, 2]) == [[0] * 3, [1] * 3, [2] * 3]
