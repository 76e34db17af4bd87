"""A seed → a made-up piano piece as MEI, to be engraved by Verovio: pages that no one has a right in.

The pieces are not art. They are varied as pages are (key, metre, tempo, texture, register, rhythm, accidentals,
chords, ties, rests), and all is legible notation. Lengths are counted in semiquavers; a pitch is a place on the staff,
octave * 7 + step (C4 = 28), and how far it is raised above the key signature.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape

Pitch = tuple[int, int]
_STEPS = "cdefgab"
_SHARPS = (3, 0, 4, 1, 5, 2, 6)  # steps in the order in which key signatures sharpen them
_METRES = {(4, 4): 4, (3, 4): 4, (2, 4): 4, (6, 8): 6, (3, 8): 6, (12, 8): 6, (2, 2): 8}  # beat in semiquavers
_NOTATED = {16: "1", 12: "2.", 8: "2", 6: "4.", 4: "4", 3: "8.", 2: "8", 1: "16"}
_PROGRESSIONS = ((0, 3, 4, 0), (0, 5, 1, 4), (0, 4, 5, 2), (5, 3, 0, 4), (0, 1, 4, 0), (0, 2, 3, 4), (3, 1, 4, 0))
_TITLES = ("Prelude", "Study", "Minuet", "Song", "Dance", "Romance", "Invention", "March", "Waltz", "Arietta", "Rondo")
_FORMS = ("AABA", "ABAC", "ABCA", "AABB", "ABAB", "ABCD")
_END = ' right="end"'
_DYNAMICS = ("pp", "p", "mp", "mf", "f", "ff")


@dataclass(frozen=True)
class Event:
    """A chord, a note or (without pitches) a rest, ``length`` semiquavers long; ``tied`` to the one after it."""

    length: int
    pitches: tuple[Pitch, ...] = ()
    tied: bool = False


@dataclass(frozen=True)
class _Style:
    """What stays the same through a piece."""

    fifths: int
    minor: bool
    metre: tuple[int, int]
    melody: str
    accompaniment: str
    centre: int
    chromatic: float

    @property
    def bar(self) -> int:
        return 16 * self.metre[0] // self.metre[1]

    @property
    def beat(self) -> int:
        return _METRES[self.metre]

    @property
    def tonic(self) -> int:
        """The key note's step."""
        return (4 * self.fifths + (5 if self.minor else 0)) % 7


def compose(seed: int) -> str:
    """The piece of this seed, as MEI; equal seeds give equal pieces."""
    choice = random.Random(f"earmark-{seed}")
    style = _Style(
        fifths=choice.randint(-5, 5),
        minor=choice.random() < 0.4,
        metre=choice.choice(list(_METRES)),
        melody=choice.choice(["song", "running", "chords", "dotted", "syncopated", "broken"]),
        accompaniment=choice.choice(["alberti", "blocks", "waltz", "arpeggio", "octaves", "walking", "held"]),
        centre=choice.randint(33, 39),
        chromatic=choice.choice([0.0, 0.03, 0.1]),
    )
    sections = {name: _section(style, choice, choice.choice([4, 8])) for name in "ABCD"}
    bars = [bar for name in choice.choice(_FORMS) for bar in sections[name]]
    upper, lower = zip(*bars, _final_bar(style), strict=True)
    title = f"{choice.choice(_TITLES)} No. {seed}"
    return _mei(title, style, choice.randint(60, 152), choice, list(upper), list(lower))


Bar = tuple[list[Event], list[Event]]


def _section(style: _Style, choice: random.Random, bars: int) -> list[Bar]:
    """Bars of both hands over a chord progression; the melody wanders from chord note to chord note."""
    progression = choice.choice(_PROGRESSIONS)
    place, section = style.centre, []
    for number in range(bars):
        root = style.tonic + progression[number % len(progression)]
        raised = style.minor and progression[number % len(progression)] == 4
        chord = [root, root + 2, root + 4] + ([root + 6] if raised or choice.random() < 0.15 else [])
        upper, place = _melody(style, choice, chord, place, raised)
        section.append((upper, _accompaniment(style, choice, chord, raised)))
    return section


def _final_bar(style: _Style) -> Bar:
    low = _nearest(style.tonic, 16)
    upper = [_nearest(style.tonic + step, style.centre) for step in (0, 2, 4)]
    return (
        [Event(style.bar, tuple((place, 0) for place in sorted(upper)))],
        [Event(style.bar, ((low, 0), (low + 7, 0)))],
    )


def _melody(
    style: _Style, choice: random.Random, chord: Sequence[int], place: int, raised: bool
) -> tuple[list[Event], int]:
    events = []
    for length in _rhythm(style, choice):
        if choice.random() < 0.06:
            events.append(Event(length))
            continue
        if style.melody == "broken":
            place = _nearest(choice.choice(chord), place + choice.choice((-3, 3)))
        elif length >= style.beat or choice.random() < 0.3:
            place = _nearest(choice.choice(chord), place)
        else:
            place += choice.choice((-2, -1, -1, 1, 1, 2))
        place = min(max(place, style.centre - 7), style.centre + 8)
        pitches = [place]
        if style.melody == "chords" or (length >= style.beat and choice.random() < 0.2):
            pitches += [place - step for step in choice.choice(((2,), (5,), (7,), (2, 4), (3, 5), (2, 7)))]
        events.append(Event(length, tuple((p, _raise(style, choice, p, raised)) for p in sorted(pitches))))
    if len(events) > 1 and events[-1].pitches and events[-1].pitches == events[-2].pitches:
        events[-2] = replace(events[-2], tied=True)
    return events, place


def _rhythm(style: _Style, choice: random.Random) -> list[int]:
    """Lengths that fill a bar, beat by beat."""
    beat = style.beat
    patterns = {
        "running": [[1] * beat, [1] * beat, [2] * (beat // 2)],
        "broken": [[2] * (beat // 2), [1] * beat],
        "chords": [[beat], [beat], [beat // 2, beat // 2]],
        "dotted": [[3, 1] * (beat // 4) + [2] * (beat % 4 // 2), [beat]],
        "syncopated": [[beat // 2, beat // 2], [1, 2, 1] + [beat - 4] * (beat > 4), [beat]],
        "song": [[beat], [beat // 2, beat // 2], [2] * (beat // 2)],
    }[style.melody]
    lengths: list[int] = []
    while sum(lengths) < style.bar:
        left = style.bar - sum(lengths)
        if style.melody in ("song", "chords", "dotted") and left >= 2 * beat and choice.random() < 0.3:
            lengths.append(2 * beat)
        else:
            lengths += choice.choice(patterns)
    return lengths


def _accompaniment(style: _Style, choice: random.Random, chord: Sequence[int], raised: bool) -> list[Event]:
    root = _nearest(chord[0], 18)
    notes = [root + step for step in (0, 2, 4, 7)]
    beats = style.bar // style.beat
    half = style.beat // 2

    def event(length: int, *places: int) -> Event:
        return Event(length, tuple((place, _raise(style, choice, place, raised)) for place in sorted(places)))

    if style.accompaniment == "alberti":
        cycle = [notes[i] for i in (0, 2, 1, 2)]
        return [event(2, cycle[i % 4]) for i in range(style.bar // 2)]
    if style.accompaniment == "arpeggio":
        cycle = [notes[i] for i in (0, 1, 2, 3, 2, 1)]
        return [event(1, cycle[i % 6]) for i in range(style.bar)]
    if style.accompaniment == "waltz":
        return [event(style.beat, root - 7)] + [event(style.beat, *notes[1:3], root) for _ in range(beats - 1)]
    if style.accompaniment == "octaves":
        return [event(half, root - 7 if i % 2 == 0 else root) for i in range(2 * beats)]
    if style.accompaniment == "walking":
        return [event(style.beat, root + choice.choice((0, 1, 2, 4, -1, -2))) for _ in range(beats)]
    if style.accompaniment == "held":
        return [event(style.bar, root - 7, root)]
    return [event(style.beat, *notes[:3]) for _ in range(beats)]


def _raise(style: _Style, choice: random.Random, place: int, raised: bool) -> int:
    """Semitones above the key signature: the leading note of a minor dominant, and a few for colour."""
    if raised and place % 7 == (style.tonic + 6) % 7:
        return 1
    return int(choice.random() < style.chromatic and place % 7 in ((style.tonic + 3) % 7, style.tonic % 7))


def _nearest(step: int, place: int) -> int:
    """The place of a step (modulo 7) nearest to ``place``."""
    return place + (step - place + 3) % 7 - 3


def _mei(
    title: str, style: _Style, tempo: int, choice: random.Random, upper: list[list[Event]], lower: list[list[Event]]
) -> str:
    signature = f"{abs(style.fifths)}{'s' if style.fifths >= 0 else 'f'}" if style.fifths else "0"
    measures = "".join(
        f'<measure n="{number}"{_END if number == len(upper) else ""}>'
        f'<staff n="1"><layer n="1">{"".join(_layer(style, high))}</layer></staff>'
        f'<staff n="2"><layer n="1">{"".join(_layer(style, low))}</layer></staff>'
        f"{_markings(choice, number, tempo)}</measure>"
        for number, (high, low) in enumerate(zip(upper, lower, strict=True), start=1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><meiHead><fileDesc><titleStmt>'
        f"<title>{escape(title)}</title><composer>Earmark</composer></titleStmt><pubStmt/></fileDesc></meiHead>"
        f'<music><body><mdiv><score><scoreDef keysig="{signature}" meter.count="{style.metre[0]}" '
        f'meter.unit="{style.metre[1]}" midi.bpm="{tempo}"><staffGrp symbol="brace" bar.thru="true">'
        '<staffDef n="1" lines="5" clef.shape="G" clef.line="2"/><staffDef n="2" lines="5" clef.shape="F" '
        f'clef.line="4"/></staffGrp></scoreDef><section>{measures}</section></score></mdiv></body></music></mei>\n'
    )


def _markings(choice: random.Random, number: int, tempo: int) -> str:
    said = f'<tempo tstamp="1" staff="1" place="above" midi.bpm="{tempo}">♩ = {tempo}</tempo>' if number == 1 else ""
    if number % 8 == 1:
        said += f'<dynam tstamp="1" staff="1" place="below">{choice.choice(_DYNAMICS)}</dynam>'
    return said


def _layer(style: _Style, events: Sequence[Event]) -> Iterator[str]:
    """The events of a bar, short ones beamed by beats; accidentals hold to the bar line."""
    seen: dict[int, int] = {}
    at, held = 0, False
    beam: list[str] = []
    for event in events:
        begins_beat = at % style.beat == 0
        if beam and (begins_beat or event.length > 3 or not event.pitches):
            yield _beamed(beam)
            beam = []
        for length, part in _split(event):
            tied = part or event.tied
            tie = {(False, True): "i", (True, True): "m", (True, False): "t"}.get((held, tied), "")
            held = tied
            written = _written(style, replace(event, length=length), seen, tie)
            if length <= 3 and event.pitches:
                beam.append(written)
            else:
                yield written
        at += event.length
    if beam:
        yield _beamed(beam)


def _beamed(notes: Sequence[str]) -> str:
    return f"<beam>{''.join(notes)}</beam>" if len(notes) > 1 else notes[0]


def _split(event: Event) -> Iterator[tuple[int, bool]]:
    """The lengths that an event is written with, and whether a tie follows: 10 semiquavers are a minim and a quaver."""
    left = event.length
    while left:
        length = next(length for length in _NOTATED if length <= left)
        left -= length
        yield length, left > 0 and bool(event.pitches)


def _written(style: _Style, event: Event, seen: dict[int, int], tie: str) -> str:
    duration = _NOTATED[event.length]
    attributes = f'dur="{duration.rstrip(".")}"' + (' dots="1"' if duration.endswith(".") else "")
    if not event.pitches:
        return f"<rest {attributes}/>"
    notes = [_note(style, pitch, seen) + (f' tie="{tie}"' if tie else "") for pitch in event.pitches]
    if len(notes) == 1:
        return f"<note {attributes} {notes[0]}/>"
    return f"<chord {attributes}>{''.join(f'<note {note}/>' for note in notes)}</chord>"


def _note(style: _Style, pitch: Pitch, seen: dict[int, int]) -> str:
    place, raised = pitch
    step = place % 7
    signed = _signature(style.fifths, step)
    alteration = signed + raised
    shown = seen.get(place, signed) != alteration
    seen[place] = alteration
    names = {-2: "ff", -1: "f", 0: "n", 1: "s", 2: "x" if shown else "ss"}
    accidental = f'{"accid" if shown else "accid.ges"}="{names[alteration]}"'
    return f'pname="{_STEPS[step]}" oct="{place // 7}" {accidental}'


def _signature(fifths: int, step: int) -> int:
    """The key signature's alteration of a step: -1, 0 or 1."""
    order = _SHARPS.index(step)
    return int(order < fifths) - int(6 - order < -fifths)
