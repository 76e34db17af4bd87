"""How well music is followed while it is played: ``python -m benchmarks.live CORPUS [--work DIR] [--pieces N]``.

Test pieces on the test piano, from a random moment on, heard half a second at a time by
`earmark.library.live.Listener` in the library of all the corpus's pieces. An answer comes once what it is about has
been heard, so its delay behind the sound is the time between two answers and the seconds that it took to find. How far
the place is behind the music, or ahead, is measured too: the time at which the notes at the place that was named are
played, against the time it was named at.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.clips import RATE_HZ, Score, play
from benchmarks.pieces import Piece, evenly, read_pieces, whole_library
from benchmarks.report import describe, machine, table
from earmark.library.library import DEFAULT_MODEL, Library
from earmark.library.live import Heard, Listener, Now

LENGTH_S = 40.0
EVERY_S = 0.5


@dataclass(frozen=True)
class Followed:
    """One piece: after how many seconds it was surely named (None: never), seconds each answer took, answers that were
    sure and of the right piece, of these those on the right system, and how late their places are, in seconds."""

    named_s: float | None
    took_s: list[float]
    wrong: int
    placed: int
    on_system: int
    late_s: list[float]


def follow(library: Library, piece: Piece, seed: int) -> Followed:
    """Listens to `LENGTH_S` of a piece."""
    score, samples = Score(piece), play(piece)
    latest = max(0.0, float(score.onset_s[-1]) - LENGTH_S)
    start_s = float(np.random.default_rng(seed).uniform(0, latest)) if latest else 0.0
    pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)[round(start_s * RATE_HZ) :][: round(LENGTH_S * RATE_HZ)]
    listener, size = Listener(library, RATE_HZ), round(EVERY_S * RATE_HZ)
    result = Followed(None, [], 0, 0, 0, [])
    named_s, wrong, placed, on_system = None, 0, 0, 0
    for first in range(0, len(pcm), size):
        begin = time.perf_counter()
        listener.hear(pcm[first : first + size])
        heard = listener.answer()
        result.took_s.append(time.perf_counter() - begin)
        if not heard.confident or heard.now is None or start_s + heard.heard_s > score.onset_s[-1]:
            continue
        if not _is_right(heard, piece):
            wrong += 1
            continue
        named_s = heard.heard_s if named_s is None else named_s
        placed += 1
        late_s = lateness_s(score, heard.now, start_s + heard.heard_s)
        if late_s is not None:
            on_system += 1
            result.late_s.append(late_s)
    return Followed(named_s, result.took_s, wrong, placed, on_system, result.late_s)


def lateness_s(score: Score, now: Now, time_s: float) -> float | None:
    """How long ago the notes at this place were played; None if the music is on another system."""
    here = (score.page == now.page) & (score.y >= now.box[1]) & (score.y <= now.box[3])
    if not here.any():
        return None
    middle = (now.box[1] + now.box[3]) / 2
    system = here & (score.y == score.y[here][np.abs(score.y[here] - middle).argmin()])
    times_s, x = score.onset_s[system], score.x[system]
    if not times_s.min() - 0.5 <= time_s <= times_s.max() + 0.5:
        return None
    order = np.argsort(x)
    return time_s - float(np.interp(now.x, x[order], times_s[order]))


def _is_right(heard: Heard, piece: Piece) -> bool:
    return heard.hits[0].source == str(piece.pdf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--work", type=Path, default=Path("data/bench"))
    parser.add_argument("--pieces", type=int, default=94)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    options = parser.parse_args()
    print(describe(machine()))
    where = whole_library(read_pieces(options.corpus), options.work, options.model)
    pieces = evenly(read_pieces(options.corpus, "test"), 10**9)
    pieces = pieces[:: max(1, len(pieces) // options.pieces)][: options.pieces]
    with Library.open(where, options.model, create=False) as library:
        followed = [follow(library, piece, seed) for seed, piece in enumerate(pieces)]
    named = [one.named_s for one in followed if one.named_s is not None]
    placed = sum(one.placed for one in followed)
    late_s = np.array([late for one in followed for late in one.late_s])
    took_s = np.array([took for one in followed for took in one.took_s])
    rows = [
        ("pieces surely and rightly named within 40 s", f"{len(named)} of {len(pieces)}"),
        ("seconds until then, median", f"{np.median(named):.1f}"),
        ("answers that surely name a wrong piece", f"{sum(one.wrong for one in followed)} of {len(took_s)}"),
        ("places on the right system", f"{sum(one.on_system for one in followed) / placed:.1%} of {placed}"),
        ("how far the place is behind, median", f"{1000 * np.median(late_s):.0f} ms"),
        ("how far it is off, median and 90 %", _spread(np.abs(late_s))),
        ("seconds an answer takes, median and 99 %", f"{np.median(took_s):.3f}, {np.percentile(took_s, 99):.3f}"),
    ]
    print(table(("live", ""), rows))


def _spread(off_s: np.ndarray) -> str:
    return f"{1000 * np.median(off_s):.0f} ms, {1000 * np.percentile(off_s, 90):.0f} ms"


if __name__ == "__main__":
    main()
