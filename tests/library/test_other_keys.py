"""What sounds in another key than it is printed in, asked of a library."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from earmark.answers.look_up import Answer
from earmark.answers.other_keys import PROBED_S
from earmark.answers.verdict import NOTHING
from earmark.audio.decode import read_samples
from earmark.audio.rate import speed
from earmark.embed.recording import EmbeddedRecording
from earmark.errors import Unsure
from earmark.library.library import Library
from earmark.library.other_keys import OtherKeys
from earmark.results.identified import Stretch
from earmark.results.keys import remark
from earmark.sandbox.sandbox import Sandbox
from earmark.store.store import Piece
from tests.fake_encoders import flat_background

if TYPE_CHECKING:
    from tests.conftest import Music, WriteWav
    from tests.fake_encoders import FakeEncoders

NOTES = 60


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


def test_a_long_recording_is_followed_in_another_key(encoders: FakeEncoders, music: Music, tmp_path: Path) -> None:
    notes, faster = 140, speed(7)
    with Library.open(tmp_path / "library", encoders) as library:
        library.add(music.write_scores(tmp_path / "scores", 3, notes))
        horn = music.write_recording(tmp_path / "horn.wav", music.melody(1, notes), 1 / faster, semitones=-7)
        alignment = library.align(horn)
    assert (alignment.piece, alignment.semitones) == ("piece-1", 7)
    assert PROBED_S < alignment.duration_s == pytest.approx(notes / 2 * faster, abs=0.1)
    assert alignment.points[0].time_s < 4.0
    assert alignment.points[-1].time_s == pytest.approx(alignment.duration_s, abs=4.0)


def test_a_tape_is_told_in_the_keys_that_are_printed(
    encoders: FakeEncoders, music: Music, tmp_path: Path, write_wav: WriteWav
) -> None:
    """One piece as it is printed, silence, one a fifth lower, silence, and music that nobody has, lower, too."""
    notes, faster = 100, speed(7)
    encoders.calibration = replace(
        encoders.calibration,
        backgrounds=dict.fromkeys(("score", "recording"), flat_background(0.75, encoders.dimension)),
    )
    parts = []
    for seed, tempo, lower in ((0, 1.0, 0), (1, 1 / faster, 7), (99, 1 / faster, 7)):
        wav = music.write_recording(tmp_path / "part.wav", music.melody(seed, notes), tempo, 20, semitones=-lower)
        parts += [np.concatenate(list(read_samples(wav))).astype(np.float64), np.zeros(22_050 * 15)]
    with Library.open(tmp_path / "library", encoders) as library:
        library.add(music.write_scores(tmp_path / "scores", 3, notes))
        told = library.identify(write_wav(tmp_path / "tape.wav", np.concatenate(parts)))
    pieces = [(one.what, one.piece, one.sure, one.semitones) for one in told.stretches if one.what != "silence"]
    assert pieces == [("piece", "piece-0", True, 0), ("piece", "piece-1", True, 7), ("unknown", "", False, 0)]
    horn = told.stretches[2]
    np.testing.assert_allclose((horn.start_s, horn.end_s), (55, 55 + 40 * faster), atol=3.0)
    assert horn.called == "piece-1 (7 semitones lower)"
    assert [one.end_s for one in told.stretches[:-1]] == [one.start_s for one in told.stretches[1:]]
    assert told.stretches[-1].end_s == told.duration_s


def test_what_is_known_here_and_there_beside_its_key_is_known_whole_in_it(encoders: FakeEncoders) -> None:
    class Tape(OtherKeys):
        """Piece 1, then piece 2 after talking, both a semitone low; as it sounds only parts of 1 are known."""

        def read(self, semitones: int, start_s: float = 0.0, end_s: float | None = None) -> EmbeddedRecording:
            assert end_s is not None
            return EmbeddedRecording(np.zeros((0, 2), np.float32), np.array([semitones, start_s]), end_s - start_s)

        def key(self, start_s: float, duration_s: float, piece: Piece | None = None) -> int:
            return 1 if start_s >= 110 else 0

    def hear(recording: EmbeddedRecording) -> list[Stretch]:
        semitones, start_s = recording.times_s
        piece = 1 if start_s < 110 else 2
        return [
            Stretch(0, recording.duration_s, piece_id=piece, piece=f"{piece}", confidence=0.999, sure=semitones == 1)
        ]

    known = Stretch(0, 40, piece_id=1, piece="1", confidence=0.995, sure=True)
    told = [
        known,
        Stretch(40, 60),
        replace(known, start_s=60, end_s=100),
        Stretch(100, 110, sound="talking"),
        Stretch(110, 200),
    ]
    tape = Tape(Path("tape.wav"), encoders, Sandbox(), lambda query, top: Answer((), (), NOTHING))
    found = [(one.start_s, one.end_s, one.piece, one.semitones) for one in tape.stretches(told, hear)]
    assert found == [(0, 100, "1", 1), (100, 110, "", 0), (110, 200, "2", 1)]


def test_performances_in_two_keys_are_compared(library: Library, music: Music, tmp_path: Path) -> None:
    takes = [
        music.write_recording(tmp_path / f"{lower}.wav", music.melody(1, NOTES), 1 / speed(lower), semitones=-lower)
        for lower in (0, 7)
    ]
    printed, lower = library.compare("piece-1", takes).relative()
    both = np.array([printed, lower], np.float64)
    assert np.isfinite(both).all(axis=0).mean() > 0.7
    assert np.nanmedian(both[0] / both[1]) == pytest.approx(speed(7), abs=0.1)
