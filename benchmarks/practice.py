"""How well someone is followed who practises: ``python -m benchmarks.practice CORPUS``.

Sessions of test pieces (`benchmarks.support.session`) on a piano that no training heard, given 0.4 s at a time to
`earmark.library.live.Follower`, which knows the piece and nothing else. A place is off by the time between what is
played and what is marked, at the stretch's tempo. Someone is found again when the place is off by at most `NEAR_S` in
two answers one after the other; the first of them counts.
"""

from __future__ import annotations

import argparse
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support.clips import RATE_HZ
from benchmarks.support.pieces import Piece, evenly_chosen, read_pieces
from benchmarks.support.results import begin, finish, table
from benchmarks.support.session import STEPS, Score, Stretch, practise, read_score
from earmark.library.library import DEFAULT_MODEL, Library
from earmark.library.live import Follower, Now
from earmark.library.live_excerpts import LiveExcerpts

EVERY_S = 0.4
NEAR_S = 1.0
LONG_S = 60.0
"""A piece that is practised is at least so long."""


@dataclass
class Found:
    """What came of sessions: ``back`` are a step, and the seconds until someone was found again (None: never).

    ``answers`` are those while someone played, ``placed`` those with a place, ``right`` those on the right system;
    ``off_s`` says of the latter how far they are behind.
    """

    back: list[tuple[str, float | None]] = field(default_factory=list)
    answers: int = 0
    placed: int = 0
    right: int = 0
    off_s: list[float] = field(default_factory=list)


def follow(library: Library, identifier: int, piece: Piece, seed: int, found: Found) -> None:
    """Listens to one session."""
    score = read_score(piece)
    samples, stretches = practise(piece, score, seed)
    pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
    follower, size = Follower(library, LiveExcerpts(library.model, RATE_HZ), identifier), round(EVERY_S * RATE_HZ)
    told: list[tuple[float, Now | None]] = []
    for start in range(0, len(pcm), size):
        follower.hear(pcm[start : start + size])
        answer = follower.answer()
        told.append((answer.heard_s, answer.now))
    for stretch in stretches:
        _judge(score, stretch, [one for one in told if stretch.start_s <= one[0] < stretch.end_s], found)


def _judge(score: Score, stretch: Stretch, told: Sequence[tuple[float, Now | None]], found: Found) -> None:
    near = []
    for time_s, now in told:
        found.answers += 1
        near.append(False)
        if now is None:
            continue
        found.placed += 1
        tick = stretch.tick_at(time_s)
        off_s = (tick - score.tick_at(now.page, now.system, now.x)) / stretch.ticks_per_s
        near[-1] = abs(off_s) <= NEAR_S
        if score.systems[score.system_at(tick)] == (now.page, now.system):
            found.right += 1
            found.off_s.append(off_s)
    twice = [i for i in range(len(near) - 1) if near[i] and near[i + 1]]
    found.back.append((stretch.step, told[twice[0]][0] - stretch.start_s if twice else None))


def figures(found: Found) -> dict[str, Any]:
    """What the tables show; times in seconds, shares 0..1."""
    off_s = np.array(found.off_s)
    steps = [("begins", "the session begins"), *((step, step) for step in STEPS)]
    rows = [_row(name, [back_s for step, back_s in found.back if step == key]) for key, name in steps]
    jumps = [back_s for step, back_s in found.back if step not in ("begins", "stops and goes on")]
    return {
        "steps": [*rows, _row("**all jumps**", jumps)],
        "answers": found.answers,
        "placed": found.placed,
        "right": found.right,
        "behind_s": round(float(np.median(off_s)), 3),
        "off_s": [round(float(value), 3) for value in np.percentile(np.abs(off_s), (50, 90))],
    }


def _row(name: str, back_s: Sequence[float | None]) -> dict[str, Any]:
    times_s = [np.inf if one is None else one for one in back_s]
    shares = np.percentile(times_s, (50, 90), method="higher") if times_s else (np.inf, np.inf)
    median_s, most_s = (round(float(value), 2) if np.isfinite(value) else None for value in shares)
    return {
        "step": name,
        "times": len(times_s),
        "found": int(np.isfinite(times_s).sum()),
        "median_s": median_s,
        "most_s": most_s,
    }


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The tables of finding back and of following."""

    def seconds(value: float | None) -> str:
        return "–" if value is None else f"{value:.1f}"

    header = ("the player", "times", "found again", "seconds, median", "90 %")
    rows = [
        (row["step"], row["times"], row["found"], seconds(row["median_s"]), seconds(row["most_s"]))
        for row in results["steps"]
    ]
    off_s = results["off_s"]
    listed = [
        ("answers while someone plays", results["answers"]),
        ("with a place", f"{results['placed'] / results['answers']:.1%}"),
        ("on the right system, of all answers", f"{results['right'] / results['answers']:.1%}"),
        ("there, behind the music, median", f"{1000 * results['behind_s']:.0f} ms"),
        ("there, off, median and 90 %", f"{1000 * off_s[0]:.0f} ms, {1000 * off_s[1]:.0f} ms"),
    ]
    title = f"{results['sessions']} sessions of {results['pieces']} pieces, {results['minutes']:.0f} minutes"
    return {"steps": table(header, rows), "places": table((title, ""), listed)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--pieces", type=int, default=12, help="how many, evenly taken")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = begin(options.model)
    longer = [one for one in read_pieces(options.corpus, options.split) if one.about()["duration_s"] >= LONG_S]
    pieces, found = evenly_chosen(longer, options.pieces), Found()
    with tempfile.TemporaryDirectory() as folder, Library.open(folder, options.model) as library:
        library.add([piece.pdf for piece in pieces])
        identifiers = {piece.source: piece.id for piece in library.pieces()}
        for piece in pieces:
            follow(library, identifiers[str(piece.pdf)], piece, zlib.crc32(piece.name.encode()), found)
    minutes = found.answers * EVERY_S / 60
    results |= {"pieces": len(pieces), "sessions": len(pieces), "minutes": round(minutes, 1), **figures(found)}
    finish(results, tables(results), options.json)


if __name__ == "__main__":
    main()
