"""Sheet music and score files as questions: ``python -m benchmarks.questions CORPUS SCANS``.

1. **Another edition.** Every page of SCANS (folders of page images, one a work, "No.19-Op.49-No.1" in their names) is
   looked up among the PDFs of CORPUS whose work is one of these. A page is right when the first piece is of its work;
   movements that the corpus lacks cannot be right, so what counts is how often a confident answer is.
2. **Its recording.** Every score of demo/scores is looked up among the recordings of demo/recordings, each of which
   plays half a minute of one piece.
3. **Its measure.** Made-up pieces are added as MEI; 20 s from the middle of each, as MIDI, must find piece and measure.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import mido

from earmark.corpus.compose import compose
from earmark.library.library import DEFAULT_MODEL, Library
from earmark.sheet.engrave import engraved

DEMO = Path(__file__).parents[1] / "demo"
CLIP_S = 20.0
COMPOSITIONS = 30


def opus(name: str) -> tuple[int, int] | None:
    """(opus, number or 0) of a scan's folder or a piece's name in the corpus; None where it has none."""
    found = re.search(r"Op\.(\d+)(?:-No\.(\d+))?", name) or re.search(r"onate_(\d+)(?:no(\d))?_", name)
    if found:
        return int(found[1]), int(found[2] or 0)
    return (27, 2) if "moonlight" in name else None


def editions(library: Library, corpus: Path, scans: Path) -> Counter[str]:
    works = {opus(folder.name) for folder in scans.iterdir() if folder.is_dir()}
    pieces = [folder for folder in sorted((corpus / "pieces").glob("Beethoven*")) if opus(folder.name) in works]
    library.add([folder / "score.pdf" for folder in pieces])
    tally: Counter[str] = Counter()
    for page in sorted(scans.glob("*/page_*.tif")):
        findings = library.find(page, top=1)
        right = bool(findings.hits) and opus(Path(findings.hits[0].source).parent.name) == opus(page.parent.name)
        sure = bool(findings.hits) and findings.confident
        tally.update(["pages", *["sure"] * sure, *["sure and right"] * (sure and right), *["right"] * right])
    return tally


def recordings(library: Library) -> Counter[str]:
    library.add(DEMO / "recordings")
    tally: Counter[str] = Counter()
    for score in sorted((DEMO / "scores").glob("*.pdf")):
        findings = library.find(score, top=1)
        right = bool(findings.recordings) and Path(findings.recordings[0].source).stem == score.stem
        tally.update(["scores", *["right"] * right, *["sure"] * findings.confident])
    return tally


def measures(library: Library, folder: Path) -> Counter[str]:
    tally: Counter[str] = Counter()
    for number in range(1, COMPOSITIONS + 1):
        (folder / f"{number}.mei").write_text(compose(number), encoding="utf-8")
    library.add(folder)
    for number in range(1, COMPOSITIONS + 1):
        score = folder / f"{number}.mei"
        with engraved(score, performance=True) as engraving:
            clip = folder / f"{number}.mid"
            clip.write_bytes((engraving.folder / "score.mid").read_bytes())
        start_s = max(0.0, (mido.MidiFile(clip).length - CLIP_S) / 2)
        findings = library.find(clip, top=1, start_s=start_s, end_s=start_s + CLIP_S)
        hit = findings.hits[0]
        played = 1 + int((hit.query_time_s or 0.0) / bar_s(score))
        right = hit.piece == str(number)
        off = abs(int(hit.measure or 0) - played)
        tally.update(["clips", *["piece"] * right, *["measure"] * (right and off == 0)])
        tally.update(["measure or its neighbour"] * (right and off <= 1))
    return tally


def bar_s(score: Path) -> float:
    """Seconds of a bar of a made-up piece."""
    definition = next(element for element in ET.parse(score).iter() if element.tag.endswith("scoreDef"))
    count, unit, tempo = (int(definition.attrib[name]) for name in ("meter.count", "meter.unit", "midi.bpm"))
    return 240.0 * count / unit / tempo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("scans", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "own").mkdir()
        for title, part in (
            ("another edition", lambda library: editions(library, given.corpus, given.scans)),
            ("its recording", recordings),
            ("its measure", lambda library: measures(library, folder / "own")),
        ):
            with Library.open(folder / title, given.model) as library:
                tally = part(library)
            print(f"{title}: " + ", ".join(f"{count} {what}" for what, count in tally.items()), flush=True)


if __name__ == "__main__":
    main()
