"""Sheet music and score files as queries.

1. **Another edition.** Every page of the scans (folders of page images, one a work, "No.19-Op.49-No.1" in their names)
   is looked up among the corpus's PDFs whose work is one of these. A page is right when the first piece is of its work;
   pages of movements that the corpus lacks cannot be right.
2. **Its recording.** Every score of demo/scores is looked up among the recordings of demo/recordings, each of which
   plays half a minute of one piece.
3. **Its measure.** Made-up pieces are added as MEI; 20 s from the middle of each, as MIDI, must find the piece, and as
   the place its measure.
"""

from __future__ import annotations

import re
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path

import mido

from benchmarks.support.answers import Answer
from earmark.corpus.compose import compose
from earmark.library.library import Library
from earmark.sheet.engrave import engraved

DEMO = Path(__file__).parents[2] / "demo"
CLIP_S = 20.0
COMPOSITIONS = 30


def opus(name: str) -> tuple[int, int] | None:
    """(opus, number or 0) of a scan's folder or a piece's name in the corpus; None where it has none."""
    found = re.search(r"Op\.(\d+)(?:-No\.(\d+))?", name) or re.search(r"onate_(\d+)(?:no(\d))?_", name)
    if found:
        return int(found[1]), int(found[2] or 0)
    return (27, 2) if "moonlight" in name else None


def ask(corpus: Path, scans: Path, model: str) -> Iterator[Answer]:
    """The answers to all three kinds of query, each asked of a library of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "made-up").mkdir()
        with Library.open(folder / "editions", model) as library:
            yield from editions(library, corpus, scans)
        with Library.open(folder / "recordings", model) as library:
            yield from recordings(library)
        with Library.open(folder / "measures", model) as library:
            yield from measures(library, folder / "made-up")


def editions(library: Library, corpus: Path, scans: Path) -> Iterator[Answer]:
    works = {opus(folder.name) for folder in scans.iterdir() if folder.is_dir()}
    pieces = [folder for folder in sorted((corpus / "pieces").glob("Beethoven*")) if opus(folder.name) in works]
    library.add([folder / "score.pdf" for folder in pieces])
    for page in sorted(scans.glob("*/page_*.tif")):
        findings = library.find(page)
        names = [Path(hit.source).parent.name for hit in findings.hits]
        yield Answer(
            row="a scanned page, among other editions",
            piece=f"{page.parent.name}/{page.name}",
            start_s=0.0,
            rank=_rank([opus(name) == opus(page.parent.name) for name in names]),
            confident=findings.confident and bool(findings.hits),
            first=names[0] if names else None,
        )


def recordings(library: Library) -> Iterator[Answer]:
    library.add(DEMO / "recordings")
    for score in sorted((DEMO / "scores").glob("*.pdf")):
        findings = library.find(score)
        names = [Path(hit.source).stem for hit in findings.recordings]
        yield Answer(
            row="a score, among recordings",
            piece=score.stem,
            start_s=0.0,
            rank=_rank([name == score.stem for name in names]),
            confident=findings.confident,
            first=names[0] if names else None,
        )


def measures(library: Library, folder: Path) -> Iterator[Answer]:
    for number in range(1, COMPOSITIONS + 1):
        (folder / f"{number}.mei").write_text(compose(number), encoding="utf-8")
    library.add(folder)
    for number in range(1, COMPOSITIONS + 1):
        score = folder / f"{number}.mei"
        with engraved(score, performance=True) as engraving:
            clip = folder / f"{number}.mid"
            clip.write_bytes((engraving.folder / "score.mid").read_bytes())
        start_s = max(0.0, (mido.MidiFile(clip).length - CLIP_S) / 2)
        findings = library.find(clip, start_s=start_s, end_s=start_s + CLIP_S)
        first = findings.hits[0]
        played = 1 + int((first.query_time_s or 0.0) / bar_s(score))
        yield Answer(
            row=f"{CLIP_S:g} s of MIDI, among score files",
            piece=str(number),
            start_s=start_s,
            rank=_rank([hit.piece == str(number) for hit in findings.hits]),
            confident=findings.confident,
            place=first.piece == str(number) and int(first.measure or 0) == played,
            first=first.piece,
        )


def _rank(right: Sequence[bool]) -> int | None:
    return right.index(True) + 1 if True in right else None


def bar_s(score: Path) -> float:
    """Seconds of a bar of a made-up piece."""
    definition = next(element for element in ET.parse(score).iter() if element.tag.endswith("scoreDef"))
    count, unit, tempo = (int(definition.attrib[name]) for name in ("meter.count", "meter.unit", "midi.bpm"))
    return 240.0 * count / unit / tempo
