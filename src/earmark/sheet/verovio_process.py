"""A score file → pages as SVG, by Verovio, in a process of its own.

``python engraver.py FILE FOLDER OPTIONS [performance]``: Verovio is C++ that reads what people give it. If it crashes
or never ends on a file, only this process does. ``FOLDER`` must exist; ``OPTIONS`` is a JSON object of Verovio's own
(https://book.verovio.org/toolkit-reference/). Writes

* ``page-001.svg``, ``page-002.svg`` …
* ``score.json``: ``pages``, their number; ``title`` and ``composer``, "" where the file has none, those of several
  movements or tunes joined by "; "
* with ``performance``: ``notes.json``, {note id: [quarters since the beginning, MIDI pitch, whether it is held over
  by a tie]}, and ``score.mid``, the same as sound

and ends with 0, or with 1 and Verovio's complaints on standard error.
"""

from __future__ import annotations

import base64
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

_MEI = "{http://www.music-encoding.org/ns/mei}"
_ID = "{http://www.w3.org/XML/1998/namespace}id"
_PAGES = {
    "breaks": "auto",
    "footer": "none",
    "mdivAll": True,
    "svgAdditionalAttribute": ["measure@n"],
    "svgFormatRaw": True,  # white space between elements would move text
    "svgViewBox": True,
    "xmlIdSeed": 1,  # equal files give equal ids
}
_MAX_MEMORY = 4 * 2**30  # bytes of address space: a zip bomb ends here


def main(file: str, folder: str, options: str, performance: str = "") -> int:
    import verovio

    _limit_memory()
    toolkit: Any = verovio.toolkit()
    toolkit.setOptions(_PAGES | json.loads(options))
    if not toolkit.loadFile(file) or toolkit.getPageCount() < 1:
        return 1
    out = Path(folder)
    pages = toolkit.getPageCount()
    for number in range(1, pages + 1):
        (out / f"page-{number:03}.svg").write_text(toolkit.renderToSVG(number), encoding="utf-8")
    mei = ET.fromstring(toolkit.getMEI({}))
    works = _works(mei)
    titles, composers = ("; ".join(dict.fromkeys(work[i] for work in works if work[i])) for i in range(2))
    described = {"pages": pages, "title": titles, "composer": composers}
    (out / "score.json").write_text(json.dumps(described), encoding="utf-8")
    if performance:
        (out / "score.mid").write_bytes(base64.b64decode(toolkit.renderToMIDI()))
        (out / "notes.json").write_text(json.dumps(_notes(toolkit, mei)), encoding="utf-8")
    return 0


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        limit = _MAX_MEMORY if most == resource.RLIM_INFINITY else min(_MAX_MEMORY, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def _notes(toolkit: Any, mei: ET.Element) -> dict[str, tuple[float, int, bool]]:
    """When every note begins, its pitch, and whether a tie leads to it."""
    held = {tie.get("endid", "").removeprefix("#") for tie in mei.iter(f"{_MEI}tie")}
    held |= {note.get(_ID, "") for note in mei.iter(f"{_MEI}note") if note.get("tie", "") in ("m", "t")}
    begins = {note: event["qstamp"] for event in toolkit.renderToTimemap({}) for note in event.get("on", ())}
    return {
        note: (quarters, toolkit.getMIDIValuesForElement(note).get("pitch", -1), note in held)
        for note, quarters in begins.items()
    }


def _works(mei: ET.Element) -> list[tuple[str, str]]:
    """(title, composer) as Verovio found them in any of its formats: of the works, or else of the file."""
    head = mei.find(f"{_MEI}meiHead")
    if head is None:
        return []
    works = [_named(work) for work in head.iter(f"{_MEI}work")]
    files = [_named(title) for title in head.iter(f"{_MEI}titleStmt")]
    return [named for named in works if named[0]] or files


def _named(element: ET.Element) -> tuple[str, str]:
    composer = element.find(f".//{_MEI}composer")
    if composer is None:
        composer = element.find(f".//{_MEI}persName[@role='composer']")
    return _text(element.find(f"{_MEI}title")), _text(composer)


def _text(element: ET.Element | None) -> str:
    return "" if element is None else " ".join(" ".join(element.itertext()).split())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
