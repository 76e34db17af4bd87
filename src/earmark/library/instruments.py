"""Whether the model of a library knows the instruments that its music is for."""

from __future__ import annotations

from collections.abc import Sequence

PIANO_ONLY, EVERY_INSTRUMENT = "earmark-1", "earmark-2"
"""Models that ship."""
PIANO_STAVES = 2


def note_on_instruments(model_id: str, staves: Sequence[int]) -> str:
    """That most pieces are no piano music and which model to take, "" if they may be or the model knows others.

    ``staves`` is how many the system of each piece has that has most, 0 of recordings; they are left out.
    """
    scores = [count for count in staves if count]
    others = sum(count != PIANO_STAVES for count in scores)
    if model_id.rpartition("-")[0] != PIANO_ONLY or 2 * others <= len(scores):
        return ""
    most = "it has" if len(scores) == 1 else f"{others} of {len(scores)} pieces have"
    return (
        f"{most} not the two staves of piano music, and {PIANO_ONLY} knows no other; "
        f"for other instruments make the library with --model {EVERY_INSTRUMENT}"
    )
