"""Defines the JSON objects of the API, by which answers are checked and the OpenAPI document is made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from earmark.results.alignment import Mark, Played
from earmark.results.alignment import SystemBox as AlignedSystem
from earmark.results.findings import Hit, RecordingHit
from earmark.results.places import Kind, Said
from earmark.schema import Side

Box = Annotated[list[float], Field(min_length=4, max_length=4, description="x0, y0, x1, y1 in fractions of the page")]
State = Literal["waiting", "working", "done", "failed"]


class Error(BaseModel):
    """What is wrong and what to do, phrases without a final stop; `kind` is for programs."""

    kind: str
    what: str
    remedy: str


class Failure(BaseModel):
    """Every answer that is not what was asked for."""

    error: Error


class Limits(BaseModel):
    """What the server takes: of a recording, a score, a query that is sheet music; and listeners at a time."""

    audio_bytes: int
    audio_s: float
    score_bytes: int
    score_pages: int
    question_pages: int
    live_sessions: int


class LibrarySummary(BaseModel):
    """The library; `model` is null while it is empty, `questions` are the kinds of files that can be looked up.

    `pieces` counts those of sheet music, which have `pages`; `recordings` those of sound. `has_history` is whether
    `/history` tells what was asked.
    """

    name: str
    model: str | None
    pieces: int
    pages: int
    recordings: int
    limits: Limits
    questions: list[str]
    page_widths: list[int]
    has_history: bool
    version: str


class Bookmark(BaseModel):
    """A place of a piece that somebody wants to come back to: a page, or a system of it; `text` is what they wrote."""

    page: Annotated[int, Field(ge=1, le=100_000)]
    system: Annotated[int, Field(ge=1, le=1000)] | None = None
    text: Annotated[str, Field(max_length=1000)] = ""


class Piece(BaseModel):
    """A piece; `source` is the name of the file or folder that it was added from. A recording has no pages."""

    id: int
    kind: Kind
    name: str
    title: str | None
    composer: str | None
    source: str
    added_at: str
    pages: int
    systems: int
    note: str
    tags: list[str]
    bookmarks: list[Bookmark]


class ListedPiece(Piece):
    """A piece of a list; `is_missing` is whether a file of it is gone: `earmark verify --repair` looks for it."""

    is_missing: bool


class Pieces(BaseModel):
    """Some of the pieces that match, of `total`.

    `initials` are the letters that they begin with in this order, whichever was asked for: capital ones, "0" for any
    digit, "" for those without a composer. `all_tags` are those of all pieces of the kind.
    """

    total: int
    offset: int
    pieces: list[ListedPiece]
    initials: list[str]
    all_tags: list[str]


class SystemBox(BaseModel):
    """One system on its page."""

    number: int
    box: Box


class PageLayout(BaseModel):
    """The size of a page image at 200 dpi, and its systems.

    `image` is the number of the file's page or image, and `side` the half of it that is this page, if it is one.
    """

    number: int
    width_px: int
    height_px: int
    systems: list[SystemBox]
    image: int | None
    side: Side | None


class PieceDetails(Piece):
    """A piece with its pages and systems."""

    layout: list[PageLayout]


class PieceLink(BaseModel):
    """A piece that belongs to another one: what `piece` is to that, and how sure it is.

    `heard_s` says from when to when a recording plays a score, seconds.
    """

    relation: Literal["recording", "score", "edition", "part", "whole", "take", "performance"]
    piece: Piece
    confidence: float
    sure: bool
    heard_s: list[tuple[float, float]]


class PieceLinks(BaseModel):
    """What belongs to a piece, the surest first; `ahead` pieces of the library are still to be held against it."""

    links: list[PieceLink]
    ahead: int


class Edit(BaseModel):
    """What to set of a piece; null, or not there, leaves it as it is."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    title: Annotated[str, Field(max_length=200)] | None = None
    composer: Annotated[str, Field(max_length=200)] | None = None
    note: Annotated[str, Field(max_length=10_000)] | None = None
    tags: Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=100)] | None = None
    bookmarks: Annotated[list[Bookmark], Field(max_length=1000)] | None = None


class Removal(BaseModel):
    """A piece that was removed, and the key to undo that within so many seconds."""

    removal: str
    name: str
    undo_until_s: float


class Recording(BaseModel):
    """A recording in the library's folder."""

    name: str
    bytes: int


class Recordings(BaseModel):
    """The recordings in the library's folder."""

    recordings: list[Recording]


class Job(BaseModel):
    """Where a piece of work is: how many are `ahead` while it waits, how far it is, why it failed."""

    id: str
    name: str
    state: State
    ahead: int | None
    progress: float | None
    error: Error | None


class Addition(Job):
    """A score on its way into the library; `remarks` say what of it is amiss or will hardly be found."""

    outcome: Literal["added", "unchanged", "replaced"] | None
    piece: Piece | None
    remarks: list[str] | None


class AudioQuery(BaseModel):
    """The stretch of sound that was looked up."""

    path: str
    start_s: float
    duration_s: float
    semitones: int


class SheetQuery(BaseModel):
    """The sheet music that was looked up."""

    path: str
    pages: int


class Found(BaseModel):
    """The object that `earmark find --json` prints."""

    query: AudioQuery | SheetQuery
    model: str
    confident: bool
    said: Said
    why: str
    remarks: list[str]
    hits: list[Hit]
    recordings: list[RecordingHit]


class Query(Job):
    """A recording or sheet music that is looked up; `pieces` are those of the hits and recordings, by name."""

    heard_s: float
    result: Found | None
    pieces: dict[str, Piece]


class Asked(BaseModel):
    """A question that was asked of the library; `answer` is what the command of that name prints with `--json`.

    By `key` it is exported.
    """

    key: str
    asked_at: str
    asked: Literal["find", "align", "identify"]
    query: str
    answer: dict[str, Any]


class AskedBefore(BaseModel):
    """What was asked, the latest first; `is_on` says whether answers are kept.

    `pieces` are those of the answers that the library has now, by name.
    """

    is_on: bool
    entries: list[Asked]
    pieces: dict[str, Piece]


class Switch(BaseModel):
    """Whether answers are to be kept from now on."""

    is_on: bool


class Audio(BaseModel):
    """The recording that was aligned."""

    path: str
    duration_s: float
    semitones: int


class Aligned(BaseModel):
    """The object that `earmark align --json` prints."""

    audio: Audio
    model: str
    piece: str
    source: str
    remarks: list[str]
    systems: list[AlignedSystem]
    points: list[Mark]
    others: list[Played]


class Alignment(BaseModel):
    """An alignment, or where the work on it is."""

    state: State
    ahead: int | None
    progress: float | None
    alignment: Aligned | None


class Excerpt(BaseModel):
    """What the model attends to around `time_s`, and the snippet of the piece that is most like it."""

    time_s: float
    weights: list[float]
    page: int
    system: int
    box: Box
    similarity: float


class Attention(BaseModel):
    """Weight `i` of an excerpt belongs to the moment `time_s + offsets_s[i]`; the weights sum to 1."""

    piece: int
    window_s: float
    offsets_s: list[float]
    excerpts: list[Excerpt]


class LiveReset(BaseModel):
    """A live session's wish to forget what was heard, and to listen for any piece."""

    type: Literal["reset"]


class LiveFollow(BaseModel):
    """A live session's wish to follow a piece, which is likely to be played from `page`."""

    type: Literal["follow"]
    piece: Annotated[int, Field(ge=1, lt=2**63)]
    page: Annotated[int, Field(ge=1, le=100_000)] = 1


LiveWish = Annotated[LiveReset | LiveFollow, Field(discriminator="type")]


class Health(BaseModel):
    """That the server is there."""

    status: Literal["ok"] = "ok"
