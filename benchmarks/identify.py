"""How often the installed command finds the right piece and page, and how often it is wrongly sure.

    python -m benchmarks.identify CORPUS [--split test] [--recordings DIR] [--model NAME] [--work DIR] [--json FILE]

Clips: every piece of the split is indexed from its PDF, and one clip of 20 s of each, played by a piano that no model
was trained on (``benchmarks.clips``), is looked up. Then each is looked up again in the library without its own piece.

Recordings (with --recordings): real ones, looked up whole and in clips of 20 s, one after the other, in a library of
all the corpus's pieces, which DIR (data/bench) keeps.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.clips import Clip, cut_clip
from benchmarks.command import earmark, run, succeed
from benchmarks.pieces import Piece, add, read_pieces, whole_library
from benchmarks.report import describe, machine, table, write_json
from earmark.library.library import DEFAULT_MODEL

CLIP_S = 20.0
SEED = 1
RECORDINGS = {
    "bwv846-prelude": None,  # of BWV 846, MSMD has the fugue only
    "bwv849-fugue": "BachJS__BWV849__bwv849b",
    "bwv850-prelude": "BachJS__BWV850__bwv850a",
    "bwv924a-prelude": "BachJS__BWV924a__bach-prelude-bwv924a",
    "kv331-variation-1": "MozartWA__KV331__KV331_1_2_var1",
}
"""The corpus piece that a recording is of, None if there is none."""

Answer = dict[str, Any]


def find(library: Path, audio: Path, model: str, start_s: float = 0.0, end_s: float | None = None) -> Answer:
    """What ``earmark find --json`` prints."""
    stretch = ["--start", f"{start_s:g}", *(["--end", f"{end_s:g}"] if end_s is not None else [])]
    answer: Answer = run([earmark(), "find", library, audio, *stretch, "--model", model, "--json"]).json()
    return answer


def rank_of(hits: Sequence[dict[str, Any]], is_right: Callable[[dict[str, Any]], bool]) -> int | None:
    """Rank, from 1, of the first hit that is right; None if none is."""
    return next((int(hit["rank"]) for hit in hits if is_right(hit)), None)


def look_up_clips(pieces: Sequence[Piece], model: str, folder: Path) -> list[dict[str, Any]]:
    """One entry per clip: what was right about the answer, and the answer without the piece in the library."""
    library = folder / "library"
    add(library, pieces, model)
    names = {entry["source"]: entry["piece"] for entry in run([earmark(), "list", library, "--json"]).json()["pieces"]}

    def look_up(clip: Clip) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=folder) as without:
            shutil.copytree(library, without, dirs_exist_ok=True)
            succeed(run([earmark(), "remove", without, names[str(clip.piece.pdf)]]))
            absent = find(Path(without), clip.path, model)
        return judge(clip, find(library, clip.path, model), absent)

    clips = [cut_clip(piece, folder, CLIP_S, SEED) for piece in pieces]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(look_up, clips))


def judge(clip: Clip, answer: Answer, absent: Answer) -> dict[str, Any]:
    """What is right about the answer to a clip, and how sure the answers are."""
    first = answer["hits"][0] if answer["hits"] else None
    return {
        "piece": clip.piece.name,
        "start_s": clip.start_s,
        "end_s": round(clip.end_s, 2),
        "rank": rank_of(answer["hits"], clip.is_right),
        "right_page": first is not None and clip.is_right_page(first),
        "right_place": first is not None and clip.is_right_place(first),
        "confident": answer["confident"],
        "confidence": confidence(answer),
        "answered": answered(answer),
        "absent_confident": absent["confident"],
        "absent_confidence": confidence(absent),
        "absent_answered": answered(absent),
    }


def confidence(answer: Answer) -> float:
    return float(answer["hits"][0]["confidence"]) if answer["hits"] else 0.0


def answered(answer: Answer) -> str | None:
    """The name of the first hit's piece in the corpus."""
    return Path(answer["hits"][0]["source"]).parent.name if answer["hits"] else None


def look_up_recordings(recordings: Iterable[Path], pieces: Sequence[Piece], library: Path, model: str) -> list[Answer]:
    """One entry per recording: the answer to all of it, and to each of its clips."""
    known = {piece.name for piece in pieces}
    results = []
    for recording in recordings:
        piece = RECORDINGS.get(recording.stem)
        whole = find(library, recording, model)
        entry = {"recording": recording.name, "piece": piece, "in_library": piece in known}
        length_s = whole["query"]["duration_s"]
        starts = [i * CLIP_S for i in range(int(length_s // CLIP_S))]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            clips = list(pool.map(lambda s, r=recording: find(library, r, model, s, s + CLIP_S), starts))
        results.append({**entry, "whole": look(whole, piece), "clips": [look(clip, piece) for clip in clips]})
    return results


def look(answer: Answer, piece: str | None) -> dict[str, Any]:
    """What matters of one answer about a recording of ``piece``."""
    first = answer["hits"][0] if answer["hits"] else None
    return {
        "start_s": answer["query"]["start_s"],
        "duration_s": answer["query"]["duration_s"],
        "rank": rank_of(answer["hits"], lambda hit: Path(hit["source"]).parent.name == piece),
        "confident": answer["confident"],
        "confidence": confidence(answer),
        "answered": answered(answer),
        "page": first and first["page"],
    }


def print_clips(results: Sequence[dict[str, Any]], split: str) -> None:
    def count(what: str, meets: Callable[[dict[str, Any]], bool], of: Sequence[dict[str, Any]]) -> tuple[str, ...]:
        met = sum(map(meets, of))
        return what, str(met), str(len(of)), f"{met / len(of):.1%}" if of else ""

    sure = [result for result in results if result["confident"]]
    rows = [
        count("piece first", lambda r: r["rank"] == 1, results),
        count("piece among the first five", lambda r: r["rank"] is not None, results),
        count("right page", lambda r: r["right_page"], results),
        count("right notes of the page", lambda r: r["right_place"], results),
        count("confident", lambda r: r["confident"], results),
        count("right piece, of the confident", lambda r: r["rank"] == 1, sure),
        count("confident, its piece not in the library (wrong)", lambda r: r["absent_confident"], results),
    ]
    print(table((f"{split} pieces, one clip of {CLIP_S:g} s each", "clips", "of", ""), rows), "\n")
    for result in results:
        if result["rank"] != 1 or not result["right_page"]:
            rank = result["rank"] or "none of the first five"
            place = "another page" if rank == 1 else f"rank {rank}, the first is {result['answered']}"
            print(f"{result['piece']} at {result['start_s']:.0f} s: {place}")
    print()


def print_recordings(results: Sequence[dict[str, Any]]) -> None:
    rows = []
    for result in results:
        whole, clips = result["whole"], result["clips"]
        right = [clip for clip in clips if clip["rank"] == 1]
        sure = f"{whole['confidence']:.2f}, {'confident' if whole['confident'] else 'not confident'}"
        rows.append(
            (
                result["recording"],
                result["piece"] if result["in_library"] else "not in the library",
                whole["rank"] or "–",
                sure,
                f"{len(right)} of {len(clips)}",
                sum(clip["confident"] for clip in right),
                sum(clip["confident"] for clip in clips) - sum(clip["confident"] for clip in right),
            )
        )
    header = (
        "recording",
        "piece",
        "whole: rank",
        "whole: confidence",
        f"{CLIP_S:g} s clips: first",
        "sure",
        "wrongly sure",
    )
    print(table(header, rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--recordings", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--work", type=Path, default=Path("data/bench"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    about = machine()
    print(describe(about), "\n", sep="")
    figures: dict[str, Any] = {"machine": about, "model": given.model, "split": given.split, "seed": SEED}
    with tempfile.TemporaryDirectory() as folder:
        figures["clips"] = look_up_clips(read_pieces(given.corpus, given.split), given.model, Path(folder))
    print_clips(figures["clips"], given.split)
    if given.recordings:
        pieces = read_pieces(given.corpus)
        library = whole_library(pieces, given.work, given.model)
        found = sorted(path for path in given.recordings.iterdir() if path.stem in RECORDINGS)
        figures["recordings"] = look_up_recordings(found, pieces, library, given.model)
        print(f"Recordings, against all {len(pieces)} pieces:\n")
        print_recordings(figures["recordings"])
    if given.json:
        write_json(given.json, figures)


if __name__ == "__main__":
    main()
