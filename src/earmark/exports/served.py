"""What a server found, and the bookmarks of its library → files to keep, which lead to its pages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from earmark.exports import recordings
from earmark.exports.web_annotations import Json, json_text, moment, page_of, percent, specific, words
from earmark.results.identified import Identified
from earmark.schema import Box
from earmark.store.store import Bookmark

Form = Literal["csv", "json", "annotations"]

HIT_COLUMNS = (
    *("rank", "piece", "title", "composer", "confidence", "page", "image", "side", "system", "measure", "time_s"),
    *("query_time_s", "heard_from_s", "heard_to_s", "source"),
)


def answer_file(
    asked: Literal["find", "align", "identify"], answer: Mapping[str, Any], form: Form, address: str
) -> str:
    """An answer as the text of a file; annotations lead to the server at ``address``, which ends with a slash.

    ``answer`` is what the command ``asked`` prints with ``--json``, of *align* what a library's history keeps of it.
    Raises ValueError for annotations of that: it has no places.
    """
    if form == "json":
        return json_text(dict(answer))
    if asked == "find":
        return answer_table(answer) if form == "csv" else answer_annotations(answer, address)
    if asked == "identify":
        recording = Identified.from_dict(answer)
        return recordings.table([recording]) if form == "csv" else recordings.annotation_page(recording)
    if form == "csv":
        return followed_table(answer)
    raise ValueError("what was followed has no places to annotate")


def answer_table(found: Mapping[str, Any]) -> str:
    """A CSV line for each hit of a search, pages before recordings, under `HIT_COLUMNS`.

    ``found`` is the object of ``earmark find --json``.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, ("kind", *HIT_COLUMNS), restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for kind, hits in (("page", found["hits"]), ("recording", found["recordings"])):
        for hit in hits:
            start_s, end_s = hit["heard_s"] or (None, None)
            writer.writerow({"kind": kind, "heard_from_s": start_s, "heard_to_s": end_s, **hit})
    return out.getvalue()


def answer_annotations(found: Mapping[str, Any], address: str) -> str:
    """An AnnotationPage of a search's hits: each is a page of the server at ``address``, which ends with a slash, or a
    moment of one of its recordings."""
    hits = [*found["hits"], *found["recordings"]]
    items = [_hit_annotation(hit, str(found["query"]["path"]), address) for hit in hits]
    return json_text(page_of(items))


def bookmark_annotations(
    piece: str, bookmarks: Iterable[Bookmark], boxes: Mapping[tuple[int, int], Box], address: str
) -> str:
    """An AnnotationPage of a piece's bookmarks, each on a page of the server at ``address``, which ends with a slash.

    ``boxes`` are those of its systems, by page and number.
    """
    items = []
    for mark in bookmarks:
        box = boxes.get((mark.page, mark.system)) if mark.system else None
        target = specific(_link(address, piece, mark.page, mark.system), percent(box) if box else None)
        item: Json = {"type": "Annotation", "motivation": "bookmarking", "target": target}
        if mark.text:
            item |= {"motivation": "commenting", "body": words(mark.text, "commenting")}
        items.append(item)
    return json_text(page_of(items))


def followed_table(followed: Mapping[str, Any]) -> str:
    """A CSV line for each piece that a recording was followed through: its name, from and to in seconds.

    ``followed`` is what a library's history keeps of it.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, ("piece", "start_s", "end_s"), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(followed["pieces"])
    return out.getvalue()


def _link(address: str, piece: str, page: int, system: int | None) -> str:
    """The address of a place that stays."""
    place = {"piece": piece, "page": page} | ({} if system is None else {"system": system})
    return f"{address}open?{urlencode(place)}"


def _hit_annotation(hit: Mapping[str, Any], query: str, address: str) -> Json:
    link = _link(address, hit["piece"], hit.get("page", 1), hit.get("system"))
    selector = percent(hit["box"]) if "box" in hit else moment(hit["time_s"])
    at = "" if hit["query_time_s"] is None else f", like {query} at {hit['query_time_s']:.1f} s"
    said = f"{hit['piece']}, rank {hit['rank']}, confidence {hit['confidence']:.2f}{at}"
    return {
        "type": "Annotation",
        "motivation": "identifying",
        "body": words(said),
        "target": specific(link, selector),
    }
