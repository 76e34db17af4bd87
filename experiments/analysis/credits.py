"""Whom the music of a training belongs to: how many pieces have which licence, and who is to be named.

    python -m experiments.analysis.credits mutopia pieces.json keyboard/pieces.json instruments/pieces.json \
        --splits keyboard/splits.json instruments/splits.json --split train more instruments > ATTRIBUTION.md

Licence, composer and maintainer are what the headers of the LilyPond files say, of one without any those of its work.
Pieces in the public domain are only counted; all others are listed, as CC BY and CC BY-SA ask for.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.results import table
from earmark.corpus.sources import Source, header_fields, list_pieces, open_source
from earmark.corpus.splits import read_split_file

PUBLIC = "public domain"
UNTOLD = "not stated in the file"
PROJECT = "https://www.mutopiaproject.org"
WORK_DEPTH = 3
"""Folders from the source to a work's: ``ftp/BachJS/BWV846``."""
_LICENCE = re.compile(
    r"(?P<public>public domain)|(?:creative commons attribution|(?<![a-z])cc[- ]by)"
    r"(?P<alike>[- ]?(?:share ?alike|sa))?[^0-9]{0,30}(?P<version>[0-9.]+)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, order=True)
class Credit:
    """What a piece's headers say; ``licence`` is `PUBLIC`, ``CC BY 3.0``, ``CC BY-SA 4.0`` or the like, or `UNTOLD`."""

    composer: str
    title: str
    maintainer: str
    licence: str
    file: str


def licence_of(texts: Sequence[str]) -> str:
    """The licence that the first of some header fields names."""
    for text in texts:
        if found := _LICENCE.search(text):
            alike, version = ("-SA" if found["alike"] else ""), (found["version"] or "").rstrip(".")
            return PUBLIC if found["public"] else f"CC BY{alike} {version}".strip()
    return UNTOLD


def credit(source: Source, file: str) -> Credit:
    """What is to be said of a piece, given by its LilyPond file."""
    main = source.root / file

    def told(*names: str) -> list[str]:
        """What the piece says in any of these fields; else what the files of its work say."""
        work = source.root.joinpath(*Path(file).parts[:-1][:WORK_DEPTH])
        said = (
            [" ".join(one.split()) for at in some for one in header_fields(at, source.root, *names)]
            for some in ([main], sorted(main.parent.glob("*.ly")), sorted(work.rglob("*.ly")))
        )
        return next(filter(any, said), [])

    def first(*names: str) -> str:
        return next(filter(None, (one for name in names for one in told(name))), "")

    licence = licence_of(told("license", "licence", "mutopiacopyright", "copyright"))
    title = first("title", "mutopiatitle") or Path(file).stem
    return Credit(first("composer", "mutopiacomposer"), title, first("maintainer"), licence, file)


def attribution(credits: Sequence[Credit]) -> str:
    """The document: counts, and a row for each piece that is not in the public domain."""
    counted = Counter(one.licence for one in credits).most_common()
    named = sorted(one for one in credits if one.licence != PUBLIC)
    rows = [[one.composer, one.title, one.maintainer, one.licence, one.file] for one in named]
    return "\n\n".join(
        (
            "# Whose music the weights were trained on",
            f"Scores of the Mutopia Project ({PROJECT}), engraved anew by LilyPond,\n"
            "played by FluidSynth, and degraded. No score and no sound is in the weights.",
            table(["licence", "pieces"], [[name, number] for name, number in [*counted, ("all", len(credits))]]),
            table(["composer", "title", "maintained by", "licence", "file"], rows),
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("pieces", type=Path, nargs="+")
    parser.add_argument("--splits", type=Path, nargs="+", required=True)
    parser.add_argument("--split", nargs="+", default=["train"], help="of these: what was trained on")
    given = parser.parse_args()
    source = open_source(given.source, Path("data/source"))
    split_files = [read_split_file(path) for path in given.splits]
    trained = {piece for splits in split_files for name in given.split for piece in splits.get(name, ())}
    files = {name: file for path in given.pieces for name, file in list_pieces(source, path).items()}
    print(attribution([credit(source, files[name]) for name in sorted(trained & files.keys())]))


if __name__ == "__main__":
    main()
