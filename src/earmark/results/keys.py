"""How much lower music sounds than it is printed, in semitones, and what is said of that."""

from __future__ import annotations

KEYS = (2, 7, 9, 14, 3, 1, -1, -2, 5, 4, 6, -3, -4, -5)
"""Semitones from what sounds to what is printed: first of instruments in B flat (2; 14 as a bass), F (7), E flat (9; as
a treble -3) and A (3), then of other pitches."""
_INSTRUMENTS = {2: "B flat", 3: "A", 7: "F", 9: "E flat", 14: "B flat", -3: "E flat"}


def remark(semitones: int) -> list[str]:
    """What is said of music that sounds so many semitones lower than it is printed; nothing of 0."""
    if not semitones:
        return []
    known = _INSTRUMENTS.get(semitones)
    as_on = f", as on an instrument in {known}" if known else ""
    return [f"sounds {in_words(semitones)} than it is printed{as_on}"]


def in_words(semitones: int) -> str:
    """``2 semitones lower``, or ``1 semitone higher`` of -1."""
    count = f"{abs(semitones)} semitone{'s' if abs(semitones) > 1 else ''}"
    return f"{count} {'lower' if semitones > 0 else 'higher'}"
