"""What is on recordings → tables and the files that other programs read.

| form | reads it |
|---|---|
| CSV | spreadsheets |
| cue sheet | players, CD writers: a track for each piece |
| labels | Audacity |
| regions | Sonic Visualiser, as a layer of regions |
| JAMS | mir_eval and other tools of the field (Humphrey et al. 2014) |
| annotations | IIIF viewers, annotation tools: W3C Web Annotations |
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from earmark.results.identified import Identified, Stretch
from earmark.results.places import Place
from earmark.schema import Box
from earmark.store.store import Bookmark

FRAMES_PER_S = 75
"""Of a cue sheet, which tells minutes, seconds and frames of a CD."""
COLUMNS = (
    *("recording", "start_s", "end_s", "what", "piece", "title", "composer", "confidence", "sure"),
    *("first_page", "first_system", "first_measure", "last_page", "last_system", "last_measure", "source"),
)

HIT_COLUMNS = (
    *("rank", "piece", "title", "composer", "confidence", "page", "image", "side", "system", "measure", "time_s"),
    *("query_time_s", "heard_from_s", "heard_to_s", "source"),
)


def table(recordings: Iterable[Identified]) -> str:
    """A CSV line for each stretch of each recording, under `COLUMNS`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for recording in recordings:
        for one in recording.stretches:
            named = (one.what, one.piece, one.title, one.composer)
            sure = (f"{one.confidence:.2f}", "yes" if one.sure else "no") if one.what == "piece" else ("", "")
            times = (f"{one.start_s:.2f}", f"{one.end_s:.2f}")
            writer.writerow(
                [recording.audio_path, *times, *named, *sure, *_place(one.begins), *_place(one.ends), one.source]
            )
    return out.getvalue()


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
    return _json({"@context": "http://www.w3.org/ns/anno.jsonld", "type": "AnnotationPage", "items": items})


def bookmark_annotations(
    piece: str, bookmarks: Iterable[Bookmark], boxes: Mapping[tuple[int, int], Box], address: str
) -> str:
    """An AnnotationPage of a piece's bookmarks, each on a page of the server at ``address``, which ends with a slash.

    ``boxes`` are those of its systems, by page and number.
    """
    items = []
    for mark in bookmarks:
        target: dict[str, Any] = {"type": "SpecificResource", "source": _link(address, piece, mark.page, mark.system)}
        if mark.system and (box := boxes.get((mark.page, mark.system))):
            target["selector"] = _region(box)
        item: dict[str, Any] = {"type": "Annotation", "motivation": "bookmarking", "target": target}
        if mark.text:
            said = {"type": "TextualBody", "purpose": "commenting", "format": "text/plain", "value": mark.text}
            item |= {"motivation": "commenting", "body": said}
        items.append(item)
    return _json({"@context": "http://www.w3.org/ns/anno.jsonld", "type": "AnnotationPage", "items": items})


def _link(address: str, piece: str, page: int, system: int | None) -> str:
    """The address of a place that stays."""
    place = {"piece": piece, "page": page} | ({} if system is None else {"system": system})
    return f"{address}open?{urlencode(place)}"


def _region(box: Sequence[float]) -> dict[str, str]:
    """A part of a page, in fractions of it."""
    x0, y0, x1, y1 = (100 * side for side in box)
    return _fragment(f"xywh=percent:{x0:.3f},{y0:.3f},{x1 - x0:.3f},{y1 - y0:.3f}")


def _fragment(value: str) -> dict[str, str]:
    return {"type": "FragmentSelector", "conformsTo": "http://www.w3.org/TR/media-frags/", "value": value}


def _hit_annotation(hit: Mapping[str, Any], query: str, address: str) -> dict[str, Any]:
    link = _link(address, hit["piece"], hit.get("page", 1), hit.get("system"))
    selector = _region(hit["box"]) if "box" in hit else _fragment(f"t={hit['time_s']:.3f}")
    at = "" if hit["query_time_s"] is None else f", like {query} at {hit['query_time_s']:.1f} s"
    said = f"{hit['piece']}, rank {hit['rank']}, confidence {hit['confidence']:.2f}{at}"
    return {
        "type": "Annotation",
        "motivation": "identifying",
        "body": {"type": "TextualBody", "purpose": "describing", "format": "text/plain", "value": said},
        "target": {"type": "SpecificResource", "source": link, "selector": selector},
    }


def _place(place: Place | None) -> tuple[str, str, str]:
    return (str(place.page), str(place.system), place.measure or "") if place else ("", "", "")


def cue(recording: Identified) -> str:
    """A cue sheet: a track for each piece and for each stretch of music between."""
    lines = [f'FILE "{_quoted(Path(recording.audio_path).name)}" WAVE']
    for number, one in enumerate((one for one in recording.stretches if not one.silent), start=1):
        frames = round(one.start_s * FRAMES_PER_S)
        at = f"{frames // FRAMES_PER_S // 60:02}:{frames // FRAMES_PER_S % 60:02}:{frames % FRAMES_PER_S:02}"
        lines += [f"  TRACK {number:02} AUDIO", f'    TITLE "{_quoted(one.title or one.piece or one.called)}"']
        if one.composer:
            lines.append(f'    SONGWRITER "{_quoted(one.composer)}"')
        lines.append(f"    INDEX 01 {at}")
    return "\n".join(lines) + "\n"


def labels(recording: Identified) -> str:
    """Audacity's labels: start, end and words, apart by tabs."""
    return "".join(f"{one.start_s:.3f}\t{one.end_s:.3f}\t{_line(one.called)}\n" for one in recording.stretches)


def regions(recording: Identified) -> str:
    """Start, confidence, duration and words of each stretch, as Sonic Visualiser imports a layer of regions."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for one in recording.stretches:
        length_s = one.end_s - one.start_s
        writer.writerow([f"{one.start_s:.3f}", f"{one.confidence:.2f}", f"{length_s:.3f}", _line(one.called)])
    return out.getvalue()


def jams(recording: Identified) -> str:
    """A JAMS file with one annotation of open segments."""
    data = [
        {"time": one.start_s, "duration": one.end_s - one.start_s, "value": one.called, "confidence": one.confidence}
        for one in recording.stretches
    ]
    made_by = {"annotation_tools": "Earmark", "data_source": "program", "annotator": {"model": recording.model}}
    segments = {"namespace": "segment_open", "annotation_metadata": made_by, "data": data, "sandbox": {}}
    whole = {"time": 0.0, "duration": recording.duration_s}
    metadata = {"duration": recording.duration_s, "title": Path(recording.audio_path).stem, "jams_version": "0.3.4"}
    return _json({"annotations": [segments | whole], "file_metadata": metadata, "sandbox": {}})


def annotation_page(recording: Identified) -> str:
    """An AnnotationPage: each piece's first place is the body of the stretch of the recording."""
    file = Path(recording.audio_path).absolute().as_uri()
    items = [_annotation(file, one) for one in recording.stretches if one.what == "piece"]
    return _json({"@context": "http://www.w3.org/ns/anno.jsonld", "type": "AnnotationPage", "items": items})


def _annotation(file: str, one: Stretch) -> dict[str, Any]:
    assert one.begins is not None
    address = one.source if "://" in one.source else Path(one.source).as_uri()
    where = f"page {one.begins.page}, system {one.begins.system}"
    said = {"type": "TextualBody", "purpose": "describing", "format": "text/plain", "value": f"{one.called}, {where}"}
    return {
        "type": "Annotation",
        "motivation": "identifying",
        "body": [{"type": "SpecificResource", "source": quote(address, safe=":/%#=&?")}, said],
        "target": f"{file}#t={one.start_s:.3f},{one.end_s:.3f}",
    }


FORMS: dict[str, tuple[str, Callable[[Identified], str]]] = {
    "cue": (".cue", cue),
    "labels": (".labels.txt", labels),
    "regions": (".regions.csv", regions),
    "jams": (".jams", jams),
    "annotations": (".annotations.json", annotation_page),
}
"""The forms of one recording: how their files' names end, and what makes them."""


def _quoted(text: str) -> str:
    return _line(text).replace('"', "'")


def _line(text: str) -> str:
    return " ".join(text.split())


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
