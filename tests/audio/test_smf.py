"""MIDI files that other readers refuse: every one with notes is played."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from earmark.audio.midi import LONGEST_S, Note, play, read_notes
from earmark.audio.sound import is_midi, read_sound, stated_duration_s
from earmark.errors import BadInput

END = b"\x00\xff\x2f\x00"
BEAT = b"\x83\x60"
"""480 ticks."""


def header(kind: int = 0, tracks: int = 1, division: int = 480, extra: bytes = b"") -> bytes:
    words = (number.to_bytes(2, "big") for number in (kind, tracks, division))
    return b"MThd" + (6 + len(extra)).to_bytes(4, "big") + b"".join(words) + extra


def chunk(content: bytes, name: bytes = b"MTrk") -> bytes:
    return name + len(content).to_bytes(4, "big") + content


def note(pitch: int = 60, length: bytes = BEAT, channel: int = 0, delta: bytes = b"\x00") -> bytes:
    return delta + bytes([0x90 | channel, pitch, 100]) + length + bytes([0x80 | channel, pitch, 0])


def write(folder: Path, content: bytes, name: str = "a.mid") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


ONE = [Note(0.0, 0.5, 60, 100)]
TWO = [*ONE, Note(0.5, 1.0, 62, 100)]
TRACK = chunk(note() + note(62) + END)

KINDS = {
    "format 0": (header() + TRACK, TWO),
    "no end of track": (header() + chunk(note() + note(62)), TWO),
    "track count too high": (header(1, 9) + TRACK, TWO),
    "track count zero": (header(1, 0) + TRACK, TWO),
    "longer header": (header(extra=b"more") + TRACK, TWO),
    "foreign chunk first": (header() + chunk(b"anything", b"XFIH") + TRACK, TWO),
    "foreign chunk last": (header() + TRACK + chunk(b"\x00\x01", b"CASM"), TWO),
    "rubbish last": (header() + TRACK + bytes(range(128, 200)), TWO),
    "track length zero": (header() + b"MTrk" + bytes(4) + TRACK[8:], TWO),
    "track length too great": (header() + b"MTrk\x7f\xff\xff\xff" + TRACK[8:], TWO),
    "preamble": (bytes(128) + header() + TRACK, TWO),
    "RMID": (b"RIFF" + bytes(4) + b"RMIDdata" + bytes(4) + header() + TRACK + b"LIST\x04\x00\x00\x00INFO", TWO),
    "key signature of 18 flats": (header() + chunk(b"\x00\xff\x59\x02\xee\x01" + TRACK[8:]), TWO),
    "key signature of one byte": (header() + chunk(b"\x00\xff\x59\x01\x00" + TRACK[8:]), TWO),
    "time signature of two bytes": (header() + chunk(b"\x00\xff\x58\x02\x04\x02" + TRACK[8:]), TWO),
    "unknown meta event": (header() + chunk(b"\x00\xff\x6d\x03abc" + TRACK[8:]), TWO),
    "tempo of two bytes": (header() + chunk(b"\x00\xff\x51\x02\x01\x02" + TRACK[8:]), TWO),
    "tempo zero": (header() + chunk(b"\x00\xff\x51\x03\x00\x00\x00" + TRACK[8:]), TWO),
    "system exclusive": (header() + chunk(b"\x00\xf0\x03\x43\x12\xf7" + TRACK[8:]), TWO),
    "running status": (
        header() + chunk(b"\x00\x90\x3c\x64" + BEAT + b"\x3c\x00\x00\x3e\x64" + BEAT + b"\x3e\x00"),
        TWO,
    ),
    "velocity above 127": (header() + chunk(b"\x00\x90\x3c\xc8" + BEAT + b"\x80\x3c\x00"), [Note(0.0, 0.5, 60, 127)]),
    "division zero": (header(division=0) + TRACK, TWO),
    "SMPTE, 25 frames of 40": (
        header(division=0xE728) + chunk(note(length=b"\x83\x74") + note(62, length=b"\x83\x74")),
        TWO,
    ),
    "SMPTE, 29.97 frames of 100": (
        header(division=0xE364) + chunk(note(length=b"\x97\x35")),
        [Note(0.0, 2997 * 1001 / 3_000_000, 60, 100)],
    ),
    "cut in an event": (header() + chunk(note() + note(62))[:-2], [*ONE, Note(0.5, 0.5, 62, 100)]),
    "damaged after a note": (header() + chunk(note() + b"\x00\xf5\xff\xff\xff\xff"), ONE),
    "format 1": (header(1, 2) + chunk(note()) + chunk(note(64)), [*ONE, Note(0.0, 0.5, 64, 100)]),
    "format 2, one after another": (header(2, 2) + chunk(note()) + chunk(note(62)), TWO),
    "format 2, parts": (
        header(2, 2) + chunk(note() + note(62)) + chunk(note(48, channel=1) + note(50, channel=1)),
        [Note(0.0, 0.5, 48, 100), ONE[0], Note(0.5, 1.0, 50, 100), TWO[1]],
    ),
    "percussion beside": (header() + chunk(note(36, channel=9, length=b"\x00") + TRACK[8:]), TWO),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_with_notes_is_played(tmp_path: Path, kind: str) -> None:
    content, expected = KINDS[kind]
    path = write(tmp_path, content)
    found = read_notes(path)
    assert [(one.pitch, one.velocity) for one in found] == [(one.pitch, one.velocity) for one in expected]
    np.testing.assert_allclose(
        [(one.onset_s, one.end_s) for one in found], [(one.onset_s, one.end_s) for one in expected], atol=1e-9
    )
    assert stated_duration_s(path) == pytest.approx(expected[-1].end_s + 0.1, abs=1e-3)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("format 0", []),
        ("no end of track", []),
        ("division zero", ["does not say how long a beat is; 480 ticks are supposed"]),
        ("cut in an event", ["is damaged; what could be read of it is played"]),
        ("damaged after a note", ["is damaged; what could be read of it is played"]),
    ],
)
def test_what_is_amiss_is_said(tmp_path: Path, kind: str, said: list[str]) -> None:
    remarks: list[str] = []
    read_notes(write(tmp_path, KINDS[kind][0]), remarks.append)
    assert remarks == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (header() + chunk(note(36, channel=9)), "has percussion only, which is not played"),
        (header() + chunk(b"\x00\xff\x59\x02\xee\x01" + END), "has no notes"),
        (header()[:9], "is no MIDI file, or a damaged one"),
        (b"", "is empty"),
    ],
)
def test_a_file_without_notes_is_bad_input(tmp_path: Path, content: bytes, said: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(BadInput, match=said):
        list(play(path))


def test_a_midi_file_is_known_by_name_and_by_content(tmp_path: Path) -> None:
    assert is_midi(write(tmp_path, header() + TRACK, "untold"))
    assert is_midi(write(tmp_path, KINDS["RMID"][0], "untold too"))
    assert is_midi(write(tmp_path, KINDS["preamble"][0], "a.kar"))
    assert not is_midi(write(tmp_path, b"RIFF....WAVE", "a.wav"))
    assert not is_midi(tmp_path / "gone")


def test_notes_of_hours_take_seconds(tmp_path: Path) -> None:
    struck = b"".join(b"\x00" + bytes([0x90 | channel, pitch, 100]) for channel in range(9) for pitch in range(128))
    held = b"\x83\xd2\xd8\x00\xb0\x07\x40"  # more than two hours later
    path = write(tmp_path, header() + chunk(struck * 2 + held + struck))
    begin = time.process_time()
    seconds = sum(map(len, read_sound(path))) / 22_050
    assert time.process_time() - begin < 20
    assert 7000 < seconds < 9000


def test_what_comes_after_hours_is_left_out_and_said(tmp_path: Path) -> None:
    remarks: list[str] = []
    days = b"\x00\xb0\x07\x40" + b"\xff\xff\xff\x7f\xb0\x07\x40" * 3
    path = write(tmp_path, header() + chunk(note() + days + note(62)))
    assert read_notes(path, remarks.append) == ONE
    assert remarks == [f"goes on after {LONGEST_S / 3600:.0f} hours, which is not played"]


def test_of_very_many_voices_the_oldest_end(tmp_path: Path) -> None:
    path = write(tmp_path, header() + chunk(b"".join(note(pitch % 128, b"\x00") for pitch in range(30_000))))
    begin = time.process_time()
    assert sum(map(len, play(path))) > 0
    assert time.process_time() - begin < 20
