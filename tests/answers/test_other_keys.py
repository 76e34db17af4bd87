"""Music that sounds in another key than it is printed in."""

from __future__ import annotations

import pytest

from earmark.answers.look_up import Answer
from earmark.answers.other_keys import PROBED_S, in_other_key, middle
from earmark.answers.verdict import NOTHING, Verdict
from earmark.results.findings import Hit
from earmark.results.keys import KEYS


def heard(confidences: dict[int, float], asked: list[int] | None = None) -> int:
    """The key in which music is known that is known in some keys, so surely; 0.5 is sure as it sounds."""

    def ask(semitones: int) -> Answer:
        if asked is not None:
            asked.append(semitones)
        confidence = confidences.get(semitones, 0.1)
        hit = Hit(1, 3, "p", "p.pdf", confidence, 1, 1, (0, 0, 1, 1), 0.0)
        return Answer((hit,), (), Verdict(True, "surely", "") if confidence >= 0.5 else NOTHING)

    return in_other_key(ask)


@pytest.mark.parametrize(
    ("confidences", "key"),
    [
        ({}, 0),
        ({7: 0.995}, 7),
        ({7: 0.98}, 0),
        ({2: 0.99, 1: 0.995, 0: 0.3}, 1),
        ({7: 0.99, -5: 0.995, -4: 0.999}, -4),
        ({-2: 0.99, 0: 0.4}, -2),
        ({9: 0.99, 10: 0.999, 11: 0.995}, 10),
        ({0: 0.6, 2: 0.999}, 0),
    ],
)
def test_the_surest_of_near_keys_is_the_right_one(confidences: dict[int, float], key: int) -> None:
    assert heard(confidences) == key


def test_every_key_is_asked_once_at_most() -> None:
    asked: list[int] = []
    heard({}, asked)
    assert sorted(asked) == sorted((0, *KEYS))
    heard({4: 0.995}, asked := [])
    assert len(asked) == len(set(asked))


def test_a_long_recording_is_asked_about_by_its_middle() -> None:
    assert middle(10.0, 20.0) == (10.0, 30.0)
    assert middle(10.0, 3 * PROBED_S) == (10.0 + PROBED_S, 10.0 + 2 * PROBED_S)
