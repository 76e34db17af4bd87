"""How well music is followed while it is played.

Pieces on the test piano, from a random moment on, given half a second at a time to `earmark.library.live.Listener` in
the library of all the corpus's pieces. An answer comes once what it is about has been played, so its delay behind the
sound is the time between two answers and the seconds that it took to find. How far the place is behind the music, or
ahead, is measured too: the time at which the notes at the place that was named are played, against the time it was
named at.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.support.clips import RATE_HZ, Score, play
from benchmarks.support.pieces import Piece
from benchmarks.support.results import by_clock, table
from earmark.library.library import Library
from earmark.library.live import Listener, Now

LENGTH_S = 40.0
EVERY_S = 0.5


@dataclass
class Followed:
    """One piece: after how many seconds it was surely named (None: never), seconds each answer took, answers that were
    sure and of a wrong piece, of these those that name the right one as the same music; answers that were sure and
    right, and how late the places are, in seconds, of those on the right system."""

    named_s: float | None = None
    took_s: list[float] = field(default_factory=list)
    wrong: int = 0
    alike: int = 0
    placed: int = 0
    late_s: list[float] = field(default_factory=list)


def follow(library: Library, piece: Piece, seed: int) -> Followed:
    """Listens to `LENGTH_S` of a piece."""
    score, samples = Score(piece), play(piece)
    latest = max(0.0, float(score.onset_s[-1]) - LENGTH_S)
    start_s = float(np.random.default_rng(seed).uniform(0, latest)) if latest else 0.0
    pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)[round(start_s * RATE_HZ) :][: round(LENGTH_S * RATE_HZ)]
    listener, size = Listener(library, RATE_HZ), round(EVERY_S * RATE_HZ)
    result = Followed()
    for first in range(0, len(pcm), size):
        begin = time.perf_counter()
        listener.hear(pcm[first : first + size])
        heard = listener.answer()
        result.took_s.append(time.perf_counter() - begin)
        if not heard.confident or heard.now is None or start_s + heard.heard_s > score.onset_s[-1]:
            continue
        first_hit, *others = heard.hits
        if first_hit.source != str(piece.pdf):
            result.wrong += 1
            result.alike += (str(piece.pdf), first_hit.rank) in [(hit.source, hit.same_as) for hit in others]
            continue
        if result.named_s is None:
            result.named_s = heard.heard_s
        result.placed += 1
        late_s = lateness_s(score, heard.now, start_s + heard.heard_s)
        if late_s is not None:
            result.late_s.append(late_s)
    return result


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


def measure(library: Path, pieces: Sequence[Piece], model: str) -> dict[str, Any]:
    """All figures of these pieces; times in seconds, shares 0..1, None where nothing was ever surely named."""
    with Library.open(library, model, create=False) as opened:
        among = len(opened.pieces())
        followed = [follow(opened, piece, seed) for seed, piece in enumerate(pieces)]
    named = [one.named_s for one in followed if one.named_s is not None]
    late_s = np.array([late for one in followed for late in one.late_s])
    took_s = np.array([took for one in followed for took in one.took_s])
    return {
        "pieces": len(pieces),
        "library": among,
        "listened_s": LENGTH_S,
        "named": len(named),
        "named_s": float(np.median(named)) if named else None,
        "answers": len(took_s),
        "surely_wrong": sum(one.wrong for one in followed),
        "alike": sum(one.alike for one in followed),
        "places": sum(one.placed for one in followed),
        "on_system": len(late_s),
        "late_s": _percentiles(late_s, 50),
        "off_s": _percentiles(np.abs(late_s), 50, 90),
        "took_s": _percentiles(took_s, 50, 99),
    }


def rows(results: dict[str, Any]) -> str:
    """The table of what `measure` found, which ``results`` has as ``live``."""
    found = results["live"]
    off, took = found["off_s"], found["took_s"]
    share = found["on_system"] / max(1, found["places"])
    listed = [
        (f"pieces surely and rightly named within {found['listened_s']:g} s", f"{found['named']} of {found['pieces']}"),
        ("seconds until then, median", f"{found['named_s']:.1f}"),
        ("answers that surely name a wrong piece", f"{found['surely_wrong']} of {found['answers']}"),
        ("of these, with the right one as the same music", str(found["alike"])),
        ("places on the right system", f"{share:.1%} of {found['places']}"),
        ("how far the place is behind, median", f"{1000 * found['late_s'][0]:.0f} ms"),
        ("how far it is off, median and 90 %", f"{1000 * off[0]:.0f} ms, {1000 * off[1]:.0f} ms"),
        ("seconds an answer takes, median and 99 %", by_clock(results, f"{took[0]:.3f}, {took[1]:.3f}")),
    ]
    return table((f"live, in a library of {found['library']} pieces", ""), listed)


def _percentiles(values: npt.NDArray[np.float64], *shares: int) -> list[float]:
    return [round(float(value), 4) for value in np.percentile(values, shares)]
