"""The beats of notes, from what a score says of their lengths."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from earmark.sheet.beats import Beats, read_beats

NOTE = '<note xml:id="{}" pname="c" oct="4" dur="{}"{}/>'


def note(name: str, dur: int, more: str = "") -> str:
    return NOTE.format(name, dur, f" {more}" if more else "")


def measure(name: str, *layers: str) -> str:
    held = "".join(f"<layer>{layer}</layer>" for layer in layers)
    return f'<measure xml:id="{name}"><staff>{held}</staff></measure>'


def beats(*section: str, meter: str = 'count="3" unit="4"') -> Beats:
    """Of a score in 3/4, if not told otherwise."""
    told = f"<scoreDef><staffGrp><staffDef><meterSig {meter}/></staffDef></staffGrp></scoreDef>"
    return read_beats(
        ET.fromstring(
            f'<mei xmlns="http://www.music-encoding.org/ns/mei"><music><body><mdiv><score>{told}'
            f"<section>{''.join(section)}</section></score></mdiv></body></music></mei>"
        )
    )


def test_beats_are_those_of_the_time_signature() -> None:
    music = measure("m", note("a", 8, 'dots="1"') + f"<beam>{note('b', 16)}{note('c', 4)}</beam>{note('d', 4)}")
    assert beats(music).notes == {"a": 1.0, "b": 1.75, "c": 2.0, "d": 3.0}
    eighths = beats(music, meter='count="6" unit="8"')
    assert eighths.notes == {"a": 1.0, "b": 2.5, "c": 3.0, "d": 5.0}
    assert eighths.measures == {"m": (1.0, 7.0)}
    assert beats(measure("m", note("a", 2) + note("b", 2)), meter='sym="cut"').notes == {"a": 1.0, "b": 2.0}


def test_tuplets_chords_tremolos_and_graces_take_what_they_are_worth() -> None:
    triplet = f'<tuplet num="3" numbase="2">{note("a", 8)}<rest dur="8"/>{note("b", 8)}</tuplet>'
    grace = note("g", 8, 'grace="acc"')
    chord = f'<chord dur="4">{note("c", 4)}{note("d", 4)}</chord>'
    found = beats(measure("m", triplet + grace + chord + f"<fTrem>{note('e', 4)}{note('f', 4)}</fTrem>", "<mRest/>"))
    assert found.notes == {"a": 1.0, "b": 1.667, "c": 2.0, "d": 2.0, "e": 3.0, "f": 3.5}
    assert found.measures == {"m": (1.0, 4.0)}


def test_an_upbeat_and_what_completes_a_measure_end_with_its_last_beat() -> None:
    quarter, half, whole = note("a", 4), note("b", 2), note("c", 2, 'dots="1"')
    found = beats(measure("up", quarter), measure("1", whole), measure("2", half), measure("X", quarter))
    assert found.measures == {"up": (3.0, 4.0), "1": (1.0, 4.0), "2": (1.0, 3.0), "X": (3.0, 4.0)}
    endings = [f"<ending>{measure(name, music)}</ending>" for name, music in (("1.", half), ("2.", quarter))]
    assert beats(measure("1", whole), *endings).measures["2."] == (1.0, 2.0)


def test_a_measure_of_rests_lasts_as_long_as_the_time_signature_says() -> None:
    assert beats(measure("m", "<mRest/>"), meter='count="2+3" unit="8"').measures == {"m": (1.0, 6.0)}


@pytest.mark.parametrize(
    "meter", ['form="invis"', 'count="x" unit="4"', 'count="0" unit="4"', 'count="3"', 'count="3" unit="nan"']
)
def test_without_a_time_signature_there_are_no_beats(meter: str) -> None:
    assert beats(measure("m", note("a", 4)), meter=meter) == Beats()


@pytest.mark.parametrize(
    "music",
    [
        '<note pname="c"/>',
        note("a", 0),
        note("a", -4),
        note("a", 4, 'dots="-9999"'),
        '<multiRest num="3"/>',
        f'<tuplet num="0" numbase="2">{note("a", 4)}</tuplet>',
    ],
)
def test_a_measure_of_unknown_length_has_no_beats(music: str) -> None:
    assert list(beats(measure("m", music), measure("n", note("a", 4))).measures) == ["n"]


def test_staves_of_different_time_signatures_have_no_beats() -> None:
    change = '<scoreDef><staffGrp><staffDef meter.count="2" meter.unit="4"/><staffDef meter.count="6" meter.unit="8"/>'
    music = measure("m", note("a", 2, 'dots="1"')), f"{change}</staffGrp></scoreDef>", measure("n", note("b", 2))
    assert list(beats(*music).measures) == ["m"]
