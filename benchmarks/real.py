"""How often real recordings, as they come and disturbed, find their piece and page.

    python -m benchmarks.real CORPUS SCANS RECORDINGS [--more CORPUS] [--model NAME] [--ways NAME,NAME] [--every S]
                              [--json FILE]

The recordings (their names are in `OWN`) are cut into clips of 5, 10, 20 and 40 s, one every 5 s (``--every``), and
looked up among the pieces of CORPUS that are in the published split, those of ``--more`` and SCANS, folders of scanned
pages. Then all of it again in every way of `benchmarks.disturb`. A page is right when the recording as it came, aligned
with its own piece, is on it during the clip (`benchmarks.among_scans.Turns`). Recordings whose piece is in neither
corpus are passed over.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.among_scans import Turns, added_from, library_among_scans, published, title
from benchmarks.clips import RATE_HZ, write_wav
from benchmarks.disturb import WAYS
from benchmarks.identify import RECORDINGS
from benchmarks.pieces import Piece, read_pieces
from benchmarks.report import describe, machine, table, write_json
from earmark.audio.decode import read_samples
from earmark.library.library import DEFAULT_MODEL, Library

LENGTHS_S = (5.0, 10.0, 20.0, 40.0)
OWN = {name: piece or "BachJS__BWV846__wtk1-prelude1__wtk1-prelude1" for name, piece in RECORDINGS.items()}
"""The corpus piece that a recording is of."""


@dataclass(frozen=True)
class Recording:
    """A recording, its piece in the library, and when its pages are turned."""

    path: Path
    piece: str
    turns: Turns


@dataclass(frozen=True)
class Answer:
    """What a clip found: ``rank`` of its piece, None if it is not among the first five; the first piece, its page and
    confidence, whether that is one of the pages that are played. Times are the disturbed recording's."""

    recording: str
    way: str
    start_s: float
    length_s: float
    rank: int | None
    right_page: bool
    confident: bool
    confidence: float
    first: str | None
    page: int | None
    pages: tuple[int, ...]


def find_recordings(library: Library, folder: Path, pieces: Sequence[Piece]) -> list[Recording]:
    """The recordings of `OWN` in ``folder`` whose piece is among ``pieces``, aligned with it."""
    pdfs = {piece.name: piece.pdf for piece in pieces}
    found = []
    for path in sorted(path for path in folder.iterdir() if path.stem in OWN):
        pdf = pdfs.get(OWN[path.stem])
        if pdf is None:
            print(f"{path.name}: passed over, its piece {OWN[path.stem]} is in no corpus")
            continue
        name = added_from(library, pdf).name
        found.append(Recording(path, name, Turns(library.align(path, name))))
    return found


def look_up(library: Library, recording: Recording, way: str, every_s: float) -> Iterator[Answer]:
    """All clips of a recording, disturbed in this way; it is decoded only once."""
    with tempfile.TemporaryDirectory() as folder:
        samples = np.concatenate(list(read_samples(WAYS[way].disturb(recording.path, Path(folder)))))
        path = write_wav(Path(folder) / "decoded.wav", samples)
        for length_s in LENGTHS_S:
            for start_s in starts(len(samples) / RATE_HZ, length_s, every_s):
                yield judge(library, recording, way, path, start_s, length_s)


def starts(duration_s: float, length_s: float, every_s: float) -> list[float]:
    """Where the clips of this length begin."""
    return [i * every_s for i in range(int((duration_s - length_s) // every_s) + 1)]


def judge(library: Library, recording: Recording, way: str, path: Path, start_s: float, length_s: float) -> Answer:
    findings = library.find(path, start_s=start_s, end_s=start_s + length_s)
    first = findings.hits[0] if findings.hits else None
    rank = next((hit.rank for hit in findings.hits if hit.piece == recording.piece), None)
    speed = WAYS[way].speed
    pages = recording.turns.pages_between(start_s * speed, (start_s + length_s) * speed)
    return Answer(
        recording=recording.path.stem,
        way=way,
        start_s=start_s,
        length_s=length_s,
        rank=rank,
        right_page=first is not None and rank == 1 and first.page in pages,
        confident=findings.confident,
        confidence=first.confidence if first else 0.0,
        first=title(first.source) if first else None,
        page=first.page if first else None,
        pages=tuple(sorted(pages)),
    )


def figures(answers: Sequence[Answer]) -> dict[str, float]:
    """Shares of these clips, 0..1, and how many they are."""
    count = len(answers)
    return {
        "clips": count,
        "piece": sum(answer.rank == 1 for answer in answers) / count,
        "page": sum(answer.right_page for answer in answers) / count,
        "confident": sum(answer.confident for answer in answers) / count,
        "confidently_wrong": sum(answer.confident and answer.rank != 1 for answer in answers) / count,
    }


def grouped(answers: Sequence[Answer], by: str) -> Mapping[tuple[str, float], list[Answer]]:
    """The answers by the value of this field (``way``, ``recording``) and the clips' length, in order."""
    groups: dict[tuple[str, float], list[Answer]] = {}
    for answer in answers:
        groups.setdefault((getattr(answer, by), answer.length_s), []).append(answer)
    return groups


def print_table(answers: Sequence[Answer], by: str) -> None:
    rows = []
    for (name, length_s), group in grouped(answers, by).items():
        found = figures(group)
        shares = [f"{found[key]:.1%}" for key in ("piece", "page", "confident", "confidently_wrong")]
        rows.append((name, f"{length_s:g}", found["clips"], *shares))
    print(table((by, "seconds", "clips", "piece first", "right page", "confident", "confidently wrong"), rows), "\n")


def print_errors(answers: Sequence[Answer]) -> None:
    """What was first in place of the right piece, and how often."""
    wrong = Counter((answer.recording, answer.first) for answer in answers if answer.rank != 1)
    for (recording, first), count in wrong.most_common():
        print(f"{recording}: {first or 'nothing'} was first {count} times")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("scans", type=Path)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--more", type=Path, help="a corpus of the recordings' pieces that CORPUS lacks")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--ways", default=",".join(WAYS), help="of benchmarks.disturb.WAYS")
    parser.add_argument("--every", type=float, default=5.0, help="seconds from one clip to the next")
    parser.add_argument("--work", type=Path, default=Path("data/bench"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    about = machine()
    print(describe(about), "\n", sep="")
    pieces, more = published(given.corpus), read_pieces(given.more) if given.more else []
    kept = library_among_scans(pieces, more, given.scans, given.work, given.model)
    with Library.open(kept, given.model) as library:
        recordings = find_recordings(library, given.recordings, [*pieces, *more])
        for recording in recordings:
            turns = recording.turns
            print(f"{recording.path.name}: {turns.doubtful:.0%} of the alignment doubtful; page {turns}", flush=True)
        ways = given.ways.split(",")
        answers = [answer for way in ways for one in recordings for answer in look_up(library, one, way, given.every)]
        print(f"\nAmong {len(library.pieces())} pieces:\n")
    print_table(answers, "way")
    undisturbed = [answer for answer in answers if answer.way == ways[0]]
    print_table(undisturbed, "recording")
    print_errors(undisturbed)
    if given.json:
        write_json(given.json, {"machine": about, "model": given.model, "clips": [asdict(one) for one in answers]})


if __name__ == "__main__":
    main()
