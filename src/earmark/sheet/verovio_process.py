"""The text of a score → pages as SVG, by Verovio, in a process of its own.

``python verovio_process.py FOLDER FORMAT OPTIONS [performance]``: Verovio is C++ that reads what people give it. If it
crashes or never ends on a file, only this process does. ``FOLDER`` holds ``score-0001.txt``, in UTF-8, or as many of
these as an ABC book has tunes; ``FORMAT`` is a `earmark.sheet.score_text.Format`; ``OPTIONS`` is a JSON object of
Verovio's own (https://book.verovio.org/toolkit-reference/). Writes into the folder

* ``page-001.svg``, ``page-002.svg`` …: of a book, one for every tune, empty for those that cannot be engraved
* ``score.json``: ``pages``, their number; ``title`` and ``composer``, "" where the file has none, those of several
  movements or tunes joined by "; "; ``tunes``, [title, composer] of each of a book's
* ``beats-0001.json`` …, one for each text: `earmark.sheet.beats.Beats` of its elements in the pages
* with ``performance``: ``notes.json``, {note id: [quarters since the beginning, MIDI pitch, whether it is held over
  by a tie]}, and ``score.mid``, the same as sound

and ends with 0, or with 1 and Verovio's complaints on standard error.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import asdict
from pathlib import Path
from typing import Any

from earmark.sheet.beats import MEI, XML_ID, read_beats
from earmark.sheet.timewise import is_timewise, to_partwise

_PAGES = {
    "breaks": "auto",
    "footer": "none",
    "mdivAll": True,
    "svgAdditionalAttribute": ["measure@n"],
    "svgFormatRaw": True,  # white space between elements would move text
    "svgViewBox": True,
    "xmlIdSeed": 1,  # equal files give equal ids
}
_AS_HIGH_AS_IT_IS = {"adjustPageHeight": True}
_ON_ONE_PAGE = {**_AS_HIGH_AS_IT_IS, "pageHeight": 60000}
_INPUTS = {"abc": "abc", "humdrum": "humdrum", "mei": "mei", "musicxml": "xml"}
_HEIGHT = re.compile(r'class="definition-scale"[^>]*viewBox="0 0 \d+ (\d+)"')
_STAFF_LINE = re.compile(r'd="M[\d.]+ ([\d.]+) L')
_MAX_MEMORY = 4 * 2**30  # bytes of address space: a zip bomb ends here
_MOST_NAMED = 3


def main(folder: str, form: str, options: str, performance: str = "") -> int:
    import verovio

    _limit_memory()
    toolkit: Any = verovio.toolkit()
    toolkit.setOptions(_PAGES | json.loads(options))
    toolkit.setInputFrom(_INPUTS[form])
    out = Path(folder)
    texts = [file.read_text(encoding="utf-8") for file in sorted(out.glob("score-*.txt"))]
    is_book = len(texts) > 1
    if is_book:
        toolkit.setOptions(_ON_ONE_PAGE)
    pages, works = [], []
    for number, text in enumerate(texts, start=1):
        drawn = _pages(toolkit, text)
        mei = ET.fromstring(toolkit.getMEI({})) if drawn else ET.Element("none")
        works.append(_works(mei))
        (out / f"beats-{number:04}.json").write_text(json.dumps(asdict(read_beats(mei))), encoding="utf-8")
        pages += (drawn or [""])[: 1 if is_book else None]
    if not any(pages):
        return 1
    for number, page in enumerate(pages, start=1):
        (out / f"page-{number:03}.svg").write_text(page, encoding="utf-8")
    titles, composers = (_joined([work[i] for found in works for work in found]) for i in range(2))
    tunes = [[_joined([work[i] for work in found]) for i in range(2)] for found in works] if is_book else []
    described = {"pages": len(pages), "title": titles, "composer": composers, "tunes": tunes}
    (out / "score.json").write_text(json.dumps(described), encoding="utf-8")
    if performance:
        (out / "score.mid").write_bytes(base64.b64decode(toolkit.renderToMIDI()))
        notes = _notes(toolkit, ET.fromstring(toolkit.getMEI({})))
        (out / "notes.json").write_text(json.dumps(notes), encoding="utf-8")
    return 0


def _pages(toolkit: Any, text: str) -> list[str]:
    """The pages of a text as SVG, taller than asked for where a system is taller; none if it cannot be engraved."""
    if is_timewise(text):
        text = to_partwise(text)
    if not toolkit.loadData(text):
        return []
    pages = [toolkit.renderToSVG(number + 1) for number in range(toolkit.getPageCount())]
    if any(map(_is_cut_off, pages)):
        toolkit.setOptions(_AS_HIGH_AS_IT_IS)
        toolkit.redoLayout()
        pages = [toolkit.renderToSVG(number + 1) for number in range(toolkit.getPageCount())]
    return pages if any('class="staff"' in page for page in pages) else []


def _is_cut_off(page: str) -> bool:
    """Whether a staff line lies below the page."""
    height = _HEIGHT.search(page)
    lowest = max(map(float, _STAFF_LINE.findall(page)), default=0.0)
    return height is not None and lowest > float(height[1])


def _joined(names: list[str]) -> str:
    """Names that differ, the first few of many."""
    different = [name for name in dict.fromkeys(names) if name]
    return "; ".join(different[:_MOST_NAMED]) + " …" * (len(different) > _MOST_NAMED)


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        limit = _MAX_MEMORY if most == resource.RLIM_INFINITY else min(_MAX_MEMORY, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def _notes(toolkit: Any, mei: ET.Element) -> dict[str, tuple[float, int, bool]]:
    """When every note begins, its pitch, and whether a tie leads to it."""
    held = {tie.get("endid", "").removeprefix("#") for tie in mei.iter(f"{MEI}tie")}
    held |= {note.get(XML_ID, "") for note in mei.iter(f"{MEI}note") if note.get("tie", "") in ("m", "t")}
    begins = {note: event["qstamp"] for event in toolkit.renderToTimemap({}) for note in event.get("on", ())}
    return {
        note: (quarters, toolkit.getMIDIValuesForElement(note).get("pitch", -1), note in held)
        for note, quarters in begins.items()
    }


def _works(mei: ET.Element) -> list[tuple[str, str]]:
    """(title, composer) as Verovio found them in any of its formats: of the works, or else of the file."""
    head = mei.find(f"{MEI}meiHead")
    if head is None:
        return []
    works = [_named(work) for work in head.iter(f"{MEI}work")]
    files = [_named(title) for title in head.iter(f"{MEI}titleStmt")]
    return [named for named in works if named[0]] or files


def _named(element: ET.Element) -> tuple[str, str]:
    composer = element.find(f".//{MEI}composer")
    if composer is None:
        composer = element.find(f".//{MEI}persName[@role='composer']")
    return _text(element.find(f"{MEI}title")), _text(composer)


def _text(element: ET.Element | None) -> str:
    return "" if element is None else " ".join(" ".join(element.itertext()).split())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
