"""Takes: from a score to a recorded performance that training reads, with every onset where it sounds."""

from __future__ import annotations

import json
from pathlib import Path

import mido
import numpy as np
import pytest
from click.testing import CliRunner

from earmark.cli.corpus import corpus_command
from earmark.corpus.check import check
from earmark.corpus.format import audio_file, rendering_name, timing_file
from earmark.corpus.humanise import MOST_ASYNCHRONY_S
from earmark.corpus.render import seconds, timed
from earmark.corpus.takes import FASTEST, SLOWEST, perform, record_take
from earmark.schema import AudioSpec, SheetSpec
from earmark.training.data.dataset import read_pieces

QUARTER = 384
SLOW = "**kern\n*clefG2\n*M2/4\n*MM40\n" + "".join(f"4{pitch}\n4r\n" for pitch in ("c", "ee", "g", "ccc", "d")) + "*-\n"


def score(notes: int = 24) -> mido.MidiFile:
    """A note a quarter, with a tempo that changes in the middle of a quarter."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)])
    for number in range(notes):
        track.append(mido.Message("note_on", note=60 + number % 12, velocity=64))
        if number == notes // 2:
            track.append(mido.MetaMessage("set_tempo", tempo=800_000, time=QUARTER // 5))
        else:
            track.append(mido.Message("control_change", control=7, value=100, time=QUARTER // 5))
        track.append(mido.Message("note_off", note=60 + number % 12, time=QUARTER - QUARTER // 5))
    return mido.MidiFile(ticks_per_beat=QUARTER, tracks=[track])


def onsets_s(midi: mido.MidiFile) -> np.ndarray:
    return seconds(midi, [tick for tick, message in timed(midi) if message.type == "note_on" and message.velocity])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_timing_of_a_performance_is_when_its_notes_are_played(number: int) -> None:
    midi, timing = perform(score(), "a piece", number)
    assert timing.dtype == np.float64
    assert (np.diff(timing) > 0).all()
    assert timing[0, 0] == 0
    assert np.isin(onsets_s(score()), timing[0]).all(), "exact at the onsets, not only between"
    sounds_s = np.interp(onsets_s(score()), *timing)
    assert np.abs(onsets_s(midi) - sounds_s).max() <= MOST_ASYNCHRONY_S + 0.001
    assert seconds(midi, [list(timed(midi))[-1][0]])[0] == pytest.approx(timing[1, -1], abs=0.05)


def test_performances_differ_and_come_again() -> None:
    takes = [perform(score(), piece, number) for piece in ("one", "other") for number in (1, 2)]
    for i, (_, timing) in enumerate(takes):
        assert all(abs(timing[1, -1] - other[1, -1]) > 0.01 for _, other in takes[:i])
        tempo = timing[0, -1] / timing[1, -1]
        assert 0.8 * SLOWEST < tempo < 1.1 * FASTEST
    np.testing.assert_array_equal(takes[1][1], perform(score(), "one", 2)[1])


def test_a_take_is_drawn_from_its_names(piano: str) -> None:
    midi, _ = perform(score(4), "a piece", 1)
    take = record_take(midi, piano, "a piece", 1)
    np.testing.assert_array_equal(take, record_take(midi, piano, "a piece", 1))
    assert not np.allclose(take, record_take(midi, piano, "another", 1))


@pytest.mark.usefixtures("lilypond")
def test_takes_are_built_proved_and_read(tmp_path: Path, piano: str) -> None:
    source, out = tmp_path / "source", tmp_path / "corpus"
    source.mkdir()
    (source / "slow.krn").write_text(SLOW)
    command = ["build", str(out), "--source", str(source), "--pianos", piano, "-j", "1"]
    assert CliRunner().invoke(corpus_command, command).exit_code == 0
    plain = out / "pieces/slow" / audio_file(rendering_name(piano))
    plain_time_ns = plain.stat().st_mtime_ns
    done = CliRunner().invoke(corpus_command, [*command, "--takes", "2"])
    assert done.exit_code == 0, done.output
    report = check(out)
    assert report.problems == []
    takes = [rendering_name(piano, take=number) for number in (1, 2)]
    assert report.renderings == dict.fromkeys([rendering_name(piano), *takes], 1)
    assert plain.stat().st_mtime_ns == plain_time_ns, "what is there is not rendered again"
    assert json.loads((out / "corpus.json").read_text())["takes"] == 2

    (piece,) = read_pieces(out, ["slow"], takes, AudioSpec(), SheetSpec())
    score_s = piece.onsets.time_s
    assert len(score_s) == 5
    for take in takes:
        sounds_s = piece.audio_s(take, score_s)
        assert np.abs(sounds_s - score_s).max() > 0.1, "the timing is not the score's"
        loudness = piece.audio[take].astype(np.float64).sum(axis=1)
        for at_s in sounds_s:
            frame = round(at_s * 20)
            near = slice(max(frame - 10, 1), frame + 11)
            rise = np.maximum(loudness[near] - loudness[near.start - 1 : near.stop - 1], 0)
            assert abs(near.start + rise.argmax() - at_s * 20) <= 2, "a note begins within 100 ms of where it should"

    (out / "pieces/slow" / timing_file(takes[0])).unlink()
    assert f"slow: audio/{takes[0]}.timing.npy is missing" in check(out).problems
