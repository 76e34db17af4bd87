"""What a search, a query and an alignment answer, with their units.

Times are seconds; boxes ``(x0, y0, x1, y1)`` are in fractions of a page's width and height; pages and systems count
from 1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from earmark.schema import Box, Side

Kind = Literal["score", "recording"]
"""What a piece of a library is: sheet music, or a recording of some."""

Sound = Literal["music", "talking", "applause"]
"""What is heard, without asking what is played."""
Said = Literal["surely", "probably", "perhaps", "not in this library"]
"""How sure an answer is, in words."""


@dataclass(frozen=True)
class Place:
    """Where a sheet embedding was read: centre ``x_px`` on page ``page``, system ``system`` (both from 1).

    ``box`` is the snippet's place in fractions of the page's width and height; ``measure`` the number of the measure
    at its middle, as the score says it, None where only pixels are known.
    """

    page: int
    system: int
    box: Box
    measure: str | None = None


@dataclass(frozen=True)
class Hit:
    """One ranked answer of a search; the fields are those of ``earmark find --json``.

    ``piece_id`` is the library's identifier of the piece, ``piece`` its name.
    What of the query is like the place: ``query_time_s`` where the query is a recording, ``query_place`` where it is
    sheet music; the other is None. ``heard_s`` is from when to when a recording plays the piece, seconds of the file;
    None where the query is sheet music. ``title`` and ``composer`` are the score's own, "" where it has none.
    ``confidence`` is the probability, 0..1, that this music is right, in this edition or another; ``same_as`` is the
    rank of the hit that has the same music and fits better, None where there is none. ``image`` and ``side`` say which
    page of the file, or which of its images, that is, and which half of it, as `earmark.schema.Page` does.
    """

    rank: int
    piece_id: int
    piece: str
    source: str
    confidence: float
    page: int
    system: int
    box: Box
    query_time_s: float | None
    measure: str | None = None
    title: str = ""
    composer: str = ""
    query_place: Place | None = None
    heard_s: tuple[float, float] | None = None
    same_as: int | None = None
    image: int | None = None
    side: Side | None = None


@dataclass(frozen=True)
class RecordingHit:
    """A recording of the library that matches a query: at ``time_s``, what the query has where `Hit` says."""

    rank: int
    piece_id: int
    piece: str
    source: str
    confidence: float
    time_s: float
    query_time_s: float | None
    query_place: Place | None = None
    heard_s: tuple[float, float] | None = None
    same_as: int | None = None
    title: str = ""
    composer: str = ""


@dataclass(frozen=True)
class Findings:
    """The whole answer to one query; ``confident`` is whether the first hit, a page or a recording, is surely right.

    ``said`` puts that in a word, and ``why`` is a sentence: why it is not sure, or which other editions there are.

    ``hits`` are pages, ``recordings`` recordings; each ranked apart. ``query_pages`` is the number of pages where the
    query is sheet music (start and duration are 0 then), None where it is a recording. ``remarks`` say what was amiss
    with the query's file, a clause each.
    """

    query_path: str
    query_start_s: float
    query_duration_s: float
    model: str
    confident: bool
    said: Said
    why: str
    hits: tuple[Hit, ...] = field(default=())
    recordings: tuple[RecordingHit, ...] = field(default=())
    query_pages: int | None = None
    remarks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that ``earmark find --json`` prints."""
        heard = {"start_s": self.query_start_s, "duration_s": self.query_duration_s}
        return {
            "query": {
                "path": self.query_path,
                **(heard if self.query_pages is None else {"pages": self.query_pages}),
            },
            "model": self.model,
            "confident": self.confident,
            "said": self.said,
            "why": self.why,
            "remarks": list(self.remarks),
            "hits": [asdict(hit) for hit in self.hits],
            "recordings": [asdict(hit) for hit in self.recordings],
        }


@dataclass(frozen=True)
class Stretch:
    """What is heard from ``start_s`` to ``end_s`` of a recording: a piece, nothing that is known, or silence.

    ``piece_id``, ``piece``, its name, ``title``, ``composer`` and ``source`` are those of `Hit`, and so is
    ``confidence``, of which ``sure`` says whether it is enough. ``begins`` and ``ends`` are the places that are played
    first and last. They are None, "" and 0 where no piece is.
    """

    start_s: float
    end_s: float
    piece_id: int | None = None
    piece: str = ""
    title: str = ""
    composer: str = ""
    source: str = ""
    confidence: float = 0.0
    sure: bool = False
    begins: Place | None = None
    ends: Place | None = None
    silent: bool = False
    sound: Sound = "music"

    @property
    def what(self) -> Literal["piece", "unknown", "talking", "applause", "silence"]:
        """Which of these it is; *unknown* is music."""
        if self.silent:
            return "silence"
        if self.piece_id is not None:
            return "piece"
        return "unknown" if self.sound == "music" else self.sound

    @property
    def called(self) -> str:
        """What people are told of it, in a few words."""
        if self.what != "piece":
            return "music not in this library" if self.what == "unknown" else self.what
        named = ": ".join(filter(None, (self.composer, self.title or self.piece)))
        return named if self.sure else f"perhaps {named}"


@dataclass(frozen=True)
class Identified:
    """All of a recording, ``duration_s`` long, as ``stretches`` without gaps, in order."""

    audio_path: str
    duration_s: float
    model: str
    stretches: tuple[Stretch, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that ``earmark identify --json`` prints for each recording."""
        return {
            "audio": {"path": self.audio_path, "duration_s": self.duration_s},
            "model": self.model,
            "stretches": [{"what": one.what, **asdict(one)} for one in self.stretches],
        }


Relation = Literal["recording", "edition", "part", "take", "performance"]
"""What one piece of a library is to another: a recording of a score; another edition of it; a part of it, such as a
movement; of two recordings, the same take, or another performance of the same music."""


@dataclass(frozen=True)
class Link:
    """The piece ``piece_id``, called ``piece``, is to the piece ``other_id``, called ``other``, what ``relation`` says.

    ``confidence`` is the probability of that, 0..1, and ``sure`` whether it is enough. ``heard_s`` says from when to
    when a recording plays the score, seconds; empty of other relations.
    """

    relation: Relation
    piece_id: int
    piece: str
    other_id: int
    other: str
    confidence: float
    sure: bool
    heard_s: tuple[tuple[float, float], ...] = ()

    @property
    def told(self) -> str:
        """The relation in words, to stand between both names."""
        words = _RELATIONS[self.relation]
        return words if self.sure else words.replace("is ", "is perhaps ")


_RELATIONS: dict[Relation, str] = {
    "recording": "is a recording of",
    "edition": "is another edition of",
    "part": "is a part of",
    "take": "is the same take as",
    "performance": "is another performance of what is on",
}


@dataclass(frozen=True)
class Work:
    """Pieces that are surely of the same music, by name: ``scores``, its editions, and ``recordings``, its recordings.

    ``parts`` are scores of a part of it.
    """

    scores: tuple[str, ...]
    recordings: tuple[str, ...]
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Links:
    """Which pieces of a library belong together: ``links`` of two each, and the ``works`` of which there is more than
    one piece, which follow from those that are sure."""

    links: tuple[Link, ...]
    works: tuple[Work, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that ``earmark links --json`` prints."""
        return {"links": [asdict(one) for one in self.links], "works": [asdict(one) for one in self.works]}


@dataclass(frozen=True)
class Mark:
    """Where the music is at one moment: ``x`` is a fraction of the page's width, page and system count from 1.

    ``strip_px`` is the same place on the piece's strip (all systems in reading order at one staff height, in strip
    px); it rises as the music goes on and falls where a repeat is taken. ``confidence``, 0..1, says how well the
    recording fits that place against all others of the piece. ``measure`` is the number of the measure there, as the
    score says it, None where only pixels are known.
    """

    time_s: float
    page: int
    system: int
    x: float
    strip_px: float
    confidence: float
    measure: str | None = None


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
    In pauses the mark stands. ``remarks`` say what was amiss with the recording, a clause each.
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
            "audio": {"path": self.audio_path, "duration_s": self.duration_s},
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
