"""Performances: alive, within what people do, and known to the millisecond."""

from __future__ import annotations

import mido
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.corpus.humanise import DAMPER, LEAD_IN_S, MOST_ASYNCHRONY_S, humanise
from earmark.corpus.render import seconds, timed

QUARTER = 384
ROUNDING_S = 0.001
SEEDS = st.integers(0, 2**31)


def score(bars: int = 16, pedal: bool = False, signature: tuple[int, int] | None = None) -> mido.MidiFile:
    """Chords of three notes on every quarter, the same key struck again each time, at 120 to the minute."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)])
    if signature:
        track.append(mido.MetaMessage("time_signature", numerator=signature[0], denominator=signature[1]))
    for beat in range(4 * bars):
        root = 48 + 5 * (beat // 4 % 3)
        if pedal and beat % 4 == 0:
            track.append(mido.Message("control_change", control=DAMPER, value=127))
        track += [mido.Message("note_on", note=root + up, velocity=64) for up in (0, 4, 19)]
        track.append(mido.Message("note_off", note=root, time=QUARTER))
        track += [mido.Message("note_off", note=root + up) for up in (4, 19)]
    return mido.MidiFile(ticks_per_beat=QUARTER, tracks=[track])


def onsets(midi: mido.MidiFile) -> dict[int, npt.NDArray[np.float64]]:
    """Pitch → seconds of its note-ons, in order."""
    found: dict[int, list[int]] = {}
    for tick, message in timed(midi):
        if message.type == "note_on" and message.velocity:
            found.setdefault(message.note, []).append(tick)
    return {pitch: seconds(midi, ticks) for pitch, ticks in found.items()}


@settings(max_examples=20)
@given(SEEDS, st.sampled_from([0.5, 1.0, 1.5]))
def test_every_note_is_played_at_the_moment_that_is_stated(seed: int, tempo: float) -> None:
    written, performance = score(), humanise(score(), seed, tempo)
    played = onsets(performance.midi)
    for pitch, written_s in onsets(written).items():
        stated_s = performance.seconds_at(written_s / 0.5 * QUARTER)
        assert np.abs(played[pitch] - stated_s).max() <= MOST_ASYNCHRONY_S + ROUNDING_S


@settings(max_examples=20)
@given(SEEDS)
def test_no_key_is_struck_while_it_is_down(seed: int) -> None:
    down = set[int]()
    for _, message in timed(humanise(score(), seed).midi):
        if message.type == "note_on":
            assert message.note not in down
            down.add(message.note)
        elif message.type == "note_off":
            down.remove(message.note)
    assert not down


@pytest.mark.parametrize("tempo", [0.66, 1.0, 1.5])
def test_the_tempo_breathes_around_the_one_asked_for(tempo: float) -> None:
    local = []
    for seed in range(30):
        performance = humanise(score(), seed, tempo)
        written_s = seconds(score(), performance.score_ticks)
        assert performance.performed_s[0] == LEAD_IN_S
        assert (np.diff(performance.performed_s) > 0).all()
        local.append(np.diff(written_s) / np.diff(performance.performed_s) / tempo)
    middle = np.array(local)[:, : len(local[0]) * 3 // 4]
    assert np.median(middle) == pytest.approx(1.0, abs=0.05)
    assert 0.05 < middle.std() < 0.2
    assert 0.5 < middle.min() < middle.max() < 1.6
    assert np.array(local)[:, -1].max() < 0.9  # the final ritard


def test_the_melody_leads_and_is_louder() -> None:
    performance = humanise(score(), seed=3).midi
    times = onsets(performance)
    assert 0.005 < np.mean(times[52] - times[67]) < 0.03
    loud = {
        pitch: [m.velocity for _, m in timed(performance) if m.type == "note_on" and m.note == pitch]
        for pitch in (52, 67)
    }
    assert np.mean(loud[67]) > np.mean(loud[52]) + 8
    assert np.std(loud[67]) > 3


def test_the_pedal_is_changed_with_the_harmony_or_as_written() -> None:
    changes = [[t for t, m in timed(humanise(score(), seed).midi) if m.is_cc(DAMPER) and m.value] for seed in range(20)]
    assert {len(ticks) for ticks in changes} == {0, 16}
    written = humanise(score(pedal=True), seed=0)
    downs = [tick for tick, message in timed(written.midi) if message.is_cc(DAMPER)]
    stated_s = written.seconds_at(np.arange(16) * 4 * QUARTER)
    np.testing.assert_allclose(seconds(written.midi, downs), stated_s, atol=ROUNDING_S)


def test_a_seed_is_one_performance() -> None:
    first, again, other = (list(timed(humanise(score(), seed).midi)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_accents_follow_the_time_signature() -> None:
    strong, weak = list[int](), list[int]()
    for seed in range(12):
        midi = humanise(score(signature=(3, 4)), seed).midi
        heard = [m.velocity for _, m in timed(midi) if m.type == "note_on" and m.note in (67, 72, 77)]
        strong += heard[::3]
        weak += heard[1::3] + heard[2::3]
    assert np.mean(strong) > np.mean(weak) + 2


def test_silence_cannot_be_performed() -> None:
    with pytest.raises(ValueError, match="needs notes"):
        humanise(mido.MidiFile(ticks_per_beat=QUARTER, tracks=[mido.MidiTrack()]), seed=0)
