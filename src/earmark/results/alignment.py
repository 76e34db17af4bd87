"""Where in a score a recording is at every moment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from earmark.schema import Box


@dataclass(frozen=True)
class Mark:
    """Where the music is at one moment: ``x`` is a fraction of the page's width, page and system count from 1.

    ``strip_px`` is the same place on the piece's strip (all systems in reading order at one staff height, in strip
    px); it rises as the music goes on and falls where a repeat is taken. ``confidence``, 0..1, says how well the
    recording fits that place against all others of the piece. ``measure`` is the number of the measure there, as the
    score says it, None where only pixels are known. ``beat`` is the beat of its time signature, from 1, with its
    hundredths: in 6/8 there are six. It is None where the score file does not tell it.
    """

    time_s: float
    page: int
    system: int
    x: float
    strip_px: float
    confidence: float
    measure: str | None = None
    beat: float | None = None


@dataclass(frozen=True)
class SystemBox:
    """What is shown of one system, both numbers from 1; ``box`` is in fractions of the page's width and height."""

    page: int
    system: int
    box: Box


STEP_S = 0.1
"""Between two points of an alignment."""


@dataclass(frozen=True)
class Played:
    """When and where the piece ``piece_id``, called ``piece`` and added from ``source``, is played on a recording.

    ``points`` rise in time, at a regular step while it is played; ``systems`` are the piece's, in reading order.
    """

    piece_id: int
    piece: str
    source: str
    systems: tuple[SystemBox, ...]
    points: tuple[Mark, ...]


@dataclass(frozen=True)
class Alignment:
    """A whole recording along ``piece``, which was asked for or is surely played; ``systems`` and ``points`` are its.

    ``others`` are pieces that are surely played where that one is not, by the time of their first points. While none is
    played there are no points: before it begins, after its end, and while unknown music, talking or applause is heard.
    In pauses the mark stands. The recording sounds ``semitones`` lower than the music is printed; ``remarks`` say that,
    and what was amiss with it, a clause each.
    """

    audio_path: str
    duration_s: float
    model: str
    piece: str
    source: str
    systems: tuple[SystemBox, ...]
    points: tuple[Mark, ...]
    remarks: tuple[str, ...] = ()
    others: tuple[Played, ...] = ()
    semitones: int = 0

    def by_time(self) -> list[tuple[str, Mark]]:
        """The points of all pieces, in order, each with its piece's name."""
        named = [(self.piece, point) for point in self.points]
        named += [(other.piece, point) for other in self.others for point in other.points]
        return sorted(named, key=lambda one: one[1].time_s)

    def played(self) -> list[dict[str, Any]]:
        """Each piece with the seconds of its first and last point, in order."""
        named: dict[str, list[float]] = {}
        for piece, point in self.by_time():
            named.setdefault(piece, []).append(point.time_s)
        return [{"piece": piece, "start_s": times_s[0], "end_s": times_s[-1]} for piece, times_s in named.items()]

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that ``earmark align --json`` prints."""
        return {
            "audio": {"path": self.audio_path, "duration_s": self.duration_s, "semitones": self.semitones},
            "model": self.model,
            "piece": self.piece,
            "source": self.source,
            "remarks": list(self.remarks),
            "systems": _told_systems(self.systems),
            "points": [asdict(point) for point in self.points],
            "others": [
                {**asdict(other), "systems": _told_systems(other.systems), "points": list(map(asdict, other.points))}
                for other in self.others
            ],
        }


def _told_systems(systems: tuple[SystemBox, ...]) -> list[dict[str, Any]]:
    return [{**asdict(system), "box": list(system.box)} for system in systems]
