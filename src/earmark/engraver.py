"""A score file → pages as SVG, by Verovio, in a process of its own: ``python engraver.py FILE FOLDER OPTIONS``.

Verovio is C++ that reads what people give it: if it crashes or never ends on a file, only this process does.
``FOLDER`` must exist; ``OPTIONS`` is a JSON object of Verovio's own (https://book.verovio.org/toolkit-reference/).
Writes

* ``page-001.svg``, ``page-002.svg`` …
* ``score.json``: ``pages``, their number; ``title`` and ``composer``, "" where the file has none, those of several
  movements or tunes joined by "; "

and ends with 0, or with 1 and Verovio's complaint as the last line of standard error.
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

_MEI = "{http://www.music-encoding.org/ns/mei}"
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


def main(file: str, folder: str, options: str) -> int:
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
    works = _works(toolkit.getMEI({}))
    titles, composers = ("; ".join(dict.fromkeys(work[i] for work in works if work[i])) for i in range(2))
    described = {"pages": pages, "title": titles, "composer": composers}
    (out / "score.json").write_text(json.dumps(described), encoding="utf-8")
    return 0


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))


def _works(mei: str) -> list[tuple[str, str]]:
    """(title, composer) as Verovio found them in any of its formats: of the works, or else of the file."""
    head = ET.fromstring(mei).find(f"{_MEI}meiHead")
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
