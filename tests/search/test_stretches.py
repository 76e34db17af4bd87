"""Deciding a whole recording together, on made-up evidence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.schema import FloatArray
from earmark.search.stretches import HOP_S, WINDOW_S, Heard, decide, windows


def evidence(count: int, *played: tuple[int, int, int], noise: float = 0.01) -> dict[int, FloatArray]:
    """Of pieces 1 to 3 in ``count`` excerpts: much where one is ``played`` (piece, start, end), else noise."""
    rng = np.random.default_rng(0)
    made = {piece: np.maximum(rng.normal(-noise, noise, count), 0).astype(np.float32) for piece in (1, 2, 3)}
    for piece, start, end in played:
        made[piece][start:end] += rng.uniform(0.1, 0.3, end - start).astype(np.float32)
    return made


def music(count: int) -> npt.NDArray[np.bool_]:
    return np.ones(count, np.bool_)


def test_pieces_and_what_is_between_are_told_apart() -> None:
    heard = decide(evidence(400, (1, 0, 100), (3, 100, 200), (1, 260, 400)).items(), music(400))
    assert heard == [Heard(0, 100, 1), Heard(100, 200, 3), Heard(200, 260, None), Heard(260, 400, 1)]


def test_a_phrase_that_two_pieces_share_is_no_reason_to_leave_one() -> None:
    shared = evidence(200, (1, 0, 200))
    shared[2][80:86] = shared[1][80:86] + 0.2
    shared[1][80:86] = 0.0
    assert decide(shared.items(), music(200)) == [Heard(0, 200, 1)]


def test_noise_is_nothing_known() -> None:
    assert decide(evidence(300).items(), music(300)) == [Heard(0, 300, None)]
    assert decide([], music(5)) == [Heard(0, 5, None)]
    assert decide([], music(0)) == []


def test_applause_is_no_piece_however_like_one_it_is() -> None:
    is_music = music(400)
    is_music[100:180] = False
    assert decide(evidence(400, (1, 0, 180), (2, 300, 400)).items(), is_music) == [
        Heard(0, 100, 1),
        Heard(100, 300, None),
        Heard(300, 400, 2),
    ]


def test_a_dense_passage_is_no_reason_to_leave_a_piece() -> None:
    is_music = music(200)
    is_music[80:120] = False
    assert decide(evidence(200, (1, 0, 200)).items(), is_music) == [Heard(0, 200, 1)]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(20, 120)), min_size=1, max_size=6))
def test_every_excerpt_is_in_one_stretch(parts: list[tuple[int, int]]) -> None:
    ends = np.cumsum([length for _, length in parts]).tolist()
    played = [(piece, end - length, end) for (piece, length), end in zip(parts, ends, strict=True)]
    heard = decide(evidence(ends[-1], *played).items(), music(ends[-1]))
    assert [one.start for one in heard] == [0, *(one.end for one in heard[:-1])]
    assert heard[-1].end == ends[-1]
    found = np.concatenate([np.full(one.end - one.start, one.piece or 0) for one in heard])
    true = np.concatenate([np.full(length, piece) for piece, length in parts])
    assert (found == true).mean() > 0.95


def test_windows_hold_all_excerpts_that_there_are() -> None:
    times_s = np.concatenate([np.arange(0.25, 95, 0.25), np.arange(300, 410, 0.25)])  # a long silence between
    rows = list(windows(times_s))
    assert set(np.concatenate([np.arange(len(times_s))[one] for one in rows])) == set(range(len(times_s)))
    for one in rows:
        assert times_s[one][-1] - times_s[one][0] <= WINDOW_S
    assert times_s[rows[1]][0] == HOP_S
    assert list(windows(np.zeros(0))) == []
    assert list(windows(np.array([3.0]))) == [slice(0, 1)]
