"""Which pieces of a library belong together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

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
