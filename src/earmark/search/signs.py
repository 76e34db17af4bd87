"""What tells a right answer from a wrong one: three numbers, each with a reason.

Whatever a library holds, something in it is most like the question. Whether that is the music is not told by how like
it is, but by how it is like:

* ``lead``: by how much evidence in all the piece stands above every rival, the other music of the library, in the
  excerpts where it is heard; its logarithm. Music that is not there fits several pieces a little, and the larger the
  library is, the nearer the second comes: no size has to be known. That the pages are scans or the movement is slow
  lowers all evidence, and the lead less.
* ``heard``: at how many places, as a share of the question's excerpts. A minute of which two seconds fit is noise, or
  other music. What stays where it is counts once: music moves on, but talking and applause are like one place of some
  piece for as long as they last.
* ``focus``: the share of them whose nearest place in the piece is on the path. Each excerpt votes freely; only in the
  right piece do these votes move forward with the music. It needs no rival.

What was tried beside these and told nothing more: in how many excerpts it is heard, the mean evidence, the rivals'
mean and spread, the share of the excerpts or of the quarters in which the piece beats them all, how straight the path
is, how high the background, and the size of the library.
"""

from __future__ import annotations

import numpy as np

from earmark.model.calibration import Signs
from earmark.schema import IntArray
from earmark.search.follow import Followed

NEAR_PLACES = 3
"""A place at most this far from the path is on it: 24 strip px, the width of two noteheads."""
LEAST_LEAD = 0.1
"""In units of cosine, added before the logarithm: half of what one excerpt that fits is worth."""


def read_signs(followed: Followed, number: int, rivals: IntArray) -> Signs:
    """The signs of piece ``number`` of what was followed, against ``rivals``, the numbers of other music."""
    rows = slice(int(followed.starts[number]), int(followed.ends[number]))
    totals = followed.gains[rows].sum(axis=0)
    lead = float(totals[number]) - float(totals[rivals].max(initial=0.0))
    nearest, path = followed.nearest[rows, number], followed.path[rows, number]
    focused = (np.abs(nearest - path) <= NEAR_PLACES) & (followed.most[rows, number] > 0.0)
    return Signs(
        lead=float(np.log(max(lead, 0.0) + LEAST_LEAD)),
        heard=len(np.unique(path)) / len(followed.path),
        focus=float(focused.mean()),
    )
