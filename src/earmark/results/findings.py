"""What a search finds: pages, recordings, and how sure that is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from earmark.results.places import Place, Said
from earmark.schema import Box, Side


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
    query is sheet music (start and duration are 0 then), None where it is a recording. A recording sounds ``semitones``
    lower than the music is printed (see `earmark.answers.other_keys`). ``remarks`` say that, and what was amiss with
    the query's file, a clause each.
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
    semitones: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that ``earmark find --json`` prints."""
        heard = {
            "start_s": self.query_start_s,
            "duration_s": self.query_duration_s,
            "semitones": self.semitones,
        }
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
