"""Hard negatives: the places of a piece that look most alike, where a search errs and training should compare.

They are told by the notes, not by any network: what a snippet about an onset shows, as a coarse picture of pitch and
place.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earmark.model.size import PITCHES
from earmark.schema import FloatArray

BIN_PX = 8  # strip px
KEPT = 4  # hard negatives of each onset
BLOCK = 1024  # onsets that are compared at once


def hard_negatives(
    onset_px: FloatArray,
    music: npt.NDArray[np.uint64],
    note_px: FloatArray,
    pitch: npt.NDArray[np.int64],
    window_px: int,
) -> npt.NDArray[np.int64]:
    """For every onset, up to `KEPT` others about which a snippet shows nearly the same: int64 [onsets, k].

    ``onset_px`` [onsets], ``note_px`` and ``pitch`` [notes] are those of a training piece, ``music`` [onsets] what
    `earmark.training.data.ambiguity.snippet_music` makes of it. Onsets whose snippets show the same music and those
    whose snippets overlap (``window_px`` strip px wide) are not among them. An onset without any has itself in their
    place.
    """
    pictures = _pictures(onset_px, note_px, pitch, window_px)
    kept = min(KEPT, len(onset_px))
    found = np.empty((len(onset_px), kept), np.int64)
    for start in range(0, len(onset_px), BLOCK):
        own = np.arange(start, min(start + BLOCK, len(onset_px)))
        likeness = pictures[own] @ pictures.T
        apart = np.abs(onset_px[own, None] - onset_px)
        likeness[(music[own, None] == music) | (apart < window_px)] = -1
        nearest = np.argpartition(-likeness, kept - 1, axis=1)[:, :kept]
        found[own] = np.where(np.take_along_axis(likeness, nearest, 1) >= 0, nearest, own[:, None])
    return found


def _pictures(onset_px: FloatArray, note_px: FloatArray, pitch: npt.NDArray[np.int64], window_px: int) -> FloatArray:
    """Unit embeddings, float32 [onsets, pitches x bins]: the notes around each onset, blurred by half a bin."""
    reach = window_px // (2 * BIN_PX)
    bins = np.round(note_px / BIN_PX).astype(np.int64)
    on_piano = (pitch >= 0) & (pitch < PITCHES)
    roll = np.zeros((int(bins.max(initial=0)) + 2 * reach + 3, PITCHES), np.float32)
    for offset, weight in ((-1, 0.5), (0, 1.0), (1, 0.5)):
        np.maximum.at(roll, (bins[on_piano] + reach + 1 + offset, pitch[on_piano]), np.float32(weight))
    first = np.round(onset_px / BIN_PX).astype(np.int64) + 1
    windows = roll[first[:, None] + np.arange(2 * reach + 1)].reshape(len(onset_px), -1)
    unit: FloatArray = windows / np.maximum(np.linalg.norm(windows, axis=1, keepdims=True), 1e-6)
    return unit
