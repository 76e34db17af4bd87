"""The nouns that cross folders, with their units.

Conventions used everywhere in the package:

* Times are seconds, named ``*_s``; spectrogram positions are frames (20 per second), may be fractional.
* ``*_px`` are pixels of the image that the name says: a *page* pixel of a 200 dpi page image, or a *strip*
  pixel, the unit the sheet encoder sees (staff height 14 px; half of the paper's 835-px-wide page).
* Images are ``uint8``, 255 = paper, 0 = ink, row 0 at the top. Boxes are ``(x0, y0, x1, y1)``.
* Pages and systems count from 1 where people see them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
Image = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
"""All of a page."""
Side = Literal["left", "right"]
"""Which of two pages that lie beside each other."""


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


HEAD_PX = 48
"""Of the left end of a system, in strip px: so much shows the clefs and the longest key signature."""


@dataclass(frozen=True)
class Heads:
    """The left ends of the systems of a strip, from left to right: their clefs and key signatures.

    ``ink`` float32 [systems, lanes, strip height, `HEAD_PX`], 0 = paper, 1 = ink; ``begins`` int64 [systems], the
    columns at which the systems begin, that of the first at most 0.
    """

    ink: FloatArray
    begins: IntArray

    def shown(self, start: int, columns: int) -> Heads:
        """Those of the systems that a stretch of the strip shows, ``columns`` wide from column ``start`` on."""
        begins = self.begins - start
        end = max(1, int(np.searchsorted(begins, columns)))
        first = max(1, int(np.searchsorted(begins[:end], 0, side="right"))) - 1
        return Heads(self.ink[first:end], begins[first:end])


@dataclass(frozen=True)
class Ink:
    """What the sheet encoder sees: ``strip`` float32 [lanes, strip height, columns], 0 = paper, 1 = ink, and the
    ``heads`` of its systems, at least one."""

    strip: FloatArray
    heads: Heads

    @property
    def columns(self) -> int:
        return int(self.strip.shape[2])


@dataclass(frozen=True)
class PageImage:
    """One page of a source file: ``image`` is grey uint8 [height, width].

    ``number``, from 1, is that of the file's page, and ``part`` what is shown of it, in fractions of its width and
    height: half of it where two pages of music lie beside each other.
    """

    number: int
    image: Image
    part: Box = WHOLE


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


def known_values(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` for the fields of the dataclass ``kind``, lists as tuples. Raises TypeError for an unknown key."""
    unknown = set(values) - {item.name for item in fields(kind)}
    if unknown:
        raise TypeError(f"unknown key {', '.join(sorted(unknown))}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


@dataclass(frozen=True)
class Page:
    """The size of one page image and the number of systems on it; ``number`` counts from 1 through the piece.

    ``image`` is the number of the file's page, or of the image among the piece's, and ``side`` the half of it that is
    this page, where two lie beside each other; None where that is not so. Of pieces that were added by an earlier
    version neither is known.
    """

    number: int
    width_px: int
    height_px: int
    systems: int
    image: int | None = None
    side: Side | None = None
