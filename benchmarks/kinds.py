"""What comes of files of every kind that people have: which are read, which are refused, and what is wrong of both.

    python -m benchmarks.kinds --json benchmarks/results/kinds.json

Some hundreds of files are made anew, another set for every ``--seed``, with what is right to come of each: images,
PDFs, score files, MIDI files, recordings, folders and archives, plain, odd and bad, and what a server on this machine
has. All are added to a library, two at a time. Some of each kind are then asked with (`find`), followed (`align`) and
looked at (`pages`). Their music is that of ``demo``, and random tunes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support.made import Made
from benchmarks.support.made_bad import archives, empty, heads, others, senseless
from benchmarks.support.made_folders import folders
from benchmarks.support.made_locked import locked
from benchmarks.support.made_pages import Pages
from benchmarks.support.made_scores import Scores
from benchmarks.support.made_sounds import SECONDS, Sounds
from benchmarks.support.made_staves import staves, unread_staves
from benchmarks.support.made_web import Manifests, Site, addresses, serving
from benchmarks.support.results import begin, finish, table
from benchmarks.support.tunes import Tune, random_tune
from earmark.errors import EarmarkError
from earmark.library.add import Outcome
from earmark.library.library import DEFAULT_MODEL, Library
from earmark.sheet.formats import UNTELLING, kind_of_name
from earmark.sheet.on_page import see_pages
from earmark.sources.on_disk import Score, find_scores, whole_file

DEMO = Path(__file__).parents[1] / "demo"
PIECES = (
    "bach-prelude",
    "joplin-entertainer",
    "mozart-ah-vous",
    "petzold-menuet",
    "grieg-mountain-king",
    "korobeiniki",
)
TUNES = 6
JOBS = 2
MOST = 24
"""Files of each kind that are tried."""
ARCHIVES = 4
"""Files of each kind in archives."""
SAMPLE = 3
"""Files of each kind that are asked with, followed and looked at; of those whose staves are told, all."""
ALONE = ("ZIP", "ABC books", "IIIF", "web addresses")
"""Kinds that are added one by one: what comes of them has sources of its own."""
WITHIN = 0.1
"""How far, as a share, the seconds of a recording may be off: the last excerpt is not a whole one."""
SOUND = ("recordings", "odd recordings", "MIDI")
COLUMNS = ("tried", "read", "refused", "wrong")


@dataclass
class Count:
    """Of the files of a kind: how many were tried, read, refused, wrong; and of each verb, (right, asked)."""

    tried: int = 0
    read: int = 0
    refused: int = 0
    wrong: int = 0
    verbs: dict[str, tuple[int, int]] = field(default_factory=dict)


def every_file(tunes: list[Tune], rng: np.random.Generator, folder: Path, site: Site) -> Iterator[Made]:
    """Some files of every kind, those within archives made in ``folder``, those on the web put on ``site``."""

    def some(files: Iterable[Made], most: int = MOST) -> list[Made]:
        """At most so many of the files, drawn at random, in their order."""
        made = list(files)
        return [made[at] for at in sorted(rng.permutation(len(made))[:most])]

    pages = Pages([DEMO / "scores" / f"{piece}.pdf" for piece in PIECES], rng)
    scores = Scores(tunes, rng)
    sounds = Sounds([DEMO / "recordings" / f"{piece}.ogg" for piece in PIECES], rng)
    yield from some(pages.images())
    yield from some(pages.tiffs())
    yield from some(pages.pdfs())
    yield from some(locked(pages))
    yield from some(pages.spreads())
    yield from some(folders(pages))
    yield from some(scores.texts())
    yield from some(scores.packed())
    yield from some(scores.books())
    yield from some(staves(rng))
    yield from some(unread_staves())
    yield from some(scores.midis())
    yield from some(sounds.plain())
    yield from some(sounds.odd())
    packed = [some(kind, ARCHIVES) for kind in (pages.images(), sounds.plain(), scores.midis(), scores.texts())]
    good = [one for few in zip(*packed, strict=True) for one in few if one.pieces and is_unpacked(one)]
    yield from archives(good, folder)
    take = folder / "take.mp3"
    next(one for one in sounds.plain() if one.name == "song.mp3").write(take)
    yield from some(Manifests(site, pages, take.read_bytes()).all())
    yield from some(addresses(site, good, folder))
    yield from some(others())
    yield from some(empty())
    yield from some(senseless(rng))
    yield from some(heads([*pages.images(), *pages.tiffs(), *sounds.plain()], rng))


def is_unpacked(one: Made) -> bool:
    """Whether a file's name says that it may be music, as it must within an archive."""
    return kind_of_name(one.name) is not None or Path(one.name).suffix in UNTELLING


def judge(one: Made, outcomes: list[Outcome], plain_places: float) -> str:
    """What is wrong with what came of a file; "" if it is right. ``plain_places`` are those of a second of sound."""
    said = "; ".join([outcome.reason for outcome in outcomes] + [mark for each in outcomes for mark in each.remarks])
    pieces = [outcome.piece for outcome in outcomes if outcome.piece is not None]
    if not outcomes:
        return "nothing was said of it"
    if len(pieces) != one.pieces:
        return f"{len(pieces)} pieces, not {one.pieces}: {said}"
    if one.says not in said:
        return f"says {said!r}, not {one.says!r}"
    if not pieces and ("\n" in said or ";" not in said):
        return f"is refused without a remedy, or in several lines: {said!r}"
    told = {"pages": sum(piece.pages for piece in pieces), "systems": sum(piece.systems for piece in pieces)}
    for what, right in (("pages", one.pages), ("systems", one.systems)):
        if right is not None and told[what] != right:
            return f"{told[what]} {what}, not {right}"
    seconds = sum(piece.places for piece in pieces) / plain_places
    if one.seconds is not None and abs(seconds / one.seconds - 1) > WITHIN:
        return f"{seconds:.1f} s are heard, not {one.seconds:.1f} s"
    return ""


def add(library: Library, files: dict[str, Made]) -> dict[str, list[Outcome]]:
    """What `Library.add` says of each file or folder, by its path or address."""
    told: dict[str, list[Outcome]] = {where: [] for where in files}
    together = [where for where, one in files.items() if one.kind not in ALONE]
    for outcome in library.add(together, jobs=JOBS):
        path = Path(whole_file(outcome.source))
        told[next(where for where in map(str, (path, *path.parents)) if where in told)].append(outcome)
    for where, one in files.items():
        if one.kind in ALONE:
            told[where] = library.add([where], split=True, jobs=JOBS)
    return told


def ask(library: Library, verb: str, path: str, one: Made) -> str:
    """What is wrong with the answer of a verb; "" if it is right."""
    try:
        if verb == "find":
            hits = library.find(path).hits
            first = hits[0].piece if hits else "nothing"
            return "" if first == one.asks else f"find: {first}, not {one.asks}"
        if verb == "align":
            followed = library.align(path, one.asks)
            seconds = one.seconds or followed.duration_s
            is_right = followed.points and abs(followed.duration_s - seconds) < 1
            return "" if is_right else f"align: {len(followed.points)} points in {followed.duration_s:.1f} s"
        (piece,) = (score for score in find_scores([path], library.sandbox) if isinstance(score, Score))
        systems = [system for page in see_pages([Path(file.path) for file in piece.files]) for system in page.systems]
        if len(systems) != one.systems:
            return f"pages: {len(systems)} systems, not {one.systems}"
        staves = sum(len(system.staves) for system in systems)
        return f"pages: {staves} staves, not {one.staves}" if one.staves not in (None, staves) else ""
    except EarmarkError as error:
        return f"{verb}: {error}".replace(f"{Path(path).parent}/", "")


def answerable(one: Made) -> Iterator[str]:
    """The verbs that a file is tried with beside `add`."""
    if one.asks:
        yield "find"
    if one.asks and one.kind in SOUND:
        yield "align"
    if one.systems is not None and one.kind not in ALONE:
        yield "pages"


def measure(seed: int, model: str) -> dict[str, Any]:
    """What came of every kind, and every file that is wrong."""
    rng = np.random.default_rng(seed)
    tunes = [random_tune(rng, f"Für Élise {number}") for number in range(1, TUNES + 1)]
    counts: dict[str, Count] = {}
    wrong: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        (folder / "packed").mkdir()
        files = {}
        with serving() as site:
            for number, one in enumerate(every_file(tunes, rng, folder / "packed", site)):
                path = folder / "files" / f"{number:03}" / one.name
                if not one.address:
                    path.parent.mkdir(parents=True)
                    one.write(path)
                files[one.address or str(path)] = one
            print(f"{len(files)} files", flush=True)
            with Library.open(folder / "library", model) as library:
                told = add(library, files)
        recordings = [told[where][0].piece for where, one in files.items() if one.kind == SOUND[0] and told[where]]
        places = float(np.median([piece.places for piece in recordings if piece is not None])) / SECONDS
        for where, one in files.items():
            count = counts.setdefault(one.kind, Count())
            count.tried += 1
            if what := judge(one, told[where], places):
                count.wrong += 1
                wrong.append({"kind": one.kind, "name": one.name, "what": what.replace(work, "")})
            elif one.pieces:
                count.read += 1
            else:
                count.refused += 1
        with Library.open(folder / "known", model) as known:
            known.add(known_scores(folder / "tunes", tunes), jobs=JOBS)
            for kind in counts:
                of_kind = [
                    where for where, one in files.items() if one.kind == kind and one.pieces and any(answerable(one))
                ]
                is_counted = any(files[where].staves for where in of_kind)
                for where in rng.permutation(np.array(of_kind, object))[: None if is_counted else SAMPLE].tolist():
                    for verb in answerable(files[where]):
                        what = ask(known, verb, where, files[where])
                        right, asked = counts[kind].verbs.get(verb, (0, 0))
                        counts[kind].verbs[verb] = (right + (not what), asked + 1)
                        if what:
                            wrong.append({"kind": kind, "name": files[where].name, "what": what})
    kinds = {kind: vars(count) for kind, count in counts.items()}
    return {"seed": seed, "kinds": kinds, "wrong": wrong}


def known_scores(folder: Path, tunes: list[Tune]) -> list[Path]:
    """The scores in which files are looked up: some of the demo's, and the tunes as MusicXML."""
    folder.mkdir()
    for tune in tunes:
        (folder / f"{tune.title}.musicxml").write_text(tune.musicxml(), encoding="utf-8")
    return [*(DEMO / "scores" / f"{piece}.pdf" for piece in PIECES), *sorted(folder.iterdir())]


def tables(results: dict[str, Any]) -> dict[str, str]:
    """Of each kind, what came back; and all files that are wrong."""
    verbs = ("find", "align", "pages")
    rows = []
    for kind, count in results["kinds"].items():
        answers = [count["verbs"].get(verb) for verb in verbs]
        told = [f"{answer[0]} of {answer[1]}" if answer else "" for answer in answers]
        rows.append((kind, *(count[column] for column in COLUMNS), *told))
    whole = [sum(count[column] for count in results["kinds"].values()) for column in COLUMNS]
    rows.append(("**all**", *whole, "", "", ""))
    wrong = [(one["kind"], f"`{one['name']}`", one["what"]) for one in results["wrong"]]
    return {
        "kinds": table(("kind", *COLUMNS, *(f"`{verb}`" for verb in verbs)), rows),
        "wrong": table(("kind", "file", "what is wrong"), wrong or [("none", "", "")]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = begin(given.model)
    results |= measure(given.seed, given.model)
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
