"""What tells a right answer from a wrong one: a few numbers, each with a reason.

Whatever a library holds, something in it is most like the question. Whether that is the music says not how like it is,
but how it is like:

* ``score``: mean evidence per excerpt of the stretch, less jumps. Music that is there fits.
* ``margin``: the score less the best of any other music in the same excerpts. Music that is not there fits several
  pieces a little.
* ``contrast``: that margin in units of the rivals' own spread. How much better than the others the best of so many is by
  chance is what the distribution of the others says, in a library of any size.
* ``agreement``: the share of the excerpts whose nearest place, of all candidates, is on the path. Evidence may add up
  from many places that are each a little near.
* ``focus``: the share whose nearest place in the piece itself is on the path. Each excerpt votes freely; only in the
  right piece do these votes move forward at the tempo of the music. No rival is needed for that.
* ``parts``: the share of the four quarters of the stretch in which the piece beats all its rivals. Chance is lucky in
  one place, music everywhere.
* ``length``: the logarithm of the stretch's excerpts. What holds for long is worth more.
* ``heard``: the share of the question that the stretch is. A minute of which two seconds fit is noise, or other music.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from earmark.model.calibration import Signs
from earmark.schema import FloatArray, IntArray

if TYPE_CHECKING:
    from earmark.search.rank import Followed

NEAR_PLACES = 3
"""A place at most this far from the path is on it: 24 strip px, the width of two noteheads."""
PARTS = 4
SPREAD = 0.01
"""Units of cosine that are added to the rivals' spread: where there are few, it is not known better."""


def read_signs(followed: Followed, number: int, rivals: IntArray) -> Signs:
    """The signs of piece ``number`` of what was followed, against ``rivals``, the numbers of other music."""
    rows = slice(int(followed.starts[number]), int(followed.ends[number]))
    gains, most = followed.gains[rows], followed.most[rows]
    nearest, path = followed.nearest[rows, number], followed.path[rows, number]
    means = gains.mean(axis=0)
    score, theirs = float(means[number]), np.maximum(means[rivals], 0.0)
    margin = score - float(theirs.max(initial=0.0))
    contrast = (score - theirs.mean()) / (theirs.std() + SPREAD) if len(rivals) else score / SPREAD
    on_path = (np.abs(nearest - path) <= NEAR_PLACES) & (most[:, number] > 0.0)
    wins = most[:, number] >= most[:, rivals].max(axis=1, initial=0.0)
    return Signs(
        score=score,
        margin=margin,
        contrast=float(contrast),
        agreement=float(np.mean(on_path & wins)),
        focus=float(np.mean(on_path)),
        parts=float(np.mean([_wins(part, number, rivals) for part in np.array_split(gains, PARTS) if len(part)])),
        length=float(np.log(len(gains))),
        heard=len(gains) / len(followed.gains),
    )


def _wins(gains: FloatArray, number: int, rivals: IntArray) -> bool:
    """Whether a piece gains more than each of its rivals, and anything."""
    totals = gains.sum(axis=0)
    return bool(totals[number] > totals[rivals].max(initial=0.0))
