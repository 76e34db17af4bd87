"""Scores for any instruments: they are engraved, aligned at sounding pitch, and played by what they name."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest

from earmark.corpus.engrave_lilypond import Engraving, engrave
from earmark.corpus.humanise import humanise
from earmark.corpus.instruments import FAMILIES, as_written, varied
from earmark.corpus.onsets import NoteheadOnsets, find_onsets
from earmark.corpus.render import render

VERSION = '\\version "2.24.0"\n'
BAR = "\\new Staff { c'4 d' e' f' }"


def built(folder: Path, text: str, **included: str) -> tuple[Engraving, NoteheadOnsets]:
    """A source of ``text``, and of files with the names and texts of ``included``, engraved and aligned."""
    root = folder / "source"
    root.mkdir()
    for name, music in {"main": text, **included}.items():
        path = root / f"{name.replace('__', '/')}.ly"
        path.parent.mkdir(exist_ok=True)
        path.write_text(VERSION + music)
    engraving = engrave(root / "main.ly", root, folder / "scratch")
    return engraving, find_onsets(engraving.noteheads, engraving.midis)


def programs(performance: mido.MidiFile) -> dict[int, int]:
    """Channel → program, of the channels that have notes."""
    messages = [message for track in performance.tracks for message in track]
    assert all(message.time == 0 for message in messages if message.type == "program_change")
    named = {message.channel: message.program for message in messages if message.type == "program_change"}
    return {channel: named[channel] for channel in {one.channel for one in messages if one.type == "note_on"}}


def played(*programs_of_channels: int, pitch: int = 69) -> mido.MidiFile:
    """A note on each channel, together, a second long."""
    changes = [
        mido.Message("program_change", channel=channel, program=program)
        for channel, program in enumerate(programs_of_channels)
    ]
    on = [mido.Message("note_on", channel=channel, note=pitch) for channel in range(len(changes))]
    off = [mido.Message("note_off", channel=channel, note=pitch, time=0) for channel in range(len(changes))]
    off[0].time = 960
    return mido.MidiFile(type=0, ticks_per_beat=480, tracks=[mido.MidiTrack([*changes, *on, *off])])


@pytest.mark.usefixtures("lilypond")
class TestEngraving:
    def test_transposing_instruments_have_the_pitch_that_sounds(self, tmp_path: Path) -> None:
        clarinet = "\\new Staff { \\transposition bes \\set Staff.midiInstrument = \"clarinet\" d''1 }"
        horn = '\\new Staff { \\transposition f \\set Staff.midiInstrument = "french horn" g\'1 }'
        engraving, onsets = built(tmp_path, f"\\score {{ << {clarinet} {horn} >> }}")
        assert [head.pitch for head in engraving.noteheads] == [72, 60]
        assert onsets.matched == onsets.sounding == 2
        assert sorted(programs(onsets.performance).values()) == [60, 71]

    def test_what_only_the_midi_transposes_sounds_there_too(self, tmp_path: Path) -> None:
        _, onsets = built(tmp_path, f"\\score {{ {BAR} \\layout {{ }} \\midi {{ \\transposition c }} }}")
        assert onsets.matched == 4
        assert onsets.pitch.tolist() == [48, 50, 52, 53]

    def test_keys_of_ten_sharps_are_no_obstacle(self, tmp_path: Path) -> None:
        horn = "\\new Staff { \\transposition e' \\transpose e' c' { \\key e \\major e'1 } \\key ais \\major c'1 }"
        assert built(tmp_path, f"\\score {{ {horn} }}")[1].matched == 2

    def test_a_landscape_page_is_upright(self, tmp_path: Path) -> None:
        engraving, onsets = built(tmp_path, f'#(set-default-paper-size "a4" \'landscape)\n\\score {{ {BAR} }}')
        (staff,) = engraving.staves
        assert staff.box[0] < staff.box[2]
        assert staff.box[1] < staff.box[3]
        assert onsets.matched == 4

    def test_books_with_names_and_several_scores_come_in_order(self, tmp_path: Path) -> None:
        books = [f'\\book {{ \\bookOutputName "{name}" \\score {{ {BAR} }} }}' for name in ("z", "a-last")]
        engraving, onsets = built(tmp_path, "\n".join(books))
        assert (len(engraving.pdfs), len(engraving.midis)) == (2, 2)
        assert onsets.tick.tolist() == [384 * beat for beat in range(8)]

    def test_includes_and_calls_of_old(self, tmp_path: Path) -> None:
        text = (
            '\\include "parts/one.ly"\n'
            "#(define (unfold music) (unfold-repeats music))\n"
            "unfolded = #(define-music-function (music) (ly:music?) (unfold music))\n"
            '\\markup { \\epsfile #X #10 #"picture.eps" }\n'
            "\\score { \\unfolded \\one }"
        )
        _, onsets = built(tmp_path, text, parts__one='\\include "parts/two.ly"\n', parts__two=f"one = {{ {BAR} }}")
        assert onsets.matched == 4

    def test_old_markups_do_not_stop_the_conversion(self, tmp_path: Path) -> None:
        root = tmp_path / "source"
        root.mkdir()
        old = '\\version "2.4.0"\n'
        (root / "main.ly").write_text(old + '\\include "music.ly"\n\\score { \\new Staff \\music }')
        (root / "music.ly").write_text(old + "music = { c'4-\\markup { \\italic \"dolce\" } d'-| e' f' }")
        engraving = engrave(root / "main.ly", root, tmp_path / "scratch")
        assert [head.pitch for head in engraving.noteheads] == [60, 62, 64, 65]

    def test_voices_lyrics_drums_and_tablature(self, tmp_path: Path) -> None:
        choir = (
            "\\new Staff << \\new Voice = \"s\" { \\voiceOne g'4 a' } \\new Voice { \\voiceTwo e'4 f' }"
            ' \\new Lyrics \\lyricsto "s" { la la } >>'
        )
        drums, tablature = "\\new DrumStaff \\drummode { sn4 sn }", "\\new TabStaff { c4 d }"
        engraving, onsets = built(tmp_path, f"\\score {{ << {choir} {drums} {tablature} >> }}")
        staves = {staff.staff for staff in engraving.staves}
        assert len(staves) == 2, "the six lines of the tablature are no staff"
        assert onsets.matched == 4
        assert onsets.sounding == 4, "drums have no pitch"

    @pytest.mark.parametrize(
        ("header", "music", "expected"),
        [
            ("Violin, Piano", '\\new Staff \\with { instrumentName = "Violine" } c\'1', [40]),
            ("Voice and Piano", "\\new Staff c'1 \\new PianoStaff << \\new Staff c'1 >>", [53, 0]),
            ("Choir (SATB)", '\\new Staff \\with { instrumentName = "Bass" } c1', [53]),
            (
                "Organ",
                '\\new PianoStaff << \\new Staff c\'1 >> \\new Staff \\with { instrumentName = "Pedal" } c1',
                [19] * 2,
            ),
            ("Guitar", "\\new Staff c'1", [24]),
            ("Guitar", '\\new Staff { \\set Staff.midiInstrument = "banjo" c\'1 }', [105]),
        ],
    )
    def test_instruments_are_those_of_the_score(
        self, tmp_path: Path, header: str, music: str, expected: list[int]
    ) -> None:
        text = f'\\header {{ mutopiainstrument = "{header}" }}\n\\score {{ << {music} >> }}'
        found = programs(built(tmp_path, text)[1].performance)
        assert [found[channel] for channel in sorted(found)] == expected

    def test_twenty_staves_keep_their_instruments(self, tmp_path: Path) -> None:
        names = ["violin", "flute"] * 10
        staves = " ".join(f'\\new Staff {{ \\set Staff.midiInstrument = "{name}" c\'1 }}' for name in names)
        _, onsets = built(tmp_path, f"#(set-global-staff-size 10)\n\\score {{ << {staves} >> }}")
        assert onsets.matched == 20
        assert set(programs(onsets.performance).values()) == {40, 73}
        notes = [message for message in onsets.performance.tracks[0] if message.type == "note_on" and message.velocity]
        found = programs(onsets.performance)
        assert sorted(found[note.channel] for note in notes) == [40] * 10 + [73] * 10


def test_a_score_is_played_as_written_and_with_its_family(piano: str) -> None:
    font = piano.partition("-")[0]
    violin = played(40)
    as_piano, as_violin = render(violin, piano), render(violin, f"{font}-score")
    assert len(as_piano) == len(as_violin)
    assert not np.allclose(as_piano, as_violin)
    np.testing.assert_array_equal(as_piano, render(played(0), piano), "a piano plays whatever is written")
    np.testing.assert_array_equal(as_piano, render(played(0), f"{font}-score"))
    family = render(violin, f"{font}-family", draw="a piece")
    np.testing.assert_array_equal(family, render(violin, f"{font}-family", draw="a piece"))
    assert not np.allclose(family, render(violin, f"{font}-family", draw="another"))


def test_relatives_are_of_the_family_and_reach_the_notes() -> None:
    violin_bass_harp = played(40, 43, 47)
    drawn = [varied(violin_bass_harp, np.random.default_rng(seed)) for seed in range(50)]
    assert {players[0].program for players in drawn} <= set(FAMILIES["strings"])
    assert len({players[0].program for players in drawn}) > 3
    assert {players[1].program for players in drawn} == {42, 48}, "no double bass reaches a'"
    assert {players[2].program for players in drawn} == {47}, "nothing stands for timpani"
    assert {players[2].vibrato for players in drawn} == {0}
    assert all(abs(players[0].cents - players[1].cents) <= 16 for players in drawn)
    assert as_written(violin_bass_harp)[1].program == 42
    assert as_written(played(43, pitch=40))[0].program == 43


def test_pedals_act_on_pianos_only(piano: str) -> None:
    def pedalled(program: int) -> mido.MidiFile:
        midi = played(program)
        midi.tracks[0].insert(1, mido.Message("control_change", control=64, value=127))
        return midi

    score = f"{piano.partition('-')[0]}-score"
    np.testing.assert_array_equal(render(pedalled(40), score), render(played(40), score))
    assert not np.allclose(render(pedalled(0), score), render(played(0), score))


def test_a_performance_keeps_the_instruments() -> None:
    assert programs(humanise(played(40, 71), 1).midi) == {0: 40, 1: 71}
