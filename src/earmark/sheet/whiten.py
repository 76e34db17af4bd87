"""Grey, stained and unevenly lit paper made white, and pale ink black, as engravers' files have them.

The page is divided by its paper (a morphological closing) and the contrast is stretched, so that the sheet encoder
gets black on white whatever the light was. A page from an engraver's file comes out as it went in.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from earmark.schema import Box, Image

_STAFF_PX = 16  # height of a staff where paper is looked for: noise is averaged there, and there is little to do
_WIDEST = 17  # px there that ink covers at most: a chord, beams, a heading's letters
_DARKEST = 40  # paper may be; what is darker is a scanner's border
_INK_SHARE, _PAPER_SHARE = 0.01, 0.6  # of the px in systems that are at least as dark as ink and as paper
_LEAST_CONTRAST = 30  # between them; with less there is nothing to be read


def whiten(image: Image, boxes: list[Box], staff_height_px: float) -> Image:
    """The page image uint8 [height, width] with paper at 255 everywhere and the darkest ink in ``boxes`` (px) at 0.

    Paper is what is lighter than its surroundings for about a staff's height around (a morphological closing); every px
    is divided by it, and the contrast of what is in the boxes is stretched. A page that is black on white already, as
    from an engraver's file, is returned as it is.
    """
    height, width = image.shape
    factor = min(1.0, _STAFF_PX / staff_height_px)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((_WIDEST, _WIDEST), np.uint8))
    paper = np.maximum(cv2.blur(paper, (_WIDEST, _WIDEST)), _DARKEST).astype(np.uint8)
    lit = image
    if int(paper.min()) < 255:
        light = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
        lit = np.asarray(cv2.divide(image, light, scale=255), np.uint8)
    black, white = _levels(lit, boxes)
    if (black, white) == (0, 255):
        return lit
    table = np.clip((np.arange(256) - black) * (255 / max(white - black, _LEAST_CONTRAST)), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(lit, table), np.uint8)


def _levels(image: Image, boxes: list[Box]) -> tuple[int, int]:
    """How dark ink and paper are in the boxes."""
    counts = np.zeros(256, np.int64)
    for box in boxes:
        x0, y0, x1, y1 = (max(0, round(edge)) for edge in box)
        counts += np.bincount(image[y0:y1, x0:x1].ravel(), minlength=256)
    if not counts.any():
        return 0, 255
    share: npt.NDArray[np.float64] = np.cumsum(counts) / counts.sum()
    return int(np.searchsorted(share, _INK_SHARE)), int(np.searchsorted(share, _PAPER_SHARE))
