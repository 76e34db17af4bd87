"""Attention, its entropy and the onsets in a window, by hand and on a made-up corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="figures need the [figures] extra")

from earmark.balke2019.attention import entropy, excerpts, onsets_within, typical_onset
from earmark.errors import BadInput
from earmark.training.data.dataset import TrainingPiece

if TYPE_CHECKING:
    from tests.balke2019.conftest import Attentive


def test_entropy_by_hand() -> None:
    weights = np.array([[1, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0]], np.float32)
    np.testing.assert_allclose(entropy(weights), [0, np.log(4), np.log(2)], atol=1e-12)


def test_onsets_are_counted_in_the_window_at_the_tempo(piece: TrainingPiece) -> None:
    """An onset every 0.4 s: two seconds to both sides hold five each and the one in the middle."""
    at = np.array([0, 30])
    assert onsets_within(piece.onsets.time_s, at, 2.05).tolist() == [6, 11]
    assert onsets_within(piece.onsets.time_s / 2, at, 2.05).tolist() == [11, 21]


def test_an_excerpt_is_the_window_the_snippet_and_their_attention(piece: TrainingPiece, attentive: Attentive) -> None:
    (excerpt,) = excerpts(attentive, piece, "one@1", [30])
    frame = round(piece.onsets.time_s[30] * 20)
    np.testing.assert_array_equal(excerpt.spectrogram, piece.audio["one@1"][frame - 40 : frame + 40].astype(np.float32))
    assert excerpt.snippet.shape == (80, 100)
    assert excerpt.onsets == 10  # from two seconds before, included, to two seconds after, not included
    assert (excerpt.offset_s[0], excerpt.offset_s[-1]) == (-2, 2)
    assert excerpt.attention.sum() == pytest.approx(1)


def test_the_typical_onset_is_as_dense_as_most(piece: TrainingPiece) -> None:
    usable = np.ones(len(piece.onsets), bool)
    assert onsets_within(piece.onsets.time_s, np.array([typical_onset(piece, usable, 2.05)]), 2.05) == 11
    with pytest.raises(BadInput, match="shorter than the window"):
        typical_onset(piece, ~usable, 2.05)
