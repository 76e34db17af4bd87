"""Following while music is heard: on, through stops, and back after jumps."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.search.tracker import Tracker, speed

PLACES, HOP_PX, EVERY_S = 200, 8.0, 0.25
ALL = np.ones(PLACES, bool)


def excerpt(*places: int, worth: float = 0.2) -> np.ndarray:
    """Evidence for these places and a little for those beside them."""
    evidence = np.zeros(PLACES, np.float32)
    for place in places:
        evidence[max(0, place - 1) : place + 2] = worth / 2
        evidence[place] = worth
    return evidence


def hear(tracker: Tracker, places: list[int], start_s: float) -> float:
    """Excerpts at these places, one after the other; the moment after the last."""
    for i, place in enumerate(places):
        tracker.hear(excerpt(place), start_s + i * EVERY_S)
    return start_s + len(places) * EVERY_S


def test_it_goes_on_as_fast_as_the_music() -> None:
    tracker = Tracker(ALL, HOP_PX)
    assert tracker.evidence == 0.0
    end_s = hear(tracker, list(range(40, 80, 2)), 0.0)
    assert tracker.at(end_s - EVERY_S) == 78
    assert tracker.at(end_s) == pytest.approx(80)
    assert tracker.at(end_s + 60) <= 86.1  # the music has stopped
    assert tracker.evidence == pytest.approx(0.2)


def test_after_a_jump_it_is_found_again_within_some_excerpts() -> None:
    tracker = Tracker(ALL, HOP_PX)
    end_s = hear(tracker, list(range(100, 130)), 0.0)
    end_s = hear(tracker, [20, 21], end_s)
    assert tracker.at(end_s - EVERY_S) > 100  # some wrong notes are no reason to jump
    end_s = hear(tracker, [22, 23], end_s)
    assert tracker.at(end_s - EVERY_S) == 23


def test_after_a_rest_it_is_found_again_at_once() -> None:
    tracker = Tracker(ALL, HOP_PX)
    end_s = hear(tracker, list(range(100, 130)), 0.0)
    tracker.rest()
    end_s = hear(tracker, [20], end_s + 1.0)
    assert tracker.at(end_s - EVERY_S) == 20
    end_s = hear(tracker, [60], end_s)
    assert tracker.at(end_s - EVERY_S) < 30  # one rest is no reason for two jumps


def test_of_two_like_passages_the_one_that_is_open_is_followed() -> None:
    likely = np.arange(PLACES) >= 100
    tracker = Tracker(likely, HOP_PX)
    for i in range(8):
        tracker.hear(excerpt(10 + i, 110 + i), i * EVERY_S)
    assert tracker.at(7 * EVERY_S) == 117


def test_speed_is_that_of_the_path_since_its_last_jump() -> None:
    times_s = np.arange(12) / 4
    assert speed(np.arange(12), times_s, HOP_PX) == 4.0
    assert speed(np.array([50, 51, 52, 53, 2, 4, 6, 8, 10, 12, 14, 16]), times_s, HOP_PX) == 8.0
    assert speed(np.array([3]), times_s[:1], HOP_PX) == 0.0
