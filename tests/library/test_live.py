"""Listening as sound comes: it finds the piece, follows it, and lets go of what is past."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from earmark.audio.rate import speed
from earmark.library.library import Library
from earmark.library.live import Follower, Heard, Listener, Now
from earmark.library.live_excerpts import LiveExcerpts

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

RATE_HZ = 22_050
NOTES = 120
NOTE_S = 0.5


@pytest.fixture
def library(music: Music, encoders: FakeEncoders, tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", encoders) as library:
        library.add(music.write_scores(tmp_path / "scores", 3, NOTES))
        yield library


def sound(music: Music, path: Path, seed: int, first: int, last: int, lower: int = 0) -> np.ndarray:
    """Notes ``first`` to ``last`` of a piece as int16 samples, so many semitones lower, and so slow that raised sound
    has the usual tempo."""
    music.write_recording(path, music.melody(seed, NOTES)[:last], 1 / speed(lower), first, semitones=-lower)
    with av.open(str(path)) as file:
        return np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])


def play(listener: Listener, pcm: np.ndarray, portion_s: float = 0.4) -> list[Heard]:
    """All answers to sound that comes in portions."""
    size = round(portion_s * RATE_HZ)
    answers = []
    for start in range(0, len(pcm), size):
        listener.hear(pcm[start : start + size])
        answers.append(listener.answer())
    return answers


def test_the_piece_is_found_and_followed(library: Library, music: Music, tmp_path: Path) -> None:
    answers = play(Listener(library, RATE_HZ), sound(music, tmp_path / "a.wav", 1, 30, 70))
    assert answers[0].hits == ()
    sure = [answer for answer in answers if answer.confident]
    assert 3 <= sure[0].heard_s < 8  # of less than two seconds' excerpts nothing is sure, however well it fits
    for answer in sure[4:]:
        assert answer.hits[0].piece == "piece-1"
        assert answer.now is not None
        note = 30 + answer.heard_s / NOTE_S
        page, system = divmod(int(note) // 24, 3)
        off = (answer.now.page - 1 - page) * 3 + answer.now.system - 1 - system
        x = (100 + 40 * (note % 24)) / 1160
        assert abs(off + (answer.now.x - x)) < 0.1 or abs(off) == 1  # a system's end is the next one's start
    assert sure[-1].level == pytest.approx(0.3 / 2**0.5, abs=0.02)


def test_a_part_for_a_horn_is_found_and_followed_by_who_says_so(library: Library, music: Music, tmp_path: Path) -> None:
    pcm = sound(music, tmp_path / "horn.wav", 1, 30, 70, lower=7)
    assert not any(answer.confident for answer in play(Listener(library, RATE_HZ), pcm))
    listener = Listener(library, RATE_HZ, semitones=7)
    answers = play(listener, pcm)
    assert answers[-1].heard_s == pytest.approx(len(pcm) / RATE_HZ, abs=0.01)
    sure = [answer for answer in answers if answer.confident]
    assert sure[0].heard_s < 8 * speed(7)
    follower = Follower(library, listener.excerpts, sure[-1].hits[0].piece_id, page=2)
    for now in (sure[-1].now, follower.answer().now):
        assert now is not None
        page, system = divmod(69 // 24, 3)
        assert (now.page - 1 - page) * 3 + now.system - 1 - system in (-1, 0)


def test_the_next_piece_takes_over_and_what_was_heard_can_be_forgotten(
    library: Library, music: Music, tmp_path: Path
) -> None:
    listener = Listener(library, RATE_HZ)
    play(listener, sound(music, tmp_path / "a.wav", 1, 30, 60))
    listener.forget()
    assert listener.answer().hits == ()
    after = play(listener, sound(music, tmp_path / "b.wav", 2, 10, 40))
    assert after[-1].hits[0].piece == "piece-2"
    assert after[-1].heard_s == pytest.approx(30, abs=0.1)
    assert play(listener, sound(music, tmp_path / "c.wav", 0, 10, 90))[-1].hits[0].piece == "piece-0"


def test_silence_is_no_piece(library: Library) -> None:
    answers = play(Listener(library, RATE_HZ), np.zeros(5 * RATE_HZ, np.int16))
    assert {(answer.level, answer.confident, answer.hits, answer.now) for answer in answers} == {(0.0, False, (), None)}


def test_any_rate_and_any_portions_are_the_same_sound(library: Library, music: Music, tmp_path: Path) -> None:
    pcm = sound(music, tmp_path / "a.wav", 1, 30, 60)
    one = play(Listener(library, RATE_HZ), pcm)[-1]
    other = play(Listener(library, RATE_HZ), pcm, portion_s=1.7)[-1]
    assert (one.hits[0].piece, one.now) == (other.hits[0].piece, other.now)
    doubled = Listener(library, 2 * RATE_HZ)
    doubled.hear(np.repeat(pcm, 2))
    assert doubled.answer().hits[0].piece == "piece-1"
    assert doubled.excerpts.heard_s == pytest.approx(15, abs=0.1)


def test_memory_is_bounded(library: Library) -> None:
    listener = Listener(library, RATE_HZ)
    play(listener, np.zeros(60 * RATE_HZ, np.int16), portion_s=1.0)
    assert len(listener.excerpts._samples) < 8 * RATE_HZ


def test_a_library_that_changes_meanwhile_is_looked_up_again(library: Library, music: Music, tmp_path: Path) -> None:
    listener = Listener(library, RATE_HZ)
    pcm = sound(music, tmp_path / "a.wav", 1, 30, 60)
    assert play(listener, pcm[: 10 * RATE_HZ])[-1].hits[0].piece == "piece-1"
    library.remove("piece-1")
    after = play(listener, pcm[10 * RATE_HZ :])[-1]
    assert "piece-1" not in [hit.piece for hit in after.hits]


def test_rests_are_heard_also_above_noise(library: Library, music: Music, tmp_path: Path) -> None:
    excerpts = LiveExcerpts(library.model, RATE_HZ)
    notes, silence = sound(music, tmp_path / "a.wav", 1, 0, 12), np.zeros(RATE_HZ, np.int16)
    pcm = np.concatenate([notes, silence, notes // 8])
    excerpts.hear((pcm + np.random.default_rng(0).normal(0, 60, len(pcm))).astype(np.int16))
    excerpts.read()
    between = (excerpts.times_s > 6.1) & (excerpts.times_s < 6.9)
    assert excerpts.rests[between].all()
    assert not excerpts.rests[(excerpts.times_s < 5.9) | (excerpts.times_s > 7.1)].any()  # soft music is music
    assert len(excerpts.levels) == len(excerpts.times_s)


def test_a_piece_is_followed_through_a_stop_and_back(library: Library, music: Music, tmp_path: Path) -> None:
    piece = next(piece for piece in library.pieces() if piece.name == "piece-1")
    follower = Follower(library, LiveExcerpts(library.model, RATE_HZ), piece.id)
    silence = np.zeros(2 * RATE_HZ, np.int16)
    ahead, back = (sound(music, tmp_path / f"{i}.wav", 1, first, first + 16) for i, first in enumerate((76, 10)))
    told = [now(follower, part) for part in (ahead, silence, back)]
    assert [place and (place.page, place.system) for place in told] == [(2, 1), (2, 1), (1, 2)]
    with pytest.raises(KeyError):
        Follower(library, LiveExcerpts(library.model, RATE_HZ), 999)


def now(follower: Follower, pcm: np.ndarray) -> Now | None:
    """Where the music is at the end of these samples."""
    size = round(0.4 * RATE_HZ)
    for start in range(0, len(pcm), size):
        follower.hear(pcm[start : start + size])
        answer = follower.answer()
    return answer.now
