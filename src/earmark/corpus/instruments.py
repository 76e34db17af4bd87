"""What plays a score that is not for one piano: the instruments it names, or others of their families.

A performance names an instrument, a program of General MIDI from 0, for each of its channels. Played as written, it
has these. Varied, every channel gets an instrument of the same family that reaches its notes, a tuning, a vibrato and
an attack of its own, drawn at random.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import mido
import numpy as np

FAMILIES: dict[str, tuple[int, ...]] = {
    "keyboards": (0, 1, 3, 6),
    "mallets": (9, 11, 12, 13),
    "organ": (16, 19, 20, 21),
    "plucked": (24, 25, 26, 45, 46, 106, 107),
    "basses": (32, 33, 34, 35),
    "strings": (40, 41, 42, 48, 49, 110),
    "low strings": (42, 43, 48),
    "voice": (52, 53, 54),
    "brass": (56, 57, 58, 60, 61),
    "winds": (65, 66, 68, 69, 70, 71, 73, 74),
}
"""Programs that stand for each other. Whatever is in none of them plays itself."""
_OTHERS = {
    **dict.fromkeys((2, 4, 5, 7), "keyboards"),
    **dict.fromkeys((8, 10, 14, 15), "mallets"),
    **dict.fromkeys((17, 18, 22, 23), "organ"),
    **dict.fromkeys((27, 28, 29, 30, 31, 104, 105), "plucked"),
    **dict.fromkeys((36, 37, 38, 39), "basses"),
    **dict.fromkeys((44, 50, 51), "strings"),
    **dict.fromkeys((59, 62, 63), "brass"),
    **dict.fromkeys((64, 67, 72, 75, 76, 77, 78, 79), "winds"),
}
"""Programs that others of the family stand for, but that stand for none."""
_FAMILY_OF = {program: family for family, programs in FAMILIES.items() for program in programs} | _OTHERS
_FAMILY_OF |= {43: "low strings"}
_REACH: dict[int, tuple[int, int]] = {
    11: (0, 86),
    **dict.fromkeys((28, 31, 33, 34, 35, 36, 37), (0, 86)),
    43: (0, 58),
    54: (0, 94),
    58: (0, 74),
    **dict.fromkeys((65, 69, 70), (0, 86)),
    67: (0, 74),
    68: (34, 98),
    72: (46, 127),
    73: (30, 127),
    74: (38, 98),
    78: (34, 78),
}
"""The lowest and highest pitch that a program has in FluidR3 and TimGM6mb, where it is less than 28 to 98."""
_ALL_PIANO_KEYS = (0, 98)
_PEDALLED = range(6)  # programs with a damper pedal: pianos
_SINGING = {"strings", "low strings", "voice", "brass", "winds"}
MOST_DETUNED_CENTS = 50.0  # of all together
_APART_CENTS = 8.0  # of each channel
_MOST_VIBRATO = 90  # of the modulation wheel's 127, which bend a note by half a semitone
_ATTACK_TIMECENTS = 1200.0  # an attack lasts from half to twice as long as the soundfont says


@dataclass(frozen=True)
class Player:
    """What plays a channel: ``program`` from 0, ``cents`` above the tuning, ``vibrato`` (modulation wheel, 0 to 127).

    ``attack_timecents`` are added to the soundfont's own attack; 1200 double its length.
    """

    program: int
    cents: float = 0.0
    vibrato: int = 0
    attack_timecents: float = 0.0

    @property
    def has_pedal(self) -> bool:
        """Whether pedals act on it."""
        return self.program in _PEDALLED


def as_written(performance: mido.MidiFile) -> dict[int, Player]:
    """Channel → player as ``performance`` says, a relative where the instrument does not reach the notes."""
    return {
        channel: Player(program if _reaches(program, pitches) else _relatives(program, pitches)[0])
        for channel, (program, pitches) in _parts(performance).items()
    }


def varied(performance: mido.MidiFile, rng: np.random.Generator) -> dict[int, Player]:
    """Channel → player of the family of what ``performance`` says, drawn with ``rng``."""
    cents = rng.uniform(-MOST_DETUNED_CENTS, MOST_DETUNED_CENTS)
    players = {}
    for channel, (program, pitches) in _parts(performance).items():
        played = int(rng.choice(_relatives(program, pitches)))
        vibrato = int(rng.integers(_MOST_VIBRATO + 1))
        players[channel] = Player(
            program=played,
            cents=float(cents + rng.uniform(-_APART_CENTS, _APART_CENTS)),
            vibrato=vibrato if _FAMILY_OF.get(played) in _SINGING else 0,
            attack_timecents=float(rng.uniform(-_ATTACK_TIMECENTS, _ATTACK_TIMECENTS)),
        )
    return players


def families(performance: mido.MidiFile) -> list[str]:
    """The family of each instrument that plays in ``performance``; "" of what is in none."""
    return [_FAMILY_OF.get(program, "") for program, _ in _parts(performance).values()]


def _parts(performance: mido.MidiFile) -> Mapping[int, tuple[int, set[int]]]:
    """Channel → its program and its pitches, in the order of the channels."""
    programs: dict[int, int] = {}
    pitches: dict[int, set[int]] = defaultdict(set)
    for track in performance.tracks:
        for message in track:
            if message.type == "program_change":
                programs[message.channel] = message.program
            elif message.type == "note_on" and message.velocity:
                pitches[message.channel].add(message.note)
    return {channel: (programs.get(channel, 0), pitches[channel]) for channel in sorted(pitches)}


def _reaches(program: int, pitches: set[int]) -> bool:
    low, high = _REACH.get(program, _ALL_PIANO_KEYS)
    return low <= min(pitches) and max(pitches) <= high


def _relatives(program: int, pitches: set[int]) -> list[int]:
    """The programs of the family that reach ``pitches``, at least one."""
    family = FAMILIES.get(_FAMILY_OF.get(program, ""), (program,))
    return [relative for relative in family if _reaches(relative, pitches)] or [program]
