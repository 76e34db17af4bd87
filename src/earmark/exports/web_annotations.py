"""What all pages of W3C Web Annotations are made of.

https://www.w3.org/TR/annotation-model/, https://www.w3.org/TR/media-frags/
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
MEDIA_FRAGMENTS = "http://www.w3.org/TR/media-frags/"


def page_of(items: Sequence[Json]) -> Json:
    """An AnnotationPage of these annotations."""
    return {"@context": "http://www.w3.org/ns/anno.jsonld", "type": "AnnotationPage", "items": items}


def specific(source: str | Json, selector: Json | None = None) -> Json:
    """The part of something that ``selector`` selects, or all of it."""
    part = {"type": "SpecificResource", "source": source}
    return part if selector is None else part | {"selector": selector}


def fragment(value: str, of: str = MEDIA_FRAGMENTS) -> Json:
    """What selects a part."""
    return {"type": "FragmentSelector", "conformsTo": of, "value": value}


def percent(box: Sequence[float]) -> Json:
    """What selects a part of a page, of which ``box`` is in fractions."""
    x0, y0, x1, y1 = (100 * side for side in box)
    return fragment(f"xywh=percent:{x0:.3f},{y0:.3f},{x1 - x0:.3f},{y1 - y0:.3f}")


def moment(time_s: float) -> Json:
    """What selects a moment of a recording."""
    return fragment(f"t={time_s:.3f}")


def words(value: str, purpose: str = "describing") -> Json:
    """A body of plain text."""
    return {"type": "TextualBody", "purpose": purpose, "format": "text/plain", "value": value}


def json_text(value: Json) -> str:
    """The text of a file."""
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
