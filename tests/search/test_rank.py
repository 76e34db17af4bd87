"""Ranking from made-up neighbours: right piece, right place, honest confidence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.model.calibration import Confidence
from earmark.schema import FloatArray
from earmark.search.follow import STILL, best_stretch, follow_pieces
from earmark.search.index import Neighbours
from earmark.search.rank import CANDIDATES, Ranked, propose, rank
from tests.fake_encoders import flat_background

HOP_PX = 8.0
FLOOR = 0.2
SOUND = Confidence(intercept=-4.0, weights={"lead": 2.0, "heard": 0.0, "focus": 4.0}, sure=0.5)


def find(grids: dict[int, FloatArray], top: int) -> list[Ranked]:
    """The ranking, given {piece: similarity of every excerpt to every place [n, m]}."""
    count = len(next(iter(grids.values())))
    excerpts, pieces = np.eye(count, dtype=np.float32), {piece: grid.T for piece, grid in grids.items()}
    background = flat_background(FLOOR, count)
    followed = follow_pieces(excerpts, times(count), background.levels(excerpts), pieces, HOP_PX)
    return rank(followed, times(count), pieces, background, SOUND, top)


def neighbours(similarities: dict[int, FloatArray], k: int = 40) -> Neighbours:
    """What an exact search finds, given the same."""
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
    found = find({7: shuffled, 9: in_order}, top=2)
    assert [hit.piece for hit in found] == [9, 7]
    assert found[0].confidence > 0.9 > 0.5 > found[1].confidence


@given(start=st.integers(0, 100), places_per_excerpt=st.floats(0.2, 4.5))
def test_the_place_is_where_the_excerpt_is_played_whatever_the_tempo(start: int, places_per_excerpt: float) -> None:
    path = start + (places_per_excerpt * np.arange(30)).astype(np.int64)
    found = find({1: played(noise(3, 30, 300), path)}, top=1)
    assert abs(found[0].place - path[found[0].excerpt]) <= 1


def test_the_place_is_supported_by_its_neighbours_in_time() -> None:
    grid = played(noise(4, 40, 300, level=0.1), 100 + np.arange(40), similarity=0.5)
    grid[35, 10] = 0.99  # one excerpt sounds exactly like another place
    hit = find({1: grid}, top=1)[0]
    assert hit.place == 100 + hit.excerpt


def test_a_library_of_one_piece_answers_and_does_not_claim_what_is_not_there() -> None:
    there = find({1: played(noise(6, 40, 80), np.arange(40))}, top=5)
    absent = find({1: noise(7, 40, 80)}, top=5)
    assert len(there) == 1
    assert there[0].confidence > 0.5
    assert all(hit.confidence < 0.5 for hit in absent)


def test_confidence_never_grows_down_the_ranks() -> None:
    grids = {piece: noise(piece, 30, 100, level=0.6) for piece in range(12)}
    found = find(grids, top=12)
    confidences = [hit.confidence for hit in found]
    assert confidences == sorted(confidences, reverse=True)
    assert len(found) == 12


def test_no_evidence_gives_no_answer() -> None:
    assert find({1: np.full((5, 9), 0.1, np.float32)}, top=3) == []


def test_times_must_fit_the_excerpts() -> None:
    with pytest.raises(ValueError, match="2 times for 5 excerpts"):
        follow_pieces(np.eye(5, dtype=np.float32), times(2), np.zeros(5, np.float32), {1: noise(8, 9, 5)}, HOP_PX)


def test_focus_tells_what_is_there_from_what_is_a_little_near_everywhere() -> None:
    there = played(noise(10, 40, 200, level=0.1), 50 + np.arange(40))
    half_there = there.copy()
    half_there[20:] = noise(11, 20, 200, level=0.1)
    elsewhere = played(noise(12, 40, 200, level=0.1), np.random.default_rng(13).permutation(200)[:40], similarity=0.5)
    first, second = find({1: there, 2: elsewhere}, top=2)
    assert (first.piece, first.signs.focus) == (1, 1.0)
    assert second.signs.focus < 0.3
    hit = find({1: half_there}, top=1)[0]
    assert [hit.start, hit.end] == pytest.approx([0, 20], abs=2)
    assert hit.signs.focus > 0.9  # it is about the excerpts where the piece is heard
    assert hit.signs.heard == pytest.approx(0.5, abs=0.05)


def test_what_is_proposed_has_most_votes() -> None:
    loud = {piece: played(noise(piece, 40, 200), np.arange(40), 0.4 + 0.01 * piece) for piece in range(40)}
    assert propose(neighbours(loud, k=2000), most=3) == [39, 38, 37]
    assert len(propose(neighbours(loud, k=2000))) == CANDIDATES
    nothing = Neighbours(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.int64), np.zeros((0, 0), np.int64))
    assert propose(nothing) == []


def test_all_places_of_a_piece_count_however_few_were_proposed() -> None:
    """Twenty louder copies of one chord must not take the evidence from the piece that goes on."""
    music = played(noise(14, 40, 200, level=0.1), 50 + np.arange(40), similarity=0.5)
    alone = find({1: music}, top=1)[0]
    crowded = find({1: music} | {piece: noise(piece, 40, 200, level=0.4) for piece in range(2, 22)}, top=1)[0]
    assert (crowded.piece, crowded.start, crowded.end) == (1, 0, 40)
    assert np.array_equal(crowded.path, alone.path)
    assert crowded.signs.focus == alone.signs.focus == 1.0


def test_editions_of_one_work_do_not_count_against_each_other() -> None:
    """Each excerpt is a place of both editions, of which the second is set wider; a third piece shares a phrase."""
    rng = np.random.default_rng(15)
    music = rng.normal(size=(400, 64)).astype(np.float32)
    music /= np.linalg.norm(music, axis=1, keepdims=True)
    wider = music[np.linspace(0, 399, 600).astype(int)]
    phrase = np.concatenate([rng.normal(size=(300, 64)).astype(np.float32) / 8, music[120:160]])
    excerpts, seconds = music[100:180:2], times(40)
    pieces, background = {1: music, 2: wider, 3: phrase}, flat_background(0.5, 64)
    followed = follow_pieces(excerpts, seconds, background.levels(excerpts), pieces, HOP_PX)
    first, second, third = rank(followed, seconds, pieces, background, SOUND, 3)
    assert (first.same_as, second.same_as, third.same_as) == (0, 0, 2)
    assert {first.piece, second.piece, third.piece} == {1, 2, 3}
    assert third.piece == 3
    assert first.signs.lead == pytest.approx(np.log(0.5 * 20 + 0.1), abs=0.1)  # half of the stretch is the phrase
    assert first.signs.focus == 1.0


def test_music_is_found_and_placed_after_talking_as_long_as_itself() -> None:
    heard = noise(16, 80, 200)
    heard[40:] = played(heard[40:], 100 + np.arange(40))
    found = find({1: noise(17, 80, 200), 2: heard}, top=1)
    assert found[0].piece == 2
    assert found[0].excerpt >= 40
    assert abs(found[0].place - (60 + found[0].excerpt)) <= 1


def test_a_few_bars_in_long_applause_are_found_and_so_is_where_they_are() -> None:
    """Applause is a little like the same chord all the time; that adds up to more than twenty seconds of music do."""
    applause, bars = np.full((400, 200), 0.0, np.float32), np.zeros((400, 200), np.float32)
    applause[:, 90] = 0.26
    bars[200:240] = played(bars[200:240], 100 + np.arange(40), similarity=0.5)
    assert (applause - FLOOR).clip(0).sum() > (bars - FLOOR).clip(0).max(axis=1).sum()
    found = find({1: applause, 2: bars}, top=2)
    assert [hit.piece for hit in found] == [2, 1]
    assert (found[0].start, found[0].end) == (200, 240)
    assert found[0].signs.lead == pytest.approx(np.log(40 * 0.3 + 0.1), abs=1e-4)  # applause has said what it says
    assert found[0].signs.focus == 1.0
    assert found[0].signs.heard == 0.1
    assert found[0].confidence > 0.8


def test_what_stays_at_one_place_is_no_more_than_a_chord() -> None:
    """Applause may be very like a chord of some piece, for as long as it lasts."""
    applause, music = np.zeros((200, 200), np.float32), np.zeros((200, 200), np.float32)
    applause[:, 90] = 0.9
    music = played(music, np.arange(200), similarity=0.5)
    assert [hit.piece for hit in find({1: applause, 2: music}, top=2)] == [2, 1]
    (alone,) = find({1: applause}, top=1)
    assert (alone.start, alone.end) == (0, STILL)
    assert alone.signs.heard == 1 / 200


def test_pieces_played_one_after_the_other_are_both_found_each_in_its_stretch() -> None:
    first, second, other = (noise(seed, 200, 300, level=0.1) for seed in (18, 19, 20))
    first[:100] = played(first[:100], 20 + np.arange(100))
    second[100:] = played(second[100:], 150 + np.arange(100))
    found = find({1: first, 2: second, 3: other}, top=3)
    spans = {hit.piece: [hit.start, hit.end] for hit in found[:2]}
    assert spans == {1: pytest.approx([0, 100], abs=3), 2: pytest.approx([100, 200], abs=3)}
    assert min(hit.confidence for hit in found[:2]) > 0.9
    assert all(hit.confidence < 0.5 for hit in found[2:])
    assert min(hit.signs.lead for hit in found[:2]) > np.log(0.2 * 100)


@given(
    st.lists(st.tuples(st.floats(-1, 1, width=32), st.booleans()), min_size=1, max_size=12),
)
def test_thebest_stretch_is_the_best_of_all(excerpts: list[tuple[float, bool]]) -> None:
    gains = np.array([gain for gain, _ in excerpts], np.float32)
    jumps = np.array([float(jump) for _, jump in excerpts], np.float32)

    def worth(start: int, end: int) -> float:
        return float(gains[start:end].sum() - jumps[start + 1 : end].sum())

    found, start, end = best_stretch(gains, jumps)
    every = [worth(a, b) for a in range(len(gains)) for b in range(a + 1, len(gains) + 1)]
    assert found == pytest.approx(max(every), abs=1e-5)
    assert worth(start, end) == pytest.approx(found, abs=1e-5)
