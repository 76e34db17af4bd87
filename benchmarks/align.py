"""How exactly the mark follows a performance through its score.

    python -m benchmarks.align CORPUS [--split test] [--tempi 0.66,1,1.5] [--forms 12] [--model NAME] [--json FILE]

Every piece of the split is indexed from its PDF and played by a piano that no model was trained on, with human timing
(``earmark.corpus.humanise``: rubato, chords spread, dynamics, pedal), at each tempo; then ``--forms`` of the pieces in
other forms (``benchmarks.forms``: repeats, a da capo, a start in the middle with silence before and applause after).
Each recording is aligned by ``Library.align``, which is told the piece.

An onset's error is the time at which the mark passes its noteheads (their mean place, in the right system) against
the time at which it was played, of all passes the nearest; an onset that the mark never passes is wrong at any
tolerance. Its system is right when the mark is in it at the time at which it was played.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mido
import numpy as np
import numpy.typing as npt

from benchmarks.clips import PIANO, write_wav
from benchmarks.forms import FORMS, Form, pad, unfold
from benchmarks.pieces import Piece, read_pieces
from benchmarks.report import describe, machine, table, write_json
from earmark.corpus.humanise import humanise
from earmark.corpus.render import render, timed
from earmark.library.library import DEFAULT_MODEL, Library
from earmark.results import Alignment

Floats = npt.NDArray[np.float64]
NEAR_S = 0.5
JUMP = 0.15  # systems between two points, more than which the mark jumps rather than passes
SHORTEST_FORM_S = 40.0
WORST = 12


@dataclass(frozen=True)
class Onsets:
    """The onsets of a piece, one for each system that has one: ``tick`` int64, ``system`` int64 (index in reading
    order), ``x`` float64, the mean of the noteheads' centres in fractions of the page's width; ``time_s`` float64,
    when it is played."""

    tick: npt.NDArray[np.int64]
    system: npt.NDArray[np.int64]
    x: Floats
    time_s: Floats


@dataclass(frozen=True)
class Result:
    """One recording: ``errors_s`` float64 [onsets] (inf: never passed), ``right_system`` bool [onsets]."""

    piece: str
    kind: str
    audio_s: float
    took_s: float
    errors_s: Floats
    right_system: npt.NDArray[np.bool_]


def read_onsets(piece: Piece) -> Onsets:
    """A piece's onsets by tick; the times are NaN still."""
    about = piece.about()
    width = {page["number"]: page["width_px"] for page in about["pages"]}
    widths = np.array([width[system["page"]] for system in about["systems"]])
    with np.load(piece.folder / "noteheads.npz") as heads:
        sounding = np.isfinite(heads["onset_s"])
        tick, system, x_px = (heads[key][sounding] for key in ("tick", "system", "x_px"))
    pairs, index = np.unique(np.stack([tick, system]).astype(np.int64), axis=1, return_inverse=True)
    x = np.bincount(index, weights=x_px / widths[system]) / np.bincount(index)
    return Onsets(pairs[0], pairs[1], x, np.full(len(x), np.nan))


def play(piece: Piece, form: Form, tempo: float, path: Path) -> Onsets:
    """Writes a performance of ``piece`` to ``path``; returns what is played when, in order of form and score."""
    onsets = read_onsets(piece)
    score = mido.MidiFile(piece.midi)
    parts = form.parts(onsets.tick, onsets.system, max(tick for tick, _ in timed(score)))
    performance = humanise(unfold(score, parts), zlib.crc32(piece.name.encode()), tempo)
    samples, before_s = pad(render(performance.midi, PIANO), form)
    write_wav(path, samples)
    played, ticks, start = [], [], 0
    for part in parts:
        inside = np.flatnonzero((onsets.tick >= part[0]) & (onsets.tick < part[1]))
        played.append(inside)
        ticks.append(onsets.tick[inside] - part[0] + start)
        start += part[1] - part[0]
    order = np.concatenate(played)
    time_s = before_s + performance.seconds_at(np.concatenate(ticks))
    return Onsets(onsets.tick[order], onsets.system[order], onsets.x[order], time_s)


def judge(alignment: Alignment, onsets: Onsets) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Errors in seconds, and whether the system is right, per onset."""
    number = {(box.page, box.system): i for i, box in enumerate(alignment.systems)}
    edges = np.array([(box.box[0], box.box[2]) for box in alignment.systems])
    time_s = np.array([point.time_s for point in alignment.points])
    system = np.array([number[point.page, point.system] for point in alignment.points])
    x = np.array([point.x for point in alignment.points])

    def along(systems: npt.NDArray[np.int64], at: Floats) -> Floats:
        """Places as systems and their fractions, which rise through the piece."""
        left, right = edges[systems].T
        fraction: Floats = np.clip((at - left) / (right - left), 0, 1 - 1e-9)
        return systems + fraction

    marked, wanted = along(system, x), along(onsets.system, onsets.x)
    errors_s = np.array([_error(time_s, marked, *onset) for onset in zip(wanted, onsets.time_s, strict=True)])
    nearest = np.clip(np.rint(onsets.time_s / (time_s[1] - time_s[0])).astype(int), 0, len(time_s) - 1)
    return errors_s, system[nearest] == onsets.system


def _error(time_s: Floats, marked: Floats, wanted: float, played_s: float) -> float:
    """The time from ``played_s`` to the nearest pass of the mark over ``wanted``; inf if there is none."""
    before, after = marked[:-1], marked[1:]
    passes = np.flatnonzero((before <= wanted) & (wanted <= after) & (after - before < JUMP))
    if len(passes) == 0:
        return float("inf")
    step = after[passes] - before[passes]
    moves = step > 0
    share = np.divide(wanted - before[passes], step, out=np.zeros(len(passes)), where=moves)
    passed_s = time_s[passes] + share * (time_s[passes + 1] - time_s[passes])
    stood_s = np.clip(played_s, time_s[passes], time_s[passes + 1])
    errors = np.where(moves, passed_s, stood_s) - played_s
    return float(errors[np.abs(errors).argmin()])


def measure(pieces: Sequence[Piece], library: Library, tempi: Sequence[float], forms: int) -> Iterator[Result]:
    """One result per piece and tempo, then per form and piece."""
    names = {piece.source: piece.name for piece in library.pieces()}
    whole = Form("")
    longer = [piece for piece in pieces if piece.about()["duration_s"] >= SHORTEST_FORM_S]
    some = [longer[i * len(longer) // forms] for i in range(min(forms, len(longer)))]
    cases = [(f"tempo {tempo:g}", piece, whole, tempo) for tempo in tempi for piece in pieces]
    cases += [(form.name, piece, form, 1.0) for form in FORMS for piece in some]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "performance.wav"
        for kind, piece, form, tempo in cases:
            onsets = play(piece, form, tempo, path)
            start = time.perf_counter()
            alignment = library.align(path, names[str(piece.pdf)])
            took_s = time.perf_counter() - start
            yield Result(piece.name, kind, alignment.duration_s, took_s, *judge(alignment, onsets))


def figures(results: Sequence[Result]) -> dict[str, Any]:
    """What the table shows, of all onsets of these results together."""
    errors_s = np.abs(np.concatenate([result.errors_s for result in results]))
    right = np.concatenate([result.right_system for result in results])
    audio_s = sum(result.audio_s for result in results)
    median_ms = float(np.median(errors_s)) * 1000
    return {
        "recordings": len(results),
        "onsets": len(errors_s),
        "median_ms": round(median_ms) if np.isfinite(median_ms) else None,  # most were never passed
        "within_500_ms": round(float((errors_s <= NEAR_S).mean()), 4),
        "right_system": round(float(right.mean()), 4),
        "ms_a_minute": round(sum(result.took_s for result in results) / audio_s * 60_000),
    }


def print_table(results: Sequence[Result]) -> None:
    kinds = dict.fromkeys(result.kind for result in results)
    groups = {kind: [result for result in results if result.kind == kind] for kind in kinds}
    tempi = [result for result in results if result.kind.startswith("tempo")]
    groups["**all tempi**"] = tempi
    rows = []
    for name, group in groups.items():
        if group:
            found = figures(group)
            shares = [f"{found[key]:.1%}" for key in ("within_500_ms", "right_system")]
            rows.append((name, found["recordings"], found["onsets"], found["median_ms"], *shares, found["ms_a_minute"]))
    header = ("performance", "recordings", "onsets", "median error, ms", "within 500 ms", "right system", "ms a minute")
    print(table(header, rows), "\n")
    for result in sorted(results, key=lambda result: float((np.abs(result.errors_s) <= NEAR_S).mean()))[:WORST]:
        found = figures([result])
        print(f"{result.piece}, {result.kind}: {found['within_500_ms']:.1%} within 500 ms, {found['median_ms']} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--tempi", default="0.66,1,1.5", help="how fast, of the score's own tempo")
    parser.add_argument("--forms", type=int, default=12, help="how many pieces to play in other forms")
    parser.add_argument("--pieces", type=int, help="only so many pieces, evenly taken")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    before = machine()
    print(describe(before), "\n")
    pieces = read_pieces(options.corpus, options.split)
    if options.pieces:
        pieces = [pieces[i * len(pieces) // options.pieces] for i in range(options.pieces)]
    tempi = [float(tempo) for tempo in options.tempi.split(",") if tempo]
    with tempfile.TemporaryDirectory() as folder, Library.open(folder, options.model) as library:
        library.add([piece.pdf for piece in pieces])
        results = list(measure(pieces, library, tempi, options.forms))
    print_table(results)
    if options.json:
        each = [{"piece": result.piece, "kind": result.kind, **figures([result])} for result in results]
        write_json(options.json, {"machine": before, "all": figures(results), "each": each})


if __name__ == "__main__":
    main()
