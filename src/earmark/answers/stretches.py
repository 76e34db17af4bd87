"""What is on a long recording: all its stretches, named and placed, those of nothing known among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt

from earmark.audio.texture import sounds
from earmark.embed.recording import EmbeddedRecording
from earmark.embed.windows import PLACE_HOP_PX, QUERY_HOP_FRAMES
from earmark.model.calibration import Calibration
from earmark.results.identified import Sound, Stretch
from earmark.schema import AudioSpec, FloatArray
from earmark.search.follow import follow_pieces
from earmark.search.index import Neighbours
from earmark.search.query import query_of
from earmark.search.rank import NEIGHBOURS, propose
from earmark.search.stretches import Heard, decide, windows
from earmark.store.store import Store

FOLLOWED = 8
"""Pieces that are followed in each window, those with most votes."""
SHORTEST_S = 5.0
"""A stretch that is shorter is not told, but given to its neighbour: an excerpt hears half a window, 4.2 s, ahead."""
RINGS_S = AudioSpec().window_frames / AudioSpec().frames_per_second
"""Music that is shorter, between a piece and none, is the piece's: its last chord, say, of which no excerpt is told by
notes alone."""
ENOUGH_S = 20.0
"""A shorter stretch is asked for with the music around it. It was cut to what fits, so that all of it does; whether
more is played there that does not tells a piece from a phrase of other music."""
SURE = 0.99
"""The least confidence of a stretch that is surely of a piece. It was looked for in all of a recording and cut to where
it fits best, so it has to be surer than the answer to a question. 121 of 122 were on eight tapes of an hour, of pieces
that were trained or validated on."""
EXCERPT_S = QUERY_HOP_FRAMES / AudioSpec().frames_per_second
BESIDE_S = 2 * EXCERPT_S
"""Excerpts that are farther apart have silence between them."""


def stretches(recording: EmbeddedRecording, store: Store, calibration: Calibration) -> tuple[Stretch, ...]:
    """All stretches of a recording, in order and without gaps.

    Raises KeyError when a piece is removed meanwhile.
    """
    return tidied(heard_stretches(recording, store, calibration), recording.duration_s)


def heard_stretches(recording: EmbeddedRecording, store: Store, calibration: Calibration) -> list[Stretch]:
    """What is heard, in order, to be `tidied`: without silence, in parts of any length. Raises as `stretches` does."""
    heard_as: list[Sound | None] = ["music"] * len(recording.times_s)
    if len(recording.textures):
        heard_as = sounds(recording.textures)
    is_music = np.array([sound == "music" for sound in heard_as], np.bool_)
    heard = decide(_evidence(recording, store, calibration), is_music)
    is_unknown = is_music.copy()
    for one in heard:
        is_unknown[one.start : one.end] &= one.piece is None
    told: list[Stretch] = []
    for one in heard:
        named = None
        if one.piece is not None:
            named = _named(recording, one, _asked(one, is_unknown, recording.times_s), store, calibration)
        if named:
            told.append(named)
            continue
        for rows in _unbroken(recording.times_s, one):
            told += _sounds(recording.times_s[rows], heard_as[rows])
    return told


def _evidence(recording: EmbeddedRecording, store: Store, calibration: Calibration) -> Iterator[tuple[int, FloatArray]]:
    """What speaks for each piece in each excerpt, [n]: the most that any window around it found.

    Most pieces are followed in a window or two, so only what was found there is kept of all of them at once.
    """
    levels = calibration.backgrounds["score"].levels(recording.embeddings)
    found: dict[int, list[tuple[slice, FloatArray]]] = {}
    for rows, neighbours in _neighbours(recording, store):
        excerpts = recording.embeddings[rows]
        pieces = store.embeddings(propose(neighbours)[:FOLLOWED])
        if pieces:
            followed = follow_pieces(excerpts, recording.times_s[rows], levels[rows], pieces, PLACE_HOP_PX)
            for i, piece in enumerate(followed.order):
                found.setdefault(piece, []).append((rows, followed.gains[:, i].copy()))
    for piece, parts in found.items():
        evidence = np.zeros(len(recording.times_s), np.float32)
        for rows, gains in parts:
            np.maximum(evidence[rows], gains, out=evidence[rows])
        yield piece, evidence


def _neighbours(recording: EmbeddedRecording, store: Store) -> Iterator[tuple[slice, Neighbours]]:
    """Each window with the nearest places of its excerpts. Windows overlap, and an excerpt is looked up once."""
    known, end = Neighbours(*(np.zeros((0, NEIGHBOURS), kind) for kind in (np.float32, np.int64, np.int64))), 0
    for rows in windows(recording.times_s):
        found = store.nearest(recording.embeddings[max(end, rows.start) : rows.stop], NEIGHBOURS)
        held = max(0, end - rows.start)
        width = min(known.pieces.shape[1], found.pieces.shape[1])  # fewer, where something was removed meanwhile
        known = Neighbours(
            *(
                np.concatenate([old[len(old) - held :, :width], new[:, :width]])
                for old, new in (
                    (known.similarities, found.similarities),
                    (known.pieces, found.pieces),
                    (known.places, found.places),
                )
            )
        )
        end = rows.stop
        yield rows, known


def _asked(one: Heard, is_unknown: npt.NDArray[np.bool_], times_s: npt.NDArray[np.float64]) -> slice:
    """The excerpts that tell how sure a stretch is: its own, and those of unknown music just before and after it, until
    they are long enough. ``is_unknown`` bool [n], ``times_s`` float64 [n]."""
    start, end = one.start, one.end
    while (end - start) * EXCERPT_S < ENOUGH_S:
        before = start > 0 and is_unknown[start - 1] and times_s[start] - times_s[start - 1] < BESIDE_S
        after = end < len(times_s) and is_unknown[end] and times_s[end] - times_s[end - 1] < BESIDE_S
        if not before and not after:
            break
        start, end = start - bool(before), end + bool(after)
    return slice(start, end)


def _named(
    recording: EmbeddedRecording, one: Heard, asked: slice, store: Store, calibration: Calibration
) -> Stretch | None:
    """A stretch as people are told it; None where no piece fits. How sure it is, the excerpts ``asked`` tell: its own,
    and maybe some around it."""
    query = query_of(EmbeddedRecording(recording.embeddings[asked], recording.times_s[asked], recording.duration_s))
    proposed = propose(store.nearest(query.embeddings, NEIGHBOURS))
    candidates = sorted({piece for piece in (one.piece, *proposed) if piece is not None})
    ranked = query.rank(store.embeddings(candidates), "score", calibration, 1)
    if not ranked:
        return None
    (first,) = ranked
    piece = store.piece(first.piece)
    start_s, end_s = (float(recording.times_s[i]) for i in (one.start, one.end - 1))
    own = np.flatnonzero((query.positions >= start_s) & (query.positions <= end_s))
    begins, ends = (store.place(piece.id, int(first.path[own[i]])) for i in (0, -1))
    return Stretch(
        start_s - EXCERPT_S / 2,
        end_s + EXCERPT_S / 2,
        piece_id=piece.id,
        piece=piece.name,
        title=piece.title,
        composer=piece.composer,
        source=piece.source,
        confidence=round(first.confidence, 4),
        sure=first.sure and first.confidence >= SURE,
        begins=begins,
        ends=ends,
    )


def _unbroken(times_s: npt.NDArray[np.float64], one: Heard) -> Iterator[slice]:
    """The excerpts of a stretch, apart where there is silence between them."""
    silence_s = np.diff(times_s[one.start : one.end]) - EXCERPT_S
    bounds = [one.start, *(one.start + 1 + np.flatnonzero(silence_s >= SHORTEST_S)).tolist(), one.end]
    yield from (slice(*ends) for ends in pairwise(bounds))


def _sounds(times_s: npt.NDArray[np.float64], heard_as: Sequence[Sound | None]) -> list[Stretch]:
    """Stretches of nothing known: music, talking, applause, silence. What is too short is taken for what is beside it,
    that of the longer one, so that of many short ones one stretch comes."""
    runs = [(sound, len(list(run))) for sound, run in groupby(heard_as)]
    while len(runs) > 1 and min(length for _, length in runs) * EXCERPT_S < SHORTEST_S:
        i = min(range(len(runs)), key=lambda i: runs[i][1])
        beside = max((j for j in (i - 1, i + 1) if 0 <= j < len(runs)), key=lambda j: runs[j][1])
        runs[i] = (runs[beside][0], runs[i][1])
        runs = [(sound, sum(length for _, length in same)) for sound, same in groupby(runs, key=lambda run: run[0])]
    told, start = [], 0
    for sound, length in runs:
        end = start + length
        bounds = float(times_s[start]) - EXCERPT_S / 2, float(times_s[end - 1]) + EXCERPT_S / 2
        told.append(Stretch(*bounds, silent=sound is None, sound=sound or "music"))
        start = end
    return told


def tidied(told: Sequence[Stretch], duration_s: float) -> tuple[Stretch, ...]:
    """The stretches from 0 to ``duration_s``, silence among them; neighbours of one piece are one."""
    filled: list[Stretch] = []
    now_s = 0.0
    for one in told:
        if one.start_s - now_s >= SHORTEST_S:
            filled.append(Stretch(now_s, one.start_s, silent=True))
        filled.append(one)
        now_s = one.end_s
    if duration_s - now_s >= SHORTEST_S or not filled:
        filled.append(Stretch(now_s, duration_s, silent=True))
    joined: list[Stretch] = []
    filled = [one for one in filled if _length_s(one) >= SHORTEST_S] or [max(filled, key=_length_s)]
    for one in _with_ends(filled):
        if joined and (one.piece_id, one.what) == (joined[-1].piece_id, joined[-1].what):
            joined[-1] = _joined(joined[-1], one)
        else:
            joined.append(one)
    # Excerpts go on for half a window after the last sound: silence begins where the piece before it ends.
    turns = [before.end_s if one.silent else one.start_s for before, one in pairwise(joined)]
    bounds = [0.0, *turns, duration_s]
    return tuple(
        replace(one, start_s=round(start_s, 3), end_s=round(end_s, 3))
        for one, start_s, end_s in zip(joined, bounds, bounds[1:], strict=False)
    )


def _with_ends(told: list[Stretch]) -> Iterator[Stretch]:
    """The same, but what rings on after a piece, or precedes it, is the piece."""
    for i, one in enumerate(told):
        around = [told[j] if 0 <= j < len(told) else None for j in (i - 1, i + 1)]
        pieces = [other for other in around if other and other.what == "piece"]
        is_end = one.what == "unknown" and _length_s(one) < RINGS_S and len(pieces) == 1
        if is_end and all(other is None or other.what != "unknown" for other in around):
            (piece,) = pieces
            one = replace(piece, start_s=one.start_s, end_s=one.end_s)
        yield one


def _joined(one: Stretch, other: Stretch) -> Stretch:
    """Two stretches of one kind, or of one piece, as one; in which key it is, the surer tells."""
    surer = max(one, other, key=lambda stretch: stretch.confidence)
    sure = one.sure or other.sure
    return replace(surer, start_s=one.start_s, end_s=other.end_s, begins=one.begins, ends=other.ends, sure=sure)


def _length_s(one: Stretch) -> float:
    return one.end_s - one.start_s
