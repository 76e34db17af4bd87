from __future__ import annotations

from typing import Any

import mido
import pytest

from benchmarks.suites.instruments import are_same, kind_of, notes_of


def performance(*parts: tuple[int, tuple[int, ...]]) -> Any:
    """A MIDI file with a channel for each (program, pitches); its pitches follow each other."""
    track = mido.MidiTrack()
    for channel, (program, _) in enumerate(parts):
        track.append(mido.Message("program_change", channel=channel, program=program))
    for channel, (_, pitches) in enumerate(parts):
        track.append(mido.Message("note_on", channel=channel, note=pitches[0], velocity=64))
        for pitch in pitches[1:]:
            track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=64, time=96))
    return mido.MidiFile(tracks=[track])


@pytest.mark.parametrize(
    ("programs", "kind"),
    [
        ((24,), "guitar"),
        ((19,), "organ"),
        ((0,), "keyboard"),
        ((52, 52, 53), "choir"),
        ((52, 0), "songs"),
        ((40,), "solo strings"),
        ((40, 40, 41, 42), "strings"),
        ((73, 60), "winds"),
        ((40, 73), "orchestra"),
        ((40, 0), "chamber with piano"),
        ((40, 24), "others"),
    ],
)
def test_the_kind_of_a_piece_is_told_by_its_instruments(programs: tuple[int, ...], kind: str) -> None:
    assert kind_of(performance(*((program, (60,)) for program in programs))) == kind


def test_a_part_and_its_score_are_the_same_music() -> None:
    melody, bass = tuple(range(60, 80)), tuple(range(40, 50))
    score, part = (notes_of(performance(*parts)) for parts in (((40, melody), (42, bass)), ((40, melody),)))
    assert are_same(score, part)
    assert are_same(part, score)
    other = notes_of(performance((40, melody[::-1])))
    assert not are_same(part, other)
