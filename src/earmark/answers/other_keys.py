"""Music that sounds in another key than it is printed in: transposing instruments, old pitches, singers' own keys.

What is not surely known as it sounds is asked again higher and lower, by playing it faster and slower: at which tempo
music is played does not matter to the model. An answer is taken only if it is very sure. The keys beside the right one
and an octave from it are often sure of the same piece, too, and less so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from earmark.answers.look_up import Answer
from earmark.results.keys import KEYS

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
