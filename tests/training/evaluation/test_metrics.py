import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.training.evaluation import metrics


def test_ranks_by_hand() -> None:
    candidates = np.eye(3, dtype=np.float32)
    queries = np.array([[1, 0, 0], [0.9, 0.1, 0.2], [0, 0.5, 0.4]], np.float32)
    assert metrics.ranks(queries, candidates).tolist() == [1, 3, 2]


def test_a_tie_counts_against_the_query() -> None:
    same = np.tile(np.array([[1, 0]], np.float32), (4, 1))
    assert metrics.ranks(same, same).tolist() == [4, 4, 4, 4]


def test_unpaired_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="paired"):
        metrics.ranks(np.zeros((2, 3), np.float32), np.zeros((3, 3), np.float32))


def test_scores_by_hand() -> None:
    found = metrics.scores(np.array([1, 2, 10, 100]))
    assert found.to_dict() == {
        "recall@1": 25.0,
        "recall@5": 50.0,
        "recall@25": 75.0,
        "mrr": pytest.approx((1 + 0.5 + 0.1 + 0.01) / 4),
        "median_rank": 6.0,
        "candidates": 4,
    }


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(1, 5))
def test_the_interval_holds_the_extremes_of_what_pieces_score(found: list[int], pieces: int) -> None:
    ranks = np.array(found)
    owner = np.arange(len(found)) % pieces
    by_piece = [100 * np.mean(ranks[owner == piece] == 1) for piece in np.unique(owner)]
    interval = metrics.bootstrap(ranks, owner, draws=50)["recall@1"]
    assert min(by_piece) - 1e-9 <= interval.low <= interval.high <= max(by_piece) + 1e-9
