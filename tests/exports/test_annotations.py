"""Hits as W3C Web Annotations: targets are pages of files and moments of recordings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from earmark.exports.annotations import annotation_page
from earmark.results.findings import Findings, Hit, RecordingHit
from earmark.results.places import Place
from earmark.sandbox.sandbox import Sandbox

SANDBOX = Sandbox()
HIT = Hit(1, 7, "sonata", "/music/sonata.pdf", 0.98, 3, 2, (0.1, 0.2, 0.3, 0.4), 12.5, measure="17")
TAPE = RecordingHit(1, 8, "tape", "/music/tape.mp3", 0.9, 61.25, 12.5)
HEARD = Findings("/music/clip.ogg", 0.0, 20.0, "m", True, "surely", "", (HIT,), (TAPE,))


def test_a_page_of_a_pdf_is_a_fragment_of_it() -> None:
    page = annotation_page([(HEARD, [[Path("/music/sonata.pdf")]])], SANDBOX)
    assert (page["@context"], page["type"]) == ("http://www.w3.org/ns/anno.jsonld", "AnnotationPage")
    score, tape = page["items"]
    target = score["target"]
    assert (score["type"], target["source"]) == ("Annotation", Path("/music/sonata.pdf").as_uri())
    assert target["selector"]["value"] == "page=3"
    assert target["selector"]["refinedBy"]["value"] == "xywh=percent:10.000,20.000,20.000,20.000"
    like, said = score["body"]
    assert (like["source"], like["selector"]["value"]) == (Path("/music/clip.ogg").as_uri(), "t=12.500")
    assert said["value"] == "sonata, rank 1, confidence 0.98, measure 17"
    assert tape["target"]["selector"]["value"] == "t=61.250"


def test_a_page_among_images_is_its_own_file() -> None:
    files = [Path(f"/scan/{number}.png") for number in (1, 2, 3)]
    (item, _) = annotation_page([(HEARD, [files])], SANDBOX)["items"]
    assert item["target"]["source"] == files[2].as_uri()
    assert item["target"]["selector"]["value"].startswith("xywh=percent:")


def test_a_page_beyond_the_images_is_one_of_the_folder() -> None:
    """Images of open books are two pages each."""
    files = [Path(f"/scan/{number}.png") for number in (1, 2)]
    hits = replace(HEARD, hits=(replace(HIT, source="/scan"),))
    (item, _) = annotation_page([(hits, [files])], SANDBOX)["items"]
    assert item["target"]["source"] == Path("/scan").as_uri()


def test_a_half_of_a_double_spread_is_on_its_image() -> None:
    files = [Path(f"/scan/{number}.png") for number in (1, 2)]
    hits = replace(
        HEARD, hits=(replace(HIT, source="/scan", image=2, side="left"), replace(HIT, image=2, side="right"))
    )
    (left, right, _) = annotation_page([(hits, [files, [Path("/music/sonata.pdf")]])], SANDBOX)["items"]
    assert left["target"]["source"] == files[1].as_uri()
    assert left["target"]["selector"]["value"] == "xywh=percent:5.000,20.000,10.000,20.000"
    assert right["target"]["selector"]["value"] == "page=2"
    assert right["target"]["selector"]["refinedBy"]["value"] == "xywh=percent:55.000,20.000,10.000,20.000"


def test_a_question_on_paper_is_a_place_too() -> None:
    seen = replace(HIT, query_time_s=None, query_place=Place(2, 1, (0.0, 0.5, 0.5, 1.0)))
    findings = Findings("/music/page.jpg", 0.0, 0.0, "m", True, "surely", "", (seen,), query_pages=1)
    (item,) = annotation_page([(findings, [[Path("/music/sonata.pdf")]])], SANDBOX)["items"]
    assert item["body"][0]["selector"]["value"] == "xywh=percent:0.000,50.000,50.000,50.000"


def test_every_hit_needs_its_files() -> None:
    with pytest.raises(ValueError, match="zip"):
        annotation_page([(HEARD, [])], SANDBOX)
