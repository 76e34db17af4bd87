"""Where in sheet music something is, and words that all answers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from earmark.schema import Box

Kind = Literal["score", "recording"]
"""What a piece of a library is: sheet music, or a recording of some."""


Said = Literal["surely", "probably", "perhaps", "not in this library"]
"""How sure an answer is, in words."""


@dataclass(frozen=True)
class Place:
    """Where a sheet embedding was read: centre ``x_px`` on page ``page``, system ``system`` (both from 1).

    ``box`` is the snippet's place in fractions of the page's width and height; ``measure`` the number of the measure
    at its middle, as the score says it, None where only pixels are known; ``beat`` the beat of the time signature
    there, from 1, with its hundredths, None where that is not known.
    """

    page: int
    system: int
    box: Box
    measure: str | None = None
    beat: float | None = None
