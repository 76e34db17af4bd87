"""Ranking from made-up neighbours: right piece, right place, honest confidence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.model.calibration import Calibration
from earmark.schema import FloatArray
from earmark.search.index import Neighbours, leave_out
from earmark.search.rank import _best_stretch, rank

HOP_PX = 8.0
SOUND = Calibration(
    floor=0.2,
    intercept=-4.0,
    score_weight=10.0,
    margin_weight=10.0,
    agreement_weight=0.0,
    length_weight=0.0,
    question_weight=0.0,
    threshold=0.5,
)


def neighbours(similarities: dict[int, FloatArray], k: int = 40) -> Neighbours:
    """What an exact search finds, given {piece: similarity of every excerpt to every place [n, m]}."""
    pieces = np.concatenate([np.full(grid.shape[1], piece) for piece, grid in similarities.items()])
    places = np.concatenate([np.arange(grid.shape[1]) for grid in similarities.values()])
    whole = np.concatenate(list(similarities.values()), axis=1)
    nearest = np.argsort(-whole, axis=1, kind="stable")[:, :k]
    return Neighbours(np.take_along_axis(whole, nearest, axis=1), pieces[nearest], places[nearest])


def noise(seed: int, excerpts: int, places: int, level: float = 0.3) -> FloatArray:
    return np.random.default_rng(seed).normal(0.0, level / 2, (excerpts, places)).astype(np.float32)


def played(grid: FloatArray, path: npt.NDArray[np.int64], similarity: float = 0.7) -> FloatArray:
    """The same with the excerpts heard at ``path``, and a little at the places beside."""
    grid = grid.copy()
    rows = np.arange(len(path))
    for offset, share in ((0, 1.0), (1, 0.8), (-1, 0.8)):
        grid[rows, np.clip(path + offset, 0, grid.shape[1] - 1)] = similarity * share
    return grid


def times(excerpts: int) -> npt.NDArray[np.float64]:
    return 0.25 * np.arange(excerpts, dtype=np.float64)


def test_the_piece_whose_places_move_forward_wins_over_one_that_is_near_at_random_places() -> None:
    in_order = played(noise(0, 40, 200), 50 + np.arange(40))
    shuffled = played(noise(1, 40, 200), np.random.default_rng(2).permutation(200)[:40], similarity=0.75)
    found = rank(neighbours({7: shuffled, 9: in_order}), times(40), HOP_PX, SOUND, top=2)
    assert [hit.piece for hit in found] == [9, 7]
    assert found[0].confidence > 0.9 > 0.5 > found[1].confidence


@given(start=st.integers(0, 100), places_per_excerpt=st.floats(0.2, 4.5))
def test_the_place_is_where_the_excerpt_is_played_whatever_the_tempo(start: int, places_per_excerpt: float) -> None:
    path = start + (places_per_excerpt * np.arange(30)).astype(np.int64)
    found = rank(neighbours({1: played(noise(3, 30, 300), path)}), times(30), HOP_PX, SOUND, top=1)
    assert abs(found[0].place - path[found[0].excerpt]) <= 1


def test_the_place_is_supported_by_its_neighbours_in_time() -> None:
    grid = played(noise(4, 40, 300, level=0.1), 100 + np.arange(40), similarity=0.5)
    grid[35, 10] = 0.99  # one excerpt sounds exactly like another place
    hit = rank(neighbours({1: grid}), times(40), HOP_PX, SOUND, top=1)[0]
    assert hit.place == 100 + hit.excerpt


def test_a_library_of_one_piece_answers_and_does_not_claim_what_is_not_there() -> None:
    there = rank(neighbours({1: played(noise(6, 40, 80), np.arange(40))}), times(40), HOP_PX, SOUND, top=5)
    absent = rank(neighbours({1: noise(7, 40, 80)}), times(40), HOP_PX, SOUND, top=5)
    assert len(there) == 1
    assert there[0].margin == 0.0
    assert there[0].confidence > 0.5
    assert all(hit.confidence < 0.5 for hit in absent)


def test_confidence_never_grows_down_the_ranks() -> None:
    grids = {piece: noise(piece, 30, 100, level=0.6) for piece in range(12)}
    found = rank(neighbours(grids), times(30), HOP_PX, SOUND, top=12)
    confidences = [hit.confidence for hit in found]
    assert confidences == sorted(confidences, reverse=True)
    assert len(found) == 12


def test_no_evidence_gives_no_answer() -> None:
    flat = {1: np.full((5, 9), 0.1, np.float32)}
    assert rank(neighbours(flat), times(5), HOP_PX, SOUND, top=3) == []
    nothing = Neighbours(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.int64), np.zeros((0, 0), np.int64))
    assert rank(nothing, np.zeros(0), HOP_PX, SOUND, top=3) == []


def test_times_must_fit_the_excerpts() -> None:
    with pytest.raises(ValueError, match="2 times for 5 excerpts"):
        rank(neighbours({1: noise(8, 5, 9)}), times(2), HOP_PX, SOUND, top=1)


def test_agreement_tells_what_is_there_from_what_is_a_little_near_everywhere() -> None:
    there = played(noise(10, 40, 200, level=0.1), 50 + np.arange(40))
    half_there = there.copy()
    half_there[20:] = noise(11, 20, 200, level=0.1)
    elsewhere = played(noise(12, 40, 200, level=0.1), np.random.default_rng(13).permutation(200)[:40], similarity=0.5)
    first, second = rank(neighbours({1: there, 2: elsewhere}), times(40), HOP_PX, SOUND, top=2)
    assert (first.piece, first.agreement, second.agreement) == (1, 1.0, 0.0)
    hit = rank(neighbours({1: half_there}), times(40), HOP_PX, SOUND, top=1)[0]
    assert [hit.start, hit.end] == pytest.approx([0, 20], abs=2)
    assert hit.agreement > 0.9  # it is about the excerpts where the piece is heard


def test_agreement_does_not_count_pieces_that_were_left_out() -> None:
    grids = {1: played(noise(14, 40, 200), np.arange(40), 0.9), 2: played(noise(15, 40, 200), np.arange(40), 0.6)}
    found = rank(leave_out(neighbours(grids, k=200), {1}), times(40), HOP_PX, SOUND, top=1)
    assert found[0].piece == 2
    assert found[0].agreement > 0.9


def test_music_is_found_and_placed_after_talking_as_long_as_itself() -> None:
    heard = noise(16, 80, 200)
    heard[40:] = played(heard[40:], 100 + np.arange(40))
    found = rank(neighbours({1: noise(17, 80, 200), 2: heard}), times(80), HOP_PX, SOUND, top=1)
    assert found[0].piece == 2
    assert found[0].excerpt >= 40
    assert abs(found[0].place - (60 + found[0].excerpt)) <= 1


def test_a_few_bars_in_long_applause_are_found_and_so_is_where_they_are() -> None:
    """Applause is a little like the same chord all the time; that adds up to more than twenty seconds of music do."""
    applause, bars = np.full((400, 200), 0.0, np.float32), np.zeros((400, 200), np.float32)
    applause[:, 90] = 0.26
    bars[200:240] = played(bars[200:240], 100 + np.arange(40), similarity=0.5)
    assert (applause - SOUND.floor).clip(0).sum() > (bars - SOUND.floor).clip(0).max(axis=1).sum()
    found = rank(neighbours({1: applause, 2: bars}), times(400), HOP_PX, SOUND, top=2)
    assert [hit.piece for hit in found] == [2, 1]
    assert (found[0].start, found[0].end) == (200, 240)
    assert found[0].score == pytest.approx(0.3, abs=1e-6)
    assert found[0].agreement == 1.0
    assert found[0].confidence > 0.8


def test_pieces_played_one_after_the_other_are_both_found_each_in_its_stretch() -> None:
    first, second, other = (noise(seed, 200, 300, level=0.1) for seed in (18, 19, 20))
    first[:100] = played(first[:100], 20 + np.arange(100))
    second[100:] = played(second[100:], 150 + np.arange(100))
    found = rank(neighbours({1: first, 2: second, 3: other}), times(200), HOP_PX, SOUND, top=3)
    spans = {hit.piece: [hit.start, hit.end] for hit in found[:2]}
    assert spans == {1: pytest.approx([0, 100], abs=3), 2: pytest.approx([100, 200], abs=3)}
    assert min(hit.confidence for hit in found[:2]) > 0.9
    assert all(hit.confidence < 0.5 for hit in found[2:])
    assert min(hit.margin for hit in found[:2]) > 0.2


@given(
    st.lists(st.tuples(st.floats(-1, 1, width=32), st.booleans()), min_size=1, max_size=12),
)
def test_the_best_stretch_is_the_best_of_all(excerpts: list[tuple[float, bool]]) -> None:
    gains = np.array([gain for gain, _ in excerpts], np.float32)
    jumps = np.array([float(jump) for _, jump in excerpts], np.float32)

    def worth(start: int, end: int) -> float:
        return float(gains[start:end].sum() - jumps[start + 1 : end].sum())

    found, start, end = _best_stretch(gains, jumps)
    every = [worth(a, b) for a in range(len(gains)) for b in range(a + 1, len(gains) + 1)]
    assert found == pytest.approx(max(every), abs=1e-5)
    assert worth(start, end) == pytest.approx(found, abs=1e-5)
