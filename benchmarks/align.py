"""How exactly the mark follows a performance through its score, recorded and live.

    python -m benchmarks.align CORPUS [--split test] [--tempi 0.66,1,1.5] [--pieces N] [--forms 12] [--live N]

Every piece of the split is indexed from its PDF and played by a piano that no model was trained on, with human timing
(``earmark.corpus.humanise``: rubato, chords spread, dynamics, pedal), at each tempo; then ``--forms`` of the pieces in
other forms (``benchmarks.support.forms``: repeats, a da capo, a start in the middle with silence before and applause
after). Each recording is aligned by ``Library.align``, which is told the piece.

An onset's error is the time at which the mark passes its noteheads (their mean place, in the right system) against
the time at which it was played, of all passes the nearest; an onset that the mark never passes is wrong at any
tolerance. Its system is right when the mark is in it at the time at which it was played.

With ``--live`` so many pieces of the split are also listened to live (`benchmarks.support.live`), in a library of all
the corpus's pieces or of those of the split ``--among``, which ``--work`` keeps.
"""

from __future__ import annotations

import argparse
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mido
import numpy as np
import numpy.typing as npt

from benchmarks.support import live
from benchmarks.support.clips import PIANO, write_wav
from benchmarks.support.forms import FORMS, Form, pad, unfold
from benchmarks.support.pieces import Piece, evenly_chosen, kept_library, read_pieces
from benchmarks.support.results import begin, finish, table
from earmark.corpus.humanise import humanise
from earmark.corpus.render import render, timed
from earmark.library.library import DEFAULT_MODEL, Library
from earmark.results.alignment import STEP_S, Alignment

Floats = npt.NDArray[np.float64]
NEAR_S = 0.5
JUMP = 0.15  # systems between two points, more than which the mark jumps rather than passes
SHORTEST_FORM_S = 40.0


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
    nearest = np.abs(time_s[:, None] - onsets.time_s).argmin(axis=0)
    is_marked = np.abs(time_s[nearest] - onsets.time_s) <= STEP_S  # there is no mark where the piece is not heard
    return errors_s, is_marked & (system[nearest] == onsets.system)


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
            alignment = library.align(path, names[str(piece.pdf)])
            yield Result(piece.name, kind, *judge(alignment, onsets))


def figures(results: Sequence[Result]) -> dict[str, Any]:
    """What the table shows, of all onsets of these results together."""
    errors_s = np.abs(np.concatenate([result.errors_s for result in results]))
    right = np.concatenate([result.right_system for result in results])
    median_ms = float(np.median(errors_s)) * 1000
    return {
        "recordings": len(results),
        "onsets": len(errors_s),
        "median_ms": round(median_ms) if np.isfinite(median_ms) else None,  # most were never passed
        "within_500_ms": round(float((errors_s <= NEAR_S).mean()), 4),
        "right_system": round(float(right.mean()), 4),
    }


def groups(results: Sequence[Result]) -> list[dict[str, Any]]:
    """What the table shows: figures of every kind of performance, and of all tempi together."""
    kinds = dict.fromkeys(result.kind for result in results)
    rows = [(kind, [result for result in results if result.kind == kind]) for kind in kinds]
    if tempi := [result for result in results if result.kind.startswith("tempo")]:
        rows.append(("**all tempi**", tempi))
    return [{"kind": kind, **figures(group)} for kind, group in rows]


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The tables of recorded performances and, where it was measured, of live listening."""
    rows = []
    for row in results["recorded"]:
        shares = [f"{row[key]:.1%}" for key in ("within_500_ms", "right_system")]
        rows.append((row["kind"], row["recordings"], row["onsets"], row["median_ms"], *shares))
    header = ("performance", "recordings", "onsets", "median error, ms", "within 500 ms", "right system")
    found = {"recorded": table(header, rows)} if rows else {}
    return found | ({"live": live.rows(results)} if results.get("live") else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--tempi", default="0.66,1,1.5", help="how fast, of the score's own tempo")
    parser.add_argument("--forms", type=int, default=12, help="how many pieces to play in other forms")
    parser.add_argument("--pieces", type=int, help="only so many pieces, evenly taken")
    parser.add_argument("--live", type=int, default=0, help="how many pieces to listen to live")
    parser.add_argument("--among", metavar="SPLIT", help="live: among the pieces of this split alone, not in all")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--work", type=Path, default=Path("data/bench"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = begin(options.model)
    split = read_pieces(options.corpus, options.split)
    pieces = evenly_chosen(split, options.pieces)
    tempi = [float(tempo) for tempo in options.tempi.split(",") if tempo]
    with tempfile.TemporaryDirectory() as folder, Library.open(folder, options.model) as library:
        library.add([piece.pdf for piece in pieces])
        measured = list(measure(pieces, library, tempi, options.forms))
    each = [{"piece": result.piece, "kind": result.kind, **figures([result])} for result in measured]
    results |= {"recorded": groups(measured), "each": each}
    if options.live:
        others = read_pieces(options.corpus, options.among)
        kept = kept_library(others, options.work, options.model, options.among or "all")
        results["live"] = live.measure(kept, evenly_chosen(split, options.live), options.model)
    finish(results, tables(results), options.json)


if __name__ == "__main__":
    main()
