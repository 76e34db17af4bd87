"""Music that sounds in another key than it is printed in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earmark.answers.look_up import Answer
from earmark.answers.other_keys import PROBED_S, in_other_key, middle
from earmark.answers.verdict import NOTHING, Verdict
from earmark.audio.rate import speed
from earmark.errors import Unsure
from earmark.library.library import Library
from earmark.results.findings import Hit
from earmark.results.keys import KEYS, remark

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

NOTES = 60


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


@pytest.fixture
def library(encoders: FakeEncoders, music: Music, tmp_path: Path) -> Library:
    library = Library.open(tmp_path / "library", encoders)
    library.add(music.write_scores(tmp_path / "scores", 3, NOTES))
    return library


def test_a_part_for_a_transposing_instrument_is_found_and_followed(
    library: Library, music: Music, tmp_path: Path
) -> None:
    faster = speed(7)
    horn = music.write_recording(tmp_path / "horn.wav", music.melody(1, NOTES), 1 / faster, 20, semitones=-7)
    found = library.find(horn)
    first = found.hits[0]
    assert (found.confident, found.semitones, first.piece) == (True, 7, "piece-1")
    assert found.remarks == tuple(remark(7))
    assert first.query_time_s is not None
    assert 0 < first.query_time_s < found.query_duration_s == pytest.approx(20 * faster, abs=0.1)
    for piece in (None, "piece-1"):
        alignment = library.align(horn, piece)
        assert (alignment.piece, alignment.semitones) == ("piece-1", 7)
        assert alignment.points[-1].time_s == pytest.approx(20 * faster, abs=2.5)
        assert alignment.points[-1].strip_px - alignment.points[0].strip_px == pytest.approx(40 * 20, rel=0.15)


def test_the_piece_that_is_named_is_not_raised_to_fit_another(library: Library, music: Music, tmp_path: Path) -> None:
    horn = music.write_recording(tmp_path / "horn.wav", music.melody(1, NOTES), 1 / speed(7), semitones=-7)
    assert library.align(horn, "piece-2").semitones == 0


def test_what_is_not_there_is_not_found_in_another_key(library: Library, music: Music, tmp_path: Path) -> None:
    other = music.write_recording(tmp_path / "other.wav", music.melody(9, NOTES))
    found = library.find(other)
    assert (found.confident, found.semitones, found.remarks) == (False, 0, ())
    with pytest.raises(Unsure):
        library.align(other)


def test_what_is_sure_as_it_sounds_is_not_asked_again(library: Library, music: Music, tmp_path: Path) -> None:
    found = library.find(music.write_recording(tmp_path / "a.wav", music.melody(1, NOTES)))
    assert (found.confident, found.semitones, found.hits[0].piece) == (True, 0, "piece-1")
