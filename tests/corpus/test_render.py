from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest

from earmark.corpus import render as render_module
from earmark.corpus.render import RELEASE_S, SAMPLE_RATE_HZ, find_piano, render, seconds
from earmark.errors import BadInput


def performance(*notes: tuple[int, int, int], tempo_us: int = 500_000, channel: int = 0) -> mido.MidiFile:
    """Notes (start tick, end tick, pitch), one after the other, at 480 ticks a quarter."""
    track, last = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=tempo_us)]), 0
    for start, end, pitch in notes:
        track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=64, time=start - last))
        track.append(mido.Message("note_off", channel=channel, note=pitch, time=end - start))
        last = end
    return mido.MidiFile(ticks_per_beat=480, tracks=[track])


def first_sound_s(samples: np.ndarray, after_s: float = 0.0) -> float:
    start = round(after_s * SAMPLE_RATE_HZ)
    return start / SAMPLE_RATE_HZ + int(np.argmax(np.abs(samples[start:]) > 1e-3)) / SAMPLE_RATE_HZ


@pytest.mark.parametrize("tempo", [0.5, 1.0, 2.0])
def test_a_note_sounds_at_its_onset(piano: str, tempo: float) -> None:
    samples = render(performance((480, 960, 69)), piano, tempo)
    assert samples.dtype == np.float32
    assert len(samples) == round((1.0 / tempo + RELEASE_S) * SAMPLE_RATE_HZ)
    assert np.abs(samples).max() < 1
    assert first_sound_s(samples) == pytest.approx(0.5 / tempo, abs=0.015)


def test_a_note_has_its_pitch_and_the_percussion_is_left_out(piano: str) -> None:
    samples = render(performance((0, 960, 69)), piano)[: SAMPLE_RATE_HZ // 2]
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * SAMPLE_RATE_HZ / len(samples) == pytest.approx(440, abs=3)
    assert np.abs(render(performance((0, 960, 40), channel=9), piano)).max() < 1e-3


def test_a_performance_sounds_the_same_whatever_was_played_before(piano: str) -> None:
    held = performance((0, 480, 60))
    held.tracks[0].insert(1, mido.Message("control_change", control=64, value=127))
    notes = performance((0, 480, 72))
    before = render(notes, piano)
    render(held, piano)
    np.testing.assert_array_equal(render(notes, piano), before)


def test_seconds_follow_the_tempo_map() -> None:
    track = mido.MidiTrack(
        [
            mido.MetaMessage("set_tempo", tempo=1_000_000, time=0),
            mido.MetaMessage("set_tempo", tempo=500_000, time=480),
            mido.MetaMessage("end_of_track", time=960),
        ]
    )
    file = mido.MidiFile(ticks_per_beat=480, tracks=[track])
    np.testing.assert_allclose(seconds(file, [0, 240, 480, 720, 1440]), [0, 0.5, 1, 1.25, 2])
    assert seconds(file, [1440])[0] == pytest.approx(file.length)


def test_a_piano_that_is_not_there_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="is no piano; choose from fluidr3-0-0"):
        find_piano("steinway")
    elsewhere = render_module.Piano("fluidr3-0-0", Path("/nowhere.sf2"), "fluid-soundfont-gm", 0, 0)
    monkeypatch.setitem(render_module.PIANOS, "fluidr3-0-0", elsewhere)
    with pytest.raises(BadInput, match="apt-get install fluid-soundfont-gm"):
        find_piano("fluidr3-0-0")
