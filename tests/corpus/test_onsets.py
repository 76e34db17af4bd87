from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.corpus.engrave_lilypond import NoteHead
from earmark.corpus.onsets import find_onsets, pair_in_order


def head(score: int, main: Fraction | int, pitch: int, *, grace: Fraction | int = 0, held: bool = False) -> NoteHead:
    return NoteHead(score, Fraction(main), Fraction(grace), pitch, held, 0, 0, 0, (0, 0, 0, 0))


def write_midi(path: Path, notes: list[tuple[int, int, int]], tempo_us: int = 500_000) -> Path:
    """Write notes (start tick, end tick, pitch) as LilyPond does: 384 ticks a quarter, tempo in a track of its own."""
    events = sorted(
        [(start, "note_on", pitch) for start, _, pitch in notes] + [(end, "note_off", pitch) for _, end, pitch in notes]
    )
    track, last = mido.MidiTrack(), 0
    for tick, kind, pitch in events:
        track.append(mido.Message(kind, note=pitch, velocity=90, time=tick - last))
        last = tick
    control = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=tempo_us, time=0)])
    mido.MidiFile(ticks_per_beat=384, tracks=[control, track]).save(path)
    return path


def test_onsets_are_the_seconds_of_the_midi_notes(tmp_path: Path) -> None:
    midi = write_midi(tmp_path / "score.midi", [(0, 384, 60), (384, 768, 62), (747, 768, 65), (768, 1536, 64)])
    heads = [
        head(1, 0, 60),
        head(1, Fraction(1, 4), 62),
        head(1, Fraction(1, 2), 65, grace=-Fraction(1, 16)),
        head(1, Fraction(1, 2), 64),
        head(1, Fraction(3, 4), 64, held=True),
        head(1, Fraction(3, 4), 90),
        head(1, Fraction(3, 4), -1),
    ]
    onsets = find_onsets(heads, [midi])
    # The grace note is 9/40 of its length before the beat: 768 - 21.6 ticks.
    assert onsets.tick.tolist() == [0, 384, 747, 768, -1, -1, -1]
    expected = np.array([0, 0.5, 747 / 768, 1, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(onsets.onset_s, expected)
    np.testing.assert_allclose(onsets.duration_s[:4], [0.5, 0.5, 21 / 768, 1])
    assert (onsets.sounding, onsets.matched) == (5, 4)


def test_a_grace_note_may_open_the_score(tmp_path: Path) -> None:
    midi = write_midi(tmp_path / "score.midi", [(0, 43, 61), (43, 427, 62)])
    onsets = find_onsets([head(1, 0, 61, grace=-Fraction(1, 8)), head(1, 0, 62)], [midi])
    assert onsets.tick.tolist() == [0, 43]


def test_scores_are_played_in_turn_each_at_its_own_tempo(tmp_path: Path) -> None:
    midis = [
        write_midi(tmp_path / "a.midi", [(0, 384, 60)], tempo_us=1_000_000),
        write_midi(tmp_path / "b.midi", [(0, 384, 90)]),  # is not engraved
        write_midi(tmp_path / "c.midi", [(0, 384, 61), (384, 768, 62)], tempo_us=250_000),
    ]
    onsets = find_onsets([head(1, 0, 60), head(2, 0, 61), head(2, Fraction(1, 4), 62)], midis)
    np.testing.assert_allclose(onsets.onset_s, [0, 1, 1.25])
    assert onsets.end_tick == 3 * 384
    played = [message.note for message in onsets.performance if message.type == "note_on"]
    assert played == [60, 61, 62]
    assert {message.velocity for message in onsets.performance if message.type == "note_on"} == {64}


@given(st.integers(1, 4), st.integers(1, 4), st.data())
def test_pairs_in_order_are_the_best_of_all(scores: int, files: int, data: st.DataObject) -> None:
    row = st.lists(st.integers(0, 9), min_size=files, max_size=files)
    matches = np.array(data.draw(st.lists(row, min_size=scores, max_size=scores)))
    pairs = pair_in_order(matches)
    best = max(
        sum(matches[score, file] for score, file in zip(some_scores, some_files, strict=True))
        for size in range(min(scores, files) + 1)
        for some_scores in combinations(range(scores), size)
        for some_files in combinations(range(files), size)
    )
    assert sum(matches[pair] for pair in pairs) == best
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))
    assert all(matches[pair] > 0 for pair in pairs)


def test_a_score_that_does_not_sound_has_no_onset(tmp_path: Path) -> None:
    midi = write_midi(tmp_path / "score.midi", [(0, 384, 60)])
    onsets = find_onsets([head(1, 0, 60), head(2, 0, 71)], [midi])
    assert onsets.tick.tolist() == [0, -1]
    assert onsets.matched == 1
    assert onsets.sounding == pytest.approx(2)


def test_a_note_that_is_louder_than_midi_allows_is_heard(tmp_path: Path) -> None:
    midi = write_midi(tmp_path / "score.midi", [(0, 384, 60), (384, 768, 62)])
    midi.write_bytes(midi.read_bytes().replace(bytes([60, 90]), bytes([60, 160]), 1))
    assert find_onsets([head(1, 0, 60), head(1, Fraction(1, 4), 62)], [midi]).tick.tolist() == [0, 384]
