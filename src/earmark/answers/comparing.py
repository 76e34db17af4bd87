"""Performances of one piece, side by side: recordings of the library that are known to be of it, and files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from earmark.answers.following import along
from earmark.answers.links import links_of
from earmark.answers.stretches import EXCERPT_S
from earmark.embed.recording import EmbeddedRecording
from earmark.embed.windows import PLACE_HOP_PX
from earmark.model.calibration import Calibration
from earmark.results.alignment import STEP_S, Mark
from earmark.results.comparison import Comparison, Performance, ScorePosition, TempoUnit
from earmark.results.places import Place
from earmark.search.tempo import Floats, passes
from earmark.search.track import Track
from earmark.store.store import Piece, Store

EVERY_PX = 96.0
"""Between two positions where measures are not known: about as wide as one."""


def linked_recordings(store: Store, piece: Piece) -> list[Piece]:
    """The recordings of the library that are surely of a score, as far as `earmark.answers.links` has found."""
    links = links_of(store).links
    found = [one.piece_id for one in links if (one.relation, one.other_id, one.sure) == ("recording", piece.id, True)]
    return store.some(sorted(found))


def stored_recording(store: Store, recording: Piece) -> EmbeddedRecording:
    """A recording as the library holds it: no file is read."""
    times_s, embeddings = store.excerpts(recording.id)
    return EmbeddedRecording(embeddings, times_s, float(times_s[-1]) + EXCERPT_S / 2)


def compare(
    store: Store,
    calibration: Calibration,
    piece: Piece,
    model_id: str,
    recordings: Sequence[tuple[str, str, EmbeddedRecording]],
) -> Comparison:
    """``recordings``, of name and source, along ``piece``. Raises KeyError when the piece is removed meanwhile."""
    places, _ = store.contents(piece.id)
    positions = _positions(places)
    has_measures = any(place.measure for place in places)
    amounts = np.ones(len(positions)) if has_measures else np.diff([one.strip_px for one in positions], append=np.nan)
    performances = []
    for name, source, recording in recordings:
        first_s, lasts_s = _passed(along(recording, piece, store, calibration).points, positions)
        tempi = (60.0 if has_measures else 1.0) * amounts / lasts_s
        performances.append(Performance(name, source, _told(first_s, 3), _told(tempi, 2)))
    unit: TempoUnit = "measures per minute" if has_measures else "strip px per second"
    return Comparison(piece.name, piece.source, model_id, unit, positions, tuple(performances))


def _positions(places: Sequence[Place]) -> tuple[ScorePosition, ...]:
    """Where each measure begins; where measures are not known, every `EVERY_PX`."""
    track = Track(places, PLACE_HOP_PX)
    measures = [place.measure for place in places]
    if any(measures):
        begun = [i for i, measure in enumerate(measures) if i == 0 or measure != measures[i - 1]]
        strip_px = np.array(begun, np.float64) * PLACE_HOP_PX
    else:
        strip_px = np.arange(0.0, len(places) * PLACE_HOP_PX, EVERY_PX)
    pages, systems, x = track.at(strip_px)
    rows = zip(pages.tolist(), systems.tolist(), x.round(5).tolist(), strip_px.tolist(), strict=True)
    return tuple(
        ScorePosition(*row, measures[int(row[-1] // PLACE_HOP_PX)])  # where it begins, not what is nearest
        for row in rows
    )


def _passed(points: Sequence[Mark], positions: Sequence[ScorePosition]) -> tuple[Floats, Floats]:
    times_s, strip_px = (np.array([getattr(one, field) for one in points]) for field in ("time_s", "strip_px"))
    return passes(times_s, strip_px, np.array([one.strip_px for one in positions]), 1.5 * STEP_S)


def _told(values: Floats, digits: int) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else round(value, digits) for value in values.tolist())
