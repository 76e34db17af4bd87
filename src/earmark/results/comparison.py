"""Performances of one piece, side by side."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class ScorePosition:
    """A place of a score at which performances are compared: the first moment of a measure, where measures are known.

    ``strip_px`` is along all systems of the piece, end to end; the other fields are those of `Mark`.
    """

    page: int
    system: int
    x: float
    strip_px: float
    measure: str | None = None


@dataclass(frozen=True)
class Performance:
    """How a recording plays a piece, position by position of its `Comparison`; None where it does not pass one.

    ``times_s`` says when each is first passed, seconds of the recording, and ``tempi`` how fast the music goes from
    there to the next one, in the unit of the comparison. ``recording`` is its name in the library, or its file's path.
    """

    recording: str
    source: str
    times_s: tuple[float | None, ...]
    tempi: tuple[float | None, ...]


TempoUnit = Literal["measures per minute", "strip px per second"]


@dataclass(frozen=True)
class Comparison:
    """Several performances of ``piece`` side by side.

    ``unit`` says what tempi are: measures per minute where the score says measures, else px of its strip per second,
    which depend on how wide the notes are set.
    """

    piece: str
    source: str
    model: str
    unit: TempoUnit
    positions: tuple[ScorePosition, ...]
    performances: tuple[Performance, ...]

    def relative(self) -> list[list[float | None]]:
        """For each performance how its tempi are to the mean of all performances there: 1.1 is a tenth faster. None
        where fewer than two pass."""
        means: list[float | None] = []
        for tempi in zip(*(one.tempi for one in self.performances), strict=True):
            known = [tempo for tempo in tempi if tempo is not None]
            means.append(sum(known) / len(known) if len(known) > 1 else None)
        return [
            [tempo / mean if tempo and mean else None for tempo, mean in zip(one.tempi, means, strict=True)]
            for one in self.performances
        ]

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that ``earmark compare --json`` prints."""
        return asdict(self)
