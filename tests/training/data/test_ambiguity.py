"""Places are the same as far as both windows reach, and not one onset further."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.training.data.ambiguity import (
    REACH,
    Context,
    Windows,
    chords_and_steps,
    context_of,
    indistinguishable,
    snippet_music,
    within,
)

THEME = [40, 42, 44, 45, 47, 49, 51, 52]


def of_melody(pitches: list[int], gaps_s: list[float] | None = None) -> Context:
    onset_s = np.cumsum([0.0, *(gaps_s or [0.5] * (len(pitches) - 1))])
    return context_of(onset_s, onset_s, np.array(pitches, np.int64))


def fit(of: Context, one: int, other: int, excerpt: tuple[int, int], snippet: tuple[int, int]) -> bool:
    """Whether the audio about ``one`` fits the snippet of ``other``."""
    onsets = len(of.before)
    excerpts, snippets = (Windows(of, np.array([reach] * onsets)) for reach in (excerpt, snippet))
    return bool(indistinguishable(excerpts.at(np.array([one])), snippets.at(np.array([other]))).all())


def test_places_part_where_their_notes_do() -> None:
    """The theme comes twice and goes on differently: its fourth note is four before the first other one."""
    melody = of_melody([*THEME, 60, 61, *THEME, 70, 71])
    for reach in range(5):
        assert fit(melody, 3, 13, (3, reach), (3, reach))
    assert not fit(melody, 3, 13, (3, 5), (3, 5))
    assert not fit(melody, 3, 13, (4, 4), (4, 4))  # before the one nothing, before the other a note
    assert fit(melody, 3, 13, (9, 4), (3, 9))  # each side reaches as far as the shorter window


def test_rhythm_counts_and_the_last_digits_of_a_sum_do_not() -> None:
    even = [0.125] * 15
    assert fit(of_melody([*THEME, *THEME], even), 4, 12, (4, 3), (4, 3))
    dotted = [*even[:9], 0.25, *even[10:]]
    assert not fit(of_melody([*THEME, *THEME], dotted), 4, 12, (4, 3), (4, 3))


def test_chords_are_sets_of_pitches() -> None:
    onset_s = np.array([0, 0.5, 1, 1.5])
    note_s, pitch = np.repeat(onset_s, 2), np.array([40, 44, 40, 45, 44, 40, 40, 40])
    chords, steps = chords_and_steps(onset_s, note_s, pitch)
    assert chords[0] == chords[2] != chords[1]
    assert chords[3] not in chords[:3]
    assert steps.tolist() == [50, 50, 50]


def test_within_counts_the_places_to_each_side() -> None:
    at = np.array([0.0, 10, 20, 30, 100])
    assert within(at, 10).tolist() == [[0, 1], [1, 1], [1, 1], [1, 0], [0, 0]]
    assert within(np.arange(200.0), 150)[100].tolist() == [REACH, REACH]


def test_snippets_of_equal_music_have_equal_numbers() -> None:
    melody = of_melody([*THEME, 60, 61, *THEME, 70, 71])
    shown = np.full((20, 2), 2)
    numbers = snippet_music(Windows(melody, shown))
    assert [at for at in range(10) if numbers[at] == numbers[at + 10]] == [2, 3, 4, 5]
    shown[3] = (2, 3)
    assert snippet_music(Windows(melody, shown))[3] != numbers[3]


@pytest.mark.parametrize("count", [1, 2, REACH + 2])
def test_short_and_long_pieces_have_a_column_for_every_reach(count: int) -> None:
    melody = of_melody(list(range(count)))
    assert melody.before.shape == melody.after.shape == (count, REACH + 1)
