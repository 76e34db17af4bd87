"""A score in MEI → the beat of its measure on which every note begins.

A beat is one of the time signature's own, and the first is 1: six in 6/8, two in 2/2. An upbeat ends with the last beat
of a measure, and so does what completes a measure that a repeat has split. All is read from what is written
(https://music-encoding.org/guidelines), so grace notes take no time. A measure without a time signature, or with note
values that are not told, has no beats.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MEI = "{http://www.music-encoding.org/ns/mei}"
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
_LONGER = {"maxima": 32.0, "long": 16.0, "breve": 8.0}  # quarters; all others are told as a share of a whole note
_SYMBOLS = {"common": (4.0, 4.0), "cut": (2.0, 2.0)}
_NOT_TOLD = frozenset(
    ("multiRest", "multiRpt", "mRpt2", "halfmRpt", "beatRpt", "tabGrp", "ligature", "mensur", "proport")
)
_READINGS = frozenset(("app", "choice"))  # of which the first is engraved
_Meter = tuple[float, float]
"""How many beats there are, and what share of a whole note one is, as 8 in 6/8."""


@dataclass(frozen=True)
class Beats:
    """``notes``, by their ids, with the beat that each begins on; ``measures``, with the beats from which to which they
    go: (1, 5) is a whole one in 4/4, (4, 5) its upbeat of a quarter."""

    notes: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class _NotToldError(Exception):
    """It is not told how long something lasts."""


def read_beats(mei: ET.Element) -> Beats:
    """The beats of all measures of which they are known."""
    notes: dict[str, float] = {}
    measures: dict[str, tuple[float, float]] = {}
    within = {part for score in mei.iter(f"{MEI}scoreDef") for part in score.iter(f"{MEI}staffDef")}
    meter: _Meter | None = None
    lacks = math.nan  # quarters that the measure before is short of; of what is before the first, all
    for element in mei.iter():
        tag = element.tag.removeprefix(MEI)
        if tag == "mdiv":
            meter, lacks = None, math.inf
        elif tag == "ending":
            lacks = math.nan
        elif tag in ("scoreDef", "measure") or (tag == "staffDef" and element not in within):
            meter = _meter(element, meter)
        if tag != "measure":
            continue
        begun, lasts, is_told = _notes(element)
        if meter is None or not is_told:
            lacks = math.nan
            continue
        count, unit = meter
        whole = 4 * count / unit
        lasts = lasts or whole
        missing = whole - lasts
        is_rest = missing > 1e-6 and (lacks == math.inf or math.isclose(lacks, lasts, abs_tol=1e-6))
        first = missing if is_rest else 0.0
        lacks = missing if missing > 1e-6 and not is_rest else math.nan
        notes |= {note: _beat(first + quarters, unit) for note, quarters in begun.items()}
        measures[element.get(XML_ID, "")] = _beat(first, unit), _beat(first + lasts, unit)
    return Beats(notes, measures)


def _beat(quarters: float, unit: float) -> float:
    return round(1 + quarters * unit / 4, 3)


def _meter(element: ET.Element, before: _Meter | None) -> _Meter | None:
    """The time signature from here on: that of all staves, the one before where there is no other, None if it is not
    known, as where staves have different ones."""
    found: set[_Meter | None] = set()
    for part in element.iter():
        if part.tag == f"{MEI}meterSigGrp":
            found.add(None)
        elif part.tag == f"{MEI}meterSig":
            found.add(_told_meter(*(part.get(name, "") for name in ("count", "unit", "sym"))))
        elif any(part.get(f"meter.{name}") for name in ("count", "sym")):
            found.add(_told_meter(*(part.get(f"meter.{name}", "") for name in ("count", "unit", "sym"))))
    if not found:
        return before
    return found.pop() if len(found) == 1 else None


def _told_meter(count: str, unit: str, symbol: str) -> _Meter | None:
    """``3+2`` beats are five."""
    try:
        meter = float(sum(map(int, count.split("+")))), float(int(unit))
    except (ValueError, OverflowError):
        return _SYMBOLS.get(symbol)
    return meter if min(meter) > 0 else None


def _notes(measure: ET.Element) -> tuple[dict[str, float], float, bool]:
    """When in a measure its notes begin, and how long it lasts, in quarters, 0 where all staves rest; and whether all
    of that is told."""
    begun: dict[str, float] = {}
    try:
        lasts = [_read(layer, 0.0, 1.0, begun) for layer in measure.iter(f"{MEI}layer")]
    except _NotToldError:
        return {}, 0.0, False
    return begun, max(lasts, default=0.0), True


def _read(element: ET.Element, at: float, scale: float, begun: dict[str, float]) -> float:
    """Puts into ``begun`` when the notes in an element begin; returns when it ends. ``scale`` is a tuplet's."""
    for child in _engraved(element):
        tag = child.tag.removeprefix(MEI)
        if tag in _NOT_TOLD:
            raise _NotToldError
        if tag == "graceGrp" or child.get("grace"):
            continue
        if tag in ("note", "chord", "rest", "space"):
            begun |= {note.get(XML_ID, ""): at for note in child.iter(f"{MEI}note")}
            at += scale * _quarters(child)
        elif tag == "tuplet":
            at = _read(child, at, scale * _share(child), begun)
        elif tag == "fTrem":  # two notes, each written with the value of both
            at = _read(child, at, scale / 2, begun)
        else:
            at = _read(child, at, scale, begun)
    return at


def _engraved(element: ET.Element) -> Iterator[ET.Element]:
    yield from list(element)[:1] if element.tag.removeprefix(MEI) in _READINGS else element


def _quarters(element: ET.Element) -> float:
    """How long a note, chord or rest lasts; a chord may say it in its notes."""
    told = element if element.get("dur") else element.find(f"{MEI}note")
    try:
        value = "" if told is None else told.get("dur", "")
        lasts = _LONGER.get(value) or 4 / int(value)
        lasts *= 2 - 0.5 ** (int(told.get("dots", "0")) if told is not None else 0)
    except (ValueError, ArithmeticError) as error:
        raise _NotToldError from error
    return _positive(lasts)


def _share(tuplet: ET.Element) -> float:
    try:
        return _positive(int(tuplet.get("numbase", "")) / int(tuplet.get("num", "")))
    except (ValueError, ArithmeticError) as error:
        raise _NotToldError from error


def _positive(number: float) -> float:
    if number <= 0:
        raise _NotToldError
    return number
