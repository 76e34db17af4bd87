"""MusicXML whose measures hold parts → MusicXML whose parts hold measures, which is all that Verovio reads.

https://www.w3.org/2021/06/musicxml40/musicxml-reference/elements/score-timewise/
"""

from __future__ import annotations

import xml.etree.ElementTree as ET


def is_timewise(text: str) -> bool:
    """Whether a MusicXML text is of the kind whose measures hold parts."""
    return "<score-timewise" in text


def to_partwise(text: str) -> str:
    """The same music part by part, in the order of the part list; raises ET.ParseError for damaged XML."""
    score = ET.fromstring(text)
    score.tag = "score-partwise"
    measures = score.findall("measure")
    ids = [part.get("id", "") for part in score.iter("score-part")]
    for measure in measures:
        score.remove(measure)
    for name in ids:
        part = ET.SubElement(score, "part", id=name)
        for measure in measures:
            copy = ET.SubElement(part, "measure", measure.attrib)
            copy.extend(element for held in measure.findall("part") if held.get("id") == name for element in held)
    return ET.tostring(score, "unicode")
