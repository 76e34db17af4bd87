"""A recording along the pieces that are played on it: one for the most part, or a tape of several.

The piece that is named, or surely found, is followed through the whole recording. Where it is not heard for long, the
recording is heard through as any tape is (`earmark.answers.stretches`), and stretches that are surely of another piece
are followed through that, unless the first one goes on for most of them: it may be another edition of the same music.
What remains is nothing known, and has no points.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from earmark.answers.look_up import ranked
from earmark.answers.stretches import stretches
from earmark.embed.recording import EmbeddedRecording
from earmark.embed.windows import PLACE_HOP_PX
from earmark.model.calibration import Calibration
from earmark.results.alignment import STEP_S, Played
from earmark.results.identified import Stretch
from earmark.search.align import align
from earmark.search.query import query_of
from earmark.search.track import Track
from earmark.store.store import Piece, Store

LONG_S = 10.0
"""Without points: enough for another piece to be surely known by."""
MOST = 0.5
"""Share of a stretch that a piece is played for most of it."""


def follow(
    recording: EmbeddedRecording, store: Store, calibration: Calibration, piece: Piece | None = None
) -> list[Played]:
    """The pieces that are played: first ``piece``, or if None the one that is surely found, then others by time.

    Empty when no piece is given and none is surely found. Raises KeyError when a piece is removed meanwhile.
    """
    first = piece or _surely_found(recording, store, calibration)
    if first is None:
        others = _others(recording, store, calibration, None)
        longest = max(others, key=lambda one: len(one.points), default=None)
        return [] if longest is None else [longest, *(one for one in others if one is not longest)]
    played = along(recording, first, store, calibration)
    if not _is_long_away(played, recording.duration_s):
        return [played]
    others = _others(recording, store, calibration, played)
    taken = {point.time_s for other in others for point in other.points}
    return [replace(played, points=tuple(one for one in played.points if one.time_s not in taken)), *others]


def along(recording: EmbeddedRecording, piece: Piece, store: Store, calibration: Calibration) -> Played:
    """What of a recording, or a part of one, is played of a piece; raises KeyError when there is no such piece now."""
    places, embeddings = store.contents(piece.id)
    track = Track(places, PLACE_HOP_PX)
    background = calibration.backgrounds["score"].levels(recording.embeddings)
    points = align(recording.embeddings, recording.times_s, recording.duration_s, embeddings, track, background)
    return Played(piece.id, piece.name, piece.source, track.systems, points)


def _surely_found(recording: EmbeddedRecording, store: Store, calibration: Calibration) -> Piece | None:
    """The piece that the whole recording is surely of."""
    query = query_of(recording)
    (found,) = ranked(store, calibration, query, ["score"], 1)
    return store.piece(found[0].piece) if found and found[0].sure else None


def _is_long_away(played: Played, duration_s: float) -> bool:
    """Whether there are no points for long."""
    times_s = [0.0, *(point.time_s for point in played.points), duration_s]
    return any(after_s - before_s > LONG_S for before_s, after_s in pairwise(times_s))


def _others(recording: EmbeddedRecording, store: Store, calibration: Calibration, first: Played | None) -> list[Played]:
    """What is surely of other pieces than the first, by time."""
    others: dict[int, Played] = {}
    for one in stretches(recording, store, calibration) if len(recording.times_s) else ():
        if one.sure and one.piece_id is not None and not (first and _is_of(first, one)):
            found = _through(recording, store.piece(one.piece_id), one, store, calibration)
            before = others.get(one.piece_id)
            others[one.piece_id] = replace(found, points=before.points + found.points) if before else found
    return [one for one in others.values() if one.points]


def _is_of(first: Played, one: Stretch) -> bool:
    """Whether a stretch is of the first piece, by its name or by how long that is played in it."""
    inside = sum(one.start_s <= point.time_s < one.end_s for point in first.points)
    return one.piece_id == first.piece_id or STEP_S * inside > MOST * (one.end_s - one.start_s)


def _through(
    recording: EmbeddedRecording, piece: Piece, one: Stretch, store: Store, calibration: Calibration
) -> Played:
    """A stretch of a recording along its piece."""
    start, end = np.searchsorted(recording.times_s, (one.start_s, one.end_s))
    part = EmbeddedRecording(recording.embeddings[start:end], recording.times_s[start:end], one.end_s)
    found = along(part, piece, store, calibration)
    return replace(found, points=tuple(point for point in found.points if one.start_s <= point.time_s < one.end_s))
