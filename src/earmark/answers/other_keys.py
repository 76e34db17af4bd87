"""Music that sounds in another key than it is printed in: transposing instruments, old pitches, singers' own keys.

What is not surely known as it sounds is asked again higher and lower, by playing it faster and slower: at which tempo
music is played does not matter to the model. An answer is taken only if it is very sure. The keys beside the right one
and an octave from it are often sure of the same piece, too, and less so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from earmark.answers.look_up import Answer

KEYS = (2, 7, 9, 14, 3, 1, -1, -2, 5, 4, 6, -3, -4, -5)
"""Semitones from what sounds to what is printed: first of instruments in B flat (2; 14 as a bass), F (7), E flat (9; as
a treble -3) and A (3), then of other pitches."""
SURE = 0.99
"""The least confidence of an answer in another key. It is one of many, so it has to be surer than the only one."""
PROBED_S = 60.0
"""Of a longer recording, its middle is asked in other keys."""


def in_other_key(ask: Callable[[int], Answer], is_right: Callable[[Answer], bool] = lambda answer: True) -> int:
    """By how many semitones what sounds is to be raised to be surely known; 0 where it needs not, or never is.

    ``ask`` gives the answer to it raised by so many. Answers that are not ``is_right`` do not count.
    """
    asked = cache(ask)

    def is_sure(by: int) -> bool:
        is_enough = by == 0 or asked(by).confidence >= SURE
        return asked(by).verdict.confident and is_enough and is_right(asked(by))

    found = next(filter(is_sure, (0, *KEYS)), 0)
    while found:
        near = [found, *(found + by for by in (-1, 1, -12, 12) if min(KEYS) <= found + by <= max(KEYS))]
        surest = max(near, key=lambda by: asked(by).confidence)
        if surest == found:
            break
        found = surest
    return found


def middle(start_s: float, duration_s: float) -> tuple[float, float]:
    """From when to when, of a stretch that begins at ``start_s``, what is asked in other keys is heard."""
    probed_s = min(duration_s, PROBED_S)
    first_s = start_s + (duration_s - probed_s) / 2
    return first_s, first_s + probed_s


def remark(semitones: int) -> list[str]:
    """What is said of music that sounds so many semitones lower than it is printed; nothing of 0."""
    if not semitones:
        return []
    count = f"{abs(semitones)} semitone{'s' if abs(semitones) > 1 else ''}"
    known = _INSTRUMENTS.get(semitones)
    as_on = f", as on an instrument in {known}" if known else ""
    return [f"sounds {count} {'lower' if semitones > 0 else 'higher'} than it is printed{as_on}"]


_INSTRUMENTS = {2: "B flat", 3: "A", 7: "F", 9: "E flat", 14: "B flat", -3: "E flat"}
