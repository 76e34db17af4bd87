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
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from earmark.exports.web_annotations import json_text, page_of, specific, words
from earmark.results.identified import Identified, Stretch
from earmark.results.places import Place

FRAMES_PER_S = 75
"""Of a cue sheet, which tells minutes, seconds and frames of a CD."""
COLUMNS = (
    *("recording", "start_s", "end_s", "what", "piece", "title", "composer", "confidence", "sure"),
    *("first_page", "first_system", "first_measure", "last_page", "last_system", "last_measure"),
    *("source", "semitones"),
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
            places = (*_place(one.begins), *_place(one.ends))
            writer.writerow([recording.audio_path, *times, *named, *sure, *places, one.source, one.semitones])
    return out.getvalue()


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
    return json_text({"annotations": [segments | whole], "file_metadata": metadata, "sandbox": {}})


def annotation_page(recording: Identified) -> str:
    """An AnnotationPage: each piece's first place is the body of the stretch of the recording."""
    file = Path(recording.audio_path).absolute().as_uri()
    items = [_annotation(file, one) for one in recording.stretches if one.what == "piece"]
    return json_text(page_of(items))


def _annotation(file: str, one: Stretch) -> dict[str, Any]:
    assert one.begins is not None
    address = one.source if "://" in one.source else Path(one.source).as_uri()
    where = f"page {one.begins.page}, system {one.begins.system}"
    return {
        "type": "Annotation",
        "motivation": "identifying",
        "body": [
            specific(quote(address, safe=":/%#=&?")),
            words(f"{one.called}, {where}"),
        ],
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
