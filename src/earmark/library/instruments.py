"""Whether a model knows the instruments that a library's music is for."""

from __future__ import annotations

from collections.abc import Sequence

PIANO_ONLY, EVERY_INSTRUMENT = "earmark-1", "earmark-2"
"""Models that ship."""
PIANO_STAVES = 2
MOST_ARE_PIANO = 7 / 8
"""Share of pieces for the piano from which on the model that knows no other is taken. It knows the piano but little
better, and other music hardly at all."""


def fitting_model(staves: Sequence[int]) -> str:
    """The shipped model for pieces whose systems have so many staves, 0 where that is not known."""
    scores, others = _for_others(staves)
    return PIANO_ONLY if scores - others >= MOST_ARE_PIANO * scores else EVERY_INSTRUMENT


def note_on_instruments(model_id: str, staves: Sequence[int]) -> str:
    """That most pieces are no piano music and which model to take, "" if they may be or the model knows others.

    ``staves`` is how many the system of each piece has that has most, 0 of recordings; they are left out.
    """
    scores, others = _for_others(staves)
    if model_id.rpartition("-")[0] != PIANO_ONLY or 2 * others <= scores:
        return ""
    most = "it has" if scores == 1 else f"{others} of {scores} pieces have"
    return (
        f"{most} not the two staves of piano music, and {PIANO_ONLY} knows no other; "
        f"for other instruments make the library with --model {EVERY_INSTRUMENT}"
    )


def _for_others(staves: Sequence[int]) -> tuple[int, int]:
    """How many pieces there are, and how many of them are no piano music."""
    scores = [count for count in staves if count]
    return len(scores), sum(count != PIANO_STAVES for count in scores)
