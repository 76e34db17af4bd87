"""What a search, a query and an alignment answer, with their units.

Times are seconds; boxes ``(x0, y0, x1, y1)`` are in fractions of a page's width and height; pages and systems count
from 1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from earmark.schema import Box

Kind = Literal["score", "recording"]
"""What a piece of a library is: sheet music, or a recording of some."""

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
    rank of the hit that has the same music and fits better, None where there is none.
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

    @property
    def what(self) -> Literal["piece", "unknown", "silence"]:
        """Which of the three it is."""
        if self.silent:
            return "silence"
        return "unknown" if self.piece_id is None else "piece"

    @property
    def called(self) -> str:
        """What people are told of it, in a few words."""
        if self.what != "piece":
            return {"silence": "silence", "unknown": "not in this library"}[self.what]
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
    recording fits that place against all others of the piece.
    """

    time_s: float
    page: int
    system: int
    x: float
    strip_px: float
    confidence: float


@dataclass(frozen=True)
class SystemBox:
    """What is shown of one system, both numbers from 1; ``box`` is in fractions of the page's width and height."""

    page: int
    system: int
    box: Box


STEP_S = 0.1
"""Between two points of an alignment."""


@dataclass(frozen=True)
class Alignment:
    """A whole recording along one piece: ``points`` rise in time, at a regular step while the piece is played.

    Where it is not, there are none: before it begins, after its end, and while other music, talking or applause is
    heard. In pauses the mark stands. ``systems`` are the piece's, in reading order. ``remarks`` say what was amiss with
    the recording, a clause each.
    """

    audio_path: str
    duration_s: float
    model: str
    piece: str
    source: str
    systems: tuple[SystemBox, ...]
    points: tuple[Mark, ...]
    remarks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that ``earmark align --json`` prints."""
        return {
            "audio": {"path": self.audio_path, "duration_s": self.duration_s},
            "model": self.model,
            "piece": self.piece,
            "source": self.source,
            "remarks": list(self.remarks),
            "systems": [{**asdict(system), "box": list(system.box)} for system in self.systems],
            "points": [asdict(point) for point in self.points],
        }
