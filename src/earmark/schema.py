"""The nouns that cross file boundaries, with their units, and the error classes.

Conventions used everywhere in the package:

* Times are seconds, named ``*_s``; spectrogram positions are frames (20 per second), may be fractional.
* ``*_px`` are pixels of the image that the name says: a *page* pixel of a 200 dpi page image, or a *strip*
  pixel, the unit the sheet encoder sees (staff height 14 px; half of the paper's 835-px-wide page).
* Images are ``uint8``, 255 = paper, 0 = ink, row 0 at the top. Boxes are ``(x0, y0, x1, y1)``.
* Pages and systems count from 1 where people see them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
Kind = Literal["score", "recording"]
"""What a piece of a library is: sheet music, or a recording of some."""


class EarmarkError(Exception):
    """An error whose message can be shown to a person as it is: one line, what is wrong and what to do."""


class BadInput(EarmarkError):  # noqa: N818
    """A file that cannot be used.

    The message is ``<path>: <what is wrong>; <remedy>``.
    """

    def __init__(self, path: str | Path, what: str, remedy: str) -> None:
        super().__init__(f"{path}: {what}; {remedy}")
        self.path = str(path)
        self.what = what
        self.remedy = remedy


class Unsure(EarmarkError):  # noqa: N818
    """No answer is sure enough to go on with."""


class Mismatch(EarmarkError):  # noqa: N818
    """Two things that must have been made with the same definition were not (model, library, corpus)."""


@dataclass(frozen=True)
class AudioSpec:
    """What the audio encoder sees: the paper's spectrogram (Balke et al. 2019, Section 3; madmom's filterbank).

    Frame ``i`` is centred on ``i / frames_per_second`` seconds.
    """

    sample_rate_hz: int = 22_050
    frame_size: int = 2048
    frames_per_second: int = 20
    bands_per_octave: int = 16
    min_frequency_hz: float = 30.0
    max_frequency_hz: float = 6000.0
    bands: int = 92
    window_frames: int = 168

    @property
    def hop_size(self) -> float:
        """Samples between the centres of two frames; need not be whole (1102.5)."""
        return self.sample_rate_hz / self.frames_per_second

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class SheetSpec:
    """What the sheet encoder sees: strips of unrolled systems at one staff height.

    The paper's snippet of 160 x 200 page px, halved before the network by the authors' code, is
    ``strip_height_px`` x ``window_px`` = 80 x 100 here. LilyPond's default staff (20 pt) on a page 835 px wide is
    28 px high, so ``staff_height_px`` = 14 gives the same scale for default scores and one scale for all others.
    """

    staff_height_px: float = 14.0
    strip_height_px: int = 80
    window_px: int = 100

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class PageImage:
    """One page of a source file: ``number`` counts from 1, ``image`` is grey uint8 [height, width]."""

    number: int
    image: Image


@dataclass(frozen=True)
class System:
    """One system of staves on a page, in pixels of the page image.

    ``box`` spans the staff lines: left to right end, top line of the top staff to bottom line of the bottom staff.
    ``staves`` holds (top line, bottom line) of every staff from top to bottom; ``staff_height_px`` is their mean
    height. ``bars`` holds the x of every bar line that was found, from left to right.
    """

    box: Box
    staves: tuple[tuple[float, float], ...]
    staff_height_px: float
    bars: tuple[float, ...] = ()


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

    What of the query is like the place: ``query_time_s`` where the query is a recording, ``query_place`` where it is
    sheet music; the other is None. ``heard_s`` is from when to when a recording plays the piece, seconds of the file;
    None where the query is sheet music. ``title`` and ``composer`` are the score's own, "" where it has none.
    """

    rank: int
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


@dataclass(frozen=True)
class RecordingHit:
    """A recording of the library that matches a query: at ``time_s``, what the query has where `Hit` says."""

    rank: int
    piece: str
    source: str
    confidence: float
    time_s: float
    query_time_s: float | None
    query_place: Place | None = None
    heard_s: tuple[float, float] | None = None


@dataclass(frozen=True)
class Findings:
    """The whole answer to one query; ``confident`` is False when the piece is probably not in the library.

    ``hits`` are pages, ``recordings`` recordings; each ranked apart. ``query_pages`` is the number of pages where the
    query is sheet music (start and duration are 0 then), None where it is a recording.
    """

    query_path: str
    query_start_s: float
    query_duration_s: float
    model: str
    confident: bool
    hits: tuple[Hit, ...] = field(default=())
    recordings: tuple[RecordingHit, ...] = field(default=())
    query_pages: int | None = None

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
            "hits": [asdict(hit) for hit in self.hits],
            "recordings": [asdict(hit) for hit in self.recordings],
        }


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


@dataclass(frozen=True)
class Alignment:
    """A whole recording along one piece: ``points`` rise in time at a regular step from the start to the end.

    Before the music begins, in pauses and after its end the mark stands. ``systems`` are the piece's, in reading
    order. There are no points when nothing was heard.
    """

    audio_path: str
    duration_s: float
    model: str
    piece: str
    source: str
    systems: tuple[SystemBox, ...]
    points: tuple[Mark, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that ``earmark align --json`` prints."""
        return {
            "audio": {"path": self.audio_path, "duration_s": self.duration_s},
            "model": self.model,
            "piece": self.piece,
            "source": self.source,
            "systems": [{**asdict(system), "box": list(system.box)} for system in self.systems],
            "points": [asdict(point) for point in self.points],
        }


def known_values(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` for the fields of the dataclass ``kind``, lists as tuples. Raises TypeError for an unknown key."""
    unknown = set(values) - {item.name for item in fields(kind)}
    if unknown:
        raise TypeError(f"unknown key {', '.join(sorted(unknown))}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
