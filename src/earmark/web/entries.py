"""What a client is told about a piece of the library."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from earmark.library.store import Piece
from earmark.results import Place
from earmark.schema import Page


def entry(piece: Piece) -> dict[str, Any]:
    """A piece without what concerns this machine only: ``source`` is the file's or folder's name."""
    return {
        "id": piece.id,
        "name": piece.name,
        "kind": piece.kind,
        "title": piece.title or None,
        "composer": piece.composer or None,
        "source": os.path.basename(piece.source),
        "added_at": piece.added_at,
        "pages": piece.pages,
        "systems": piece.systems,
    }


def layout(pages: Iterable[Page], places: Iterable[Place]) -> list[dict[str, Any]]:
    """Every page with the boxes of its systems, each box around all its places'."""
    boxes: dict[tuple[int, int], tuple[float, float, float, float]] = {}
    for place in places:
        x0, y0, x1, y1 = boxes.get((place.page, place.system), place.box)
        a0, b0, a1, b1 = place.box
        boxes[place.page, place.system] = (min(x0, a0), min(y0, b0), max(x1, a1), max(y1, b1))
    systems: dict[int, list[dict[str, Any]]] = {}
    for (page, system), box in sorted(boxes.items()):
        systems.setdefault(page, []).append({"number": system, "box": list(box)})
    return [
        {
            "number": page.number,
            "width_px": page.width_px,
            "height_px": page.height_px,
            "systems": systems.get(page.number, []),
        }
        for page in pages
    ]
