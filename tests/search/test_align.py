"""Following a whole recording: repeats, pauses, starts in the middle, applause; first on made-up embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.errors import BadInput, Unsure
from earmark.library.library import Library
from earmark.results.alignment import STEP_S, Alignment, Mark
from earmark.results.places import Place
from earmark.schema import FloatArray
from earmark.search.align import align
from earmark.search.track import Track

if TYPE_CHECKING:
    from tests.conftest import Melody, Music, WriteWav
    from tests.fake_encoders import FakeEncoders

HOP_PX, PLACES, EXCERPT_S = 8.0, 200, 0.25
BACKGROUND = 0.5
"""Above three deviations of the similarity of what has nothing to do with each other, 0.15 each."""
Floats = npt.NDArray[np.float64]


def line() -> Track:
    """One system, 1600 strip px long, over half of a page's width."""
    half, per_px = 50.0, 0.5 / (HOP_PX * PLACES)
    centres = (np.arange(PLACES) + 0.5) * HOP_PX
    boxes = [(max(0.0, c - half) * per_px, 0.1, min(HOP_PX * PLACES, c + half) * per_px, 0.2) for c in centres]
    return Track([Place(1, 1, box) for box in boxes], HOP_PX)


def embeddings() -> FloatArray:
    """Places whose similarity falls smoothly with their distance, as trained ones' does."""
    steps = np.random.default_rng(0).normal(size=(PLACES + 40, 48))
    smooth = np.stack([np.convolve(column, np.hanning(9), "valid") for column in steps.T], axis=1)[:PLACES]
    return unit(smooth)


def heard_at(strip_px: Floats, noise: float = 0.05) -> FloatArray:
    """What excerpts at these strip px sound like; NaN: like nothing in the piece."""
    seen, rng = embeddings(), np.random.default_rng(1)
    at = np.clip(np.nan_to_num(strip_px) / HOP_PX - 0.5, 0, PLACES - 1.001)
    below, rest = at.astype(int), (at % 1)[:, None]
    sound = seen[below] * (1 - rest) + seen[below + 1] * rest + rng.normal(0, noise, (len(at), seen.shape[1]))
    sound[np.isnan(strip_px)] = rng.normal(size=(int(np.isnan(strip_px).sum()), seen.shape[1]))
    return unit(sound)


def unit(rows: Floats) -> FloatArray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: FloatArray = (rows / lengths).astype(np.float32)
    return scaled


def followed_marks(strip_px: Floats, times_s: Floats) -> tuple[Mark, ...]:
    background = np.full(len(strip_px), BACKGROUND, np.float32)
    return align(heard_at(strip_px), times_s, len(strip_px) * EXCERPT_S, embeddings(), line(), background)


def followed(strip_px: Floats) -> tuple[Floats, Floats]:
    """Where the marks are at the excerpts' times, in strip px, and how sure."""
    times_s = (np.arange(len(strip_px), dtype=np.float64) + 0.5) * EXCERPT_S
    marks = followed_marks(strip_px, times_s)
    moments = [mark.time_s for mark in marks]
    np.testing.assert_allclose(np.diff(moments), STEP_S, atol=1e-6)
    px = np.interp(times_s, moments, [mark.strip_px for mark in marks])
    return px, np.interp(times_s, moments, [mark.confidence for mark in marks])


@settings(max_examples=20)
@given(start=st.floats(20, 400), px_per_s=st.floats(4, 100), rubato=st.floats(0, 0.8))
def test_the_mark_is_where_the_music_is_at_any_tempo_from_any_start(
    start: float, px_per_s: float, rubato: float
) -> None:
    time_s = np.arange(40) * EXCERPT_S
    played = start + px_per_s * (time_s + rubato * np.sin(time_s))
    px, confidences = followed(played)
    assert np.median(np.abs(px - played)) < 2.0
    assert np.abs(px - played).max() < 12.0
    assert (np.diff(px) >= -1e-6).all()
    assert confidences.min() > 0.5


def test_a_repeat_goes_back_and_a_second_ending_leaps_on() -> None:
    played = np.concatenate([np.arange(100, 700, 10.0), np.arange(100, 500, 10.0), np.arange(900, 1200, 10.0)])
    px, _ = followed(played)
    inside = np.ones(len(played), bool)
    inside[[59, 60, 99, 100]] = False  # beside the jumps
    assert np.abs(px - played)[inside].max() < 12.0


def test_what_sounds_like_nothing_of_the_piece_has_no_points() -> None:
    noise = np.full(40, np.nan)
    played = np.concatenate([noise, np.arange(400, 1000, 10.0), noise, np.arange(200, 400, 10.0)])
    times_s = (np.arange(len(played), dtype=np.float64) + 0.5) * EXCERPT_S
    marks = followed_marks(played, times_s)
    moments = np.array([mark.time_s for mark in marks])
    stretches = np.split(moments, np.flatnonzero(np.diff(moments) > 1.5 * STEP_S) + 1)
    bounds = [(stretch[0], stretch[-1]) for stretch in stretches]
    np.testing.assert_allclose(bounds, [(10.0, 25.0), (35.0, 40.0)], atol=2 * EXCERPT_S)
    first = (moments >= 10.5) & (moments <= 24.5)
    px = np.array([mark.strip_px for mark in marks])
    assert np.abs(px - np.interp(moments, times_s[40:100], played[40:100]))[first].max() < 12.0


def test_music_that_often_fits_little_has_points_throughout() -> None:
    count = 120
    played = np.arange(count) * 5.0 + 100
    is_poor = np.arange(count) % 8 >= 4
    sound = heard_at(np.where(is_poor, np.nan, played))
    times_s = (np.arange(count, dtype=np.float64) + 0.5) * EXCERPT_S
    fits = float(np.median((sound @ embeddings().T).max(axis=1)[~is_poor]))
    background = np.full(count, fits - 0.1, np.float32)  # 0.1 of evidence in every second excerpt
    marks = align(sound, times_s, count * EXCERPT_S, embeddings(), line(), background)
    assert marks[0].time_s <= 2.0
    assert marks[-1].time_s >= count * EXCERPT_S - 2.0
    np.testing.assert_allclose(np.diff([mark.time_s for mark in marks]), STEP_S, atol=1e-6)


def test_without_excerpts_there_are_no_points() -> None:
    assert align(np.zeros((0, 48), np.float32), np.zeros(0), 5.0, embeddings(), line(), np.zeros(0, np.float32)) == ()


def test_one_excerpt_is_enough() -> None:
    marks = followed_marks(np.array([640.0]), np.array([0.1]))
    assert [mark.time_s for mark in marks] == [0.0, 0.1, 0.2]
    assert marks[0].strip_px == pytest.approx(640.0, abs=8)
    assert marks[0].x == pytest.approx(0.2, abs=0.003)


NOTES = 120
"""Of every piece: five systems of 24 notes, 20 strip px and half a second each, three on the first page."""


@pytest.fixture
def library(encoders: FakeEncoders, music: Music, tmp_path: Path) -> Library:
    library = Library.open(tmp_path / "library", encoders)
    library.add(music.write_scores(tmp_path / "scores", 3, NOTES))
    return library


def off_by_s(alignment: Alignment, notes: npt.NDArray[np.int64], seconds_a_note: float, first_s: float = 0.0) -> Floats:
    """How late the mark is in the middle of every note, as time; inf where it is in another system."""
    points = {round(point.time_s / STEP_S): point for point in alignment.points}
    errors = []
    for i, note in enumerate(notes):
        point = points[round((first_s + (i + 0.5) * seconds_a_note) / STEP_S)]
        expected_x = (100 + 40 * (note % 24 + 0.5)) / 1160
        right = (point.page, point.system) == (1 + note // 72, 1 + note // 24 % 3)
        errors.append(abs(point.x - expected_x) / (40 / 1160) * seconds_a_note if right else np.inf)
    return np.array(errors)


@pytest.mark.parametrize("tempo", [0.8, 1.0, 1.25])
def test_a_recording_is_followed_through_pages_and_systems(
    library: Library, music: Music, tmp_path: Path, tempo: float
) -> None:
    recording = music.write_recording(tmp_path / "a.wav", music.melody(1, NOTES), tempo)
    heard: list[float] = []
    alignment = library.align(recording, "piece-1", heard.append)
    assert (alignment.piece, alignment.model) == ("piece-1", "fake-1")
    assert alignment.duration_s == pytest.approx(60 / tempo, abs=0.01)
    assert [(box.page, box.system) for box in alignment.systems] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    errors = off_by_s(alignment, np.arange(NOTES), 0.5 / tempo)
    assert np.median(errors) < 0.25
    assert (errors < 1.0).mean() > 0.95
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(1.0)


def repeated(melody: Melody) -> npt.NDArray[np.int64]:
    """The first two systems twice, then the rest."""
    return np.concatenate([np.arange(48), np.arange(len(melody))])


def test_a_repeat_and_a_pause_are_followed(library: Library, music: Music, tmp_path: Path, write_wav: WriteWav) -> None:
    melody = music.melody(2, NOTES)
    notes = repeated(melody)
    recording = music.write_recording(tmp_path / "a.wav", melody[notes])
    errors = off_by_s(library.align(recording), notes, 0.5)
    assert (errors < 1.0).mean() > 0.95
    with_pause = tmp_path / "pause.wav"
    samples = read(recording)
    write_wav(with_pause, np.concatenate([samples[: 22_050 * 40], np.zeros(22_050 * 15), samples[22_050 * 40 :]]))
    late = off_by_s(library.align(with_pause, "piece-2"), notes[80:], 0.5, first_s=55.0)
    assert (late < 1.0).mean() > 0.95


@pytest.mark.parametrize("given", [None, "piece-2"])
def test_a_tape_is_followed_through_its_pieces(
    library: Library, music: Music, tmp_path: Path, given: str | None
) -> None:
    pieces = [music.melody(1, NOTES)[:60], music.melody(99, 40), music.melody(2, NOTES)[:80]]
    alignment = library.align(music.write_recording(tmp_path / "tape.wav", np.concatenate(pieces)), given)
    assert {alignment.piece, *(other.piece for other in alignment.others)} == {"piece-1", "piece-2"}
    assert alignment.piece == (given or alignment.piece)
    named = alignment.by_time()
    assert [point.time_s for _, point in named] == sorted({point.time_s for _, point in named})
    for piece, start_s, end_s in (("piece-1", 0.0, 30.0), ("piece-2", 50.0, 90.0)):
        heard = [point.time_s for name, point in named if name == piece]
        inside = [start_s - 3.0 < time_s < end_s + 3.0 for time_s in heard]
        assert np.mean(inside) > 0.9
        assert STEP_S * sum(inside) > 0.8 * (end_s - start_s)


def read(path: Path) -> Floats:
    from earmark.audio.decode import read_samples

    return np.concatenate(list(read_samples(path))).astype(np.float64)


def test_a_piece_that_is_not_surely_found_is_not_followed(library: Library, music: Music, tmp_path: Path) -> None:
    stranger = music.write_recording(tmp_path / "b.wav", music.melody(99, 40))
    with pytest.raises(Unsure, match=r"b\.wav: is probably of no piece in this library"):
        library.align(stranger)
    with pytest.raises(BadInput, match="has no piece 'piece-9'"):
        library.align(stranger, "piece-9")


def test_silence_has_no_points(library: Library, tmp_path: Path, write_wav: WriteWav) -> None:
    silence = write_wav(tmp_path / "s.wav", np.zeros(22_050 * 10))
    assert library.align(silence, "piece-0").points == ()
    with pytest.raises(Unsure):
        library.align(silence)
