"""What `earmark identify` finds on long tapes: stretches, their boundaries, what is wrong, and the time that it takes.

    python -m benchmarks.shelf CORPUS --tapes 4 --minutes 20 --json benchmarks/results/shelf.json

Test pieces are played one after the other on a piano that no model was trained on, each whole or, at most, two minutes
from anywhere, with five to twenty seconds of one person talking or of applause between. Every second piece of the split
is in the library, and of those on a tape every fifth is not.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.suites.tapes import Tape, cut, name_all, record, talking, to_loudness
from benchmarks.support.clips import RATE_HZ, play, write_wav
from benchmarks.support.forms import applause
from benchmarks.support.pieces import Piece, read_pieces
from benchmarks.support.results import begin, finish, table
from earmark.library.library import DEFAULT_MODEL, Library
from earmark.results.identified import Stretch
from earmark.schema import FloatArray

LONGEST_S = 120.0
ABSENT_EVERY = 5
BETWEEN_S = (5.0, 20.0)


def tapes_of(known: Sequence[Piece], absent: Sequence[Piece], count: int, minutes: float) -> Iterator[Tape]:
    """``count`` tapes, each at least ``minutes`` long; no piece is twice on one."""
    rng = np.random.default_rng(5)
    for _ in range(count):
        order = [known[i] for i in rng.permutation(len(known))]
        strangers = [absent[i] for i in rng.permutation(len(absent))]
        sounds: list[tuple[Piece | None, FloatArray]] = []
        while sum(len(samples) for _, samples in sounds) < minutes * 60 * RATE_HZ:
            is_absent = len(sounds) // 2 % ABSENT_EVERY == ABSENT_EVERY - 1
            piece = (strangers if is_absent else order).pop()
            sounds.append((piece, cut(rng, play(piece), LONGEST_S)))
            length_s = rng.uniform(*BETWEEN_S)
            claps = to_loudness(applause(rng, round(length_s * RATE_HZ)))
            sounds.append((None, claps if rng.random() < 0.5 else talking(rng, length_s)))
        yield record("tape", *sounds)


def measure(tape: Tape, told: Sequence[Stretch], sources: dict[int, Piece]) -> dict[str, Any]:
    """What of a tape was found, and how well; times in seconds."""
    known = set(sources.values())
    off_s, found, surely, present = [], 0, 0, 0
    for part in tape.parts:
        if part.piece not in known:
            continue
        present += 1
        own = [one for one in told if one.piece_id is not None and sources[one.piece_id] == part.piece]
        right = [one for one in own if part.is_heard((one.start_s, one.end_s))]
        if right:
            found += 1
            surely += right[0].sure
            off_s += [abs(right[0].start_s - part.start_s), abs(right[0].end_s - part.end_s)]
    named = [one for one in told if one.piece_id is not None]
    wrong = [one for one in named if not _plays(tape, one, sources)]
    return {
        "minutes": len(tape.samples) / RATE_HZ / 60,
        "pieces": present,
        "absent": len(tape.parts) - present,
        "found": found,
        "surely": surely,
        "named": len(named),
        "wrong": len(wrong),
        "surely_wrong": sum(one.sure for one in wrong),
        "off_s": off_s,
    }


def _plays(tape: Tape, one: Stretch, sources: dict[int, Piece]) -> bool:
    """Whether a stretch's piece is played during at least half of it."""
    assert one.piece_id is not None
    shared_s = sum(
        max(0.0, min(one.end_s, part.end_s) - max(one.start_s, part.start_s))
        for part in tape.parts
        if part.piece == sources[one.piece_id]
    )
    return shared_s >= 0.5 * (one.end_s - one.start_s)


def tables(results: dict[str, Any]) -> dict[str, str]:
    """All tapes in one line."""
    tapes = results["tapes"]
    total = {key: sum(tape[key] for tape in tapes) for key in tapes[0] if key != "off_s"}
    off_s = np.concatenate([tape["off_s"] for tape in tapes])
    header = ["tapes", "minutes", "pieces there", "found", "surely", "wrong", "surely wrong"]
    header += ["boundary, median", "90 %", "CPU s an hour, decoding apart"]
    row = [str(len(tapes)), f"{total['minutes']:.0f}", str(total["pieces"]), str(total["found"]), str(total["surely"])]
    row += [str(total["wrong"]), str(total["surely_wrong"]), f"{np.median(off_s):.1f} s"]
    row += [f"{np.quantile(off_s, 0.9):.1f} s", f"{60 * total['cpu_s'] / total['minutes']:.0f}"]
    return {"tapes": table(header, [row])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--tapes", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=20.0, help="the least that a tape has")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = begin(given.model)
    pieces = read_pieces(given.corpus, given.split)
    measured = []
    with tempfile.TemporaryDirectory() as folder, Library.open(Path(folder) / "library", given.model) as library:
        names = name_all(library, pieces[::2])
        sources = {piece.id: names[piece.name] for piece in library.pieces()}
        path = Path(folder) / "tape.wav"
        for tape in tapes_of(pieces[::2], pieces[1::2], given.tapes, given.minutes):
            write_wav(path, tape.samples)
            started = time.process_time()
            told = library.identify(path).stretches
            measured.append(measure(tape, told, sources) | {"cpu_s": time.process_time() - started})
            print({key: value for key, value in measured[-1].items() if key != "off_s"}, flush=True)
    results |= {"minutes": given.minutes, "tapes": measured}
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
