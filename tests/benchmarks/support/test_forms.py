from __future__ import annotations

import mido
import numpy as np

from benchmarks.support.forms import Form, unfold


def test_a_form_plays_its_parts_in_order() -> None:
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=250_000)])
    for kind, note, time in (("on", 60, 0), ("off", 60, 3000), ("on", 64, 1000), ("on", 67, 1500), ("off", 67, 500)):
        track.append(mido.Message(f"note_{kind}", note=note, time=time))
    track.append(mido.Message("note_off", note=64, time=2000))
    score = mido.MidiFile(ticks_per_beat=384, tracks=[track])
    tick, system = np.array([0, 4000, 5500]), np.array([0, 1, 1])
    assert Form("once").parts(tick, system, 8000) == [(0, 8000)]
    parts = Form("repeat", "AaB").parts(np.array([0, 1000, 4000, 5500]), np.array([0, 0, 1, 1]), 8000)
    assert parts == [(0, 4000), (0, 1000), (4000, 8000)]
    played, now = [], 0
    for message in unfold(score, parts).tracks[0]:
        now += message.time
        if message.type in ("note_on", "note_off"):
            played.append((now, message.type, message.note))
    assert played == [
        (0, "note_on", 60),
        (3000, "note_off", 60),
        (4000, "note_on", 60),
        (5000, "note_off", 60),
        (5000, "note_on", 64),
        (6500, "note_on", 67),
        (7000, "note_off", 67),
        (9000, "note_off", 64),
    ]
