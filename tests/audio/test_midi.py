"""MIDI files sound like what is written in them."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest

from earmark.audio.midi import LONGEST_S, Note, play, read_notes
from earmark.audio.spectrogram import spectrogram
from earmark.errors import BadInput
from earmark.schema import FloatArray

TICKS_PER_S = 480  # at the tempo every file begins with


def write(path: Path, *messages: tuple[float, mido.Message | mido.MetaMessage]) -> Path:
    """A MIDI file of messages at seconds of the first tempo, 60 to the minute."""
    track, last = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000)]), 0
    for at_s, message in messages:
        tick = round(at_s * TICKS_PER_S)
        track.append(message.copy(time=tick - last))
        last = tick
    mido.MidiFile(ticks_per_beat=TICKS_PER_S, tracks=[track]).save(path)
    return path


def on(pitch: int, velocity: int = 100, channel: int = 0) -> mido.Message:
    return mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)


def off(pitch: int) -> mido.Message:
    return mido.Message("note_off", note=pitch)


def pedal(value: int) -> mido.Message:
    return mido.Message("control_change", control=64, value=value)


def sound(path: Path, start_s: float = 0.0, end_s: float | None = None) -> FloatArray:
    return np.concatenate(list(play(path, start_s, end_s)))


def test_notes_have_their_seconds_under_changing_tempo(tmp_path: Path) -> None:
    twice_as_fast = mido.MetaMessage("set_tempo", tempo=500_000)
    path = write(tmp_path / "a.mid", (0, on(60)), (1, off(60)), (1, twice_as_fast), (1, on(62, 50)), (3, on(62, 0)))
    assert read_notes(path) == [Note(0.0, 1.0, 60, 100), Note(1.0, 2.0, 62, 50)]


def test_the_damper_pedal_holds_and_a_struck_again_note_begins_anew(tmp_path: Path) -> None:
    events = [(0, pedal(127)), (0, on(60)), (0.5, off(60)), (1, on(60)), (1.5, off(60)), (2, pedal(0))]
    assert read_notes(write(tmp_path / "a.mid", *events)) == [Note(0.0, 1.0, 60, 100), Note(1.0, 2.0, 60, 100)]


def test_what_begins_after_hours_of_silence_says_so_and_what_is_held_until_then_is_played(tmp_path: Path) -> None:
    late = [(LONGEST_S + 1, on(62)), (LONGEST_S + 2, off(62))]
    with pytest.raises(BadInput, match="is silent for its first 6 hours; cut its start"):
        read_notes(write(tmp_path / "late.mid", *late))
    remarks: list[str] = []
    held = write(tmp_path / "held.mid", (0, on(60)), *late, (LONGEST_S + 3, off(60)))
    assert read_notes(held, remarks.append) == [Note(0.0, LONGEST_S, 60, 100)]
    assert remarks == ["goes on after 6 hours, which is not played"]


def test_drums_are_left_out_and_hanging_notes_end_with_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", (0, on(36, channel=9)), (0.5, on(60)), (2, pedal(0)))
    assert read_notes(path) == [Note(0.5, 2.0, 60, 100)]


def test_a_note_sounds_at_its_pitch_and_time(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", (1, on(69)), (2, off(69)), (3, on(76)), (4, off(76)))
    bands = spectrogram(sound(path))
    assert not bands[:18].any()
    assert bands[30].argmax() != bands[70].argmax()
    samples = sound(path)
    heard = np.abs(np.fft.rfft(samples[22_050 + 2000 : 2 * 22_050 - 2000]))
    assert np.argmax(heard) * 22_050 / (22_050 - 4000) == pytest.approx(440, abs=2)
    assert np.abs(samples).max() <= 1.0


def test_a_stretch_is_the_same_part_of_the_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", (0, on(60)), (15, off(60)), (15, on(64)), (25, off(64)))
    whole = sound(path)
    np.testing.assert_allclose(sound(path, 8.0, 16.5), whole[(8 * 22_050) : round(16.5 * 22_050)], atol=1e-6)


def test_what_is_no_midi_file_is_said(tmp_path: Path) -> None:
    good = write(tmp_path / "a.mid", (0, on(60)), (1, off(60)))
    cut = tmp_path / "cut.mid"
    cut.write_bytes(good.read_bytes()[:20])
    with pytest.raises(BadInput, match="has no notes"):
        sound(cut)
    with pytest.raises(BadInput, match="has no note in the range"):
        sound(good, start_s=5.0)
    with pytest.raises(BadInput, match="does not exist"):
        sound(tmp_path / "gone.mid")
