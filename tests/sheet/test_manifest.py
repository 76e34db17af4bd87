"""What canvases are painted with becomes pages, whatever IIIF allows there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from earmark.errors import BadInput
from earmark.sheet import manifest as manifest_module
from earmark.sheet.manifest import Canvas, Manifest, Range, read_document

IMAGE = {"id": "https://a.org/1.jpg", "type": "Image", "width": 3000, "height": 4000}
SERVICE = {"id": "https://a.org/iiif/1", "type": "ImageService3", "profile": "level2"}
FALLBACKS = ("https://a.org/1.jpg", "https://a.org/iiif/1/full/max/0/default.jpg")


def manifest(*paintings: Any, structures: Any = (), **canvas: Any) -> Manifest:
    """Of one canvas "c" that is painted with these (body, target)."""
    items = [{"motivation": "painting", "body": body, "target": target} for body, target in paintings]
    described = {"id": "c", "type": "Canvas", **canvas, "items": [{"items": items}]}
    content = {"type": "Manifest", "label": "m", "items": [described], "structures": structures}
    read = read_document(json.dumps(content).encode(), "m")
    assert isinstance(read, Manifest)
    return read


def only_canvas(*paintings: Any, **canvas: Any) -> Canvas:
    (page,) = manifest(*paintings, **canvas).canvases
    return page


def test_parts_and_rotations_of_images_are_asked_of_their_service() -> None:
    image = {**IMAGE, "service": [SERVICE]}
    for selector in (
        {"type": "ImageApiSelector", "region": "0,0,1500,4000", "rotation": "90"},
        [{"type": "FragmentSelector", "value": "xywh=0,0,1500,4000"}, {"type": "ImageApiSelector", "rotation": 90}],
    ):
        page = only_canvas(({"type": "SpecificResource", "source": image, "selector": selector}, "c"))
        assert page.images[0] == "https://a.org/iiif/1/0,0,1500,4000/2000,/90/default.jpg"
    old = {"@type": "oa:SpecificResource", "full": {"@id": "https://a.org/2.jpg", "@type": "dctypes:Image"}}
    assert only_canvas((old, "c")).images == ("https://a.org/2.jpg",)


def test_images_and_canvases_need_no_size() -> None:
    page = only_canvas(({"id": IMAGE["id"], "service": SERVICE}, "c"))
    assert page.images[0] == "https://a.org/iiif/1/full/2000,/0/default.jpg"
    assert page.images[1:3] == FALLBACKS
    assert (page.width, page.height, page.box) == (0, 0, (0, 0, 1, 1))
    assert only_canvas(("https://a.org/plain.jpg", "c")).images == ("https://a.org/plain.jpg",)


def test_images_beside_each_other_are_pages_and_those_on_another_are_not() -> None:
    other = {**IMAGE, "id": "https://a.org/2.jpg"}
    read = manifest(
        (IMAGE, "c#xywh=0,0,500,800"),
        (other, {"source": "c", "selector": {"type": "FragmentSelector", "value": "xywh=500,0,500,800"}}),
        ({**IMAGE, "id": "https://a.org/detail.jpg"}, "c#xywh=550,100,100,100"),
        width=1000,
        height=800,
    )
    assert [(page.images[0], page.box) for page in read.canvases] == [
        ("https://a.org/1.jpg", (0, 0, 0.5, 1)),
        ("https://a.org/2.jpg", (0.5, 0, 1, 1)),
    ]


def test_of_a_choice_the_first_is_taken_and_comments_are_no_pages() -> None:
    choice = {"type": "Choice", "items": [IMAGE, {**IMAGE, "id": "https://a.org/infrared.jpg"}]}
    assert only_canvas((choice, "c")).images == ("https://a.org/1.jpg",)
    items = [{"motivation": "commenting", "body": IMAGE}, {"motivation": "painting", "body": IMAGE}]
    content = {"type": "Manifest", "items": [{"id": "c", "items": [{"items": items}]}]}
    read = read_document(json.dumps(content).encode(), "m")
    assert isinstance(read, Manifest)
    assert len(read.canvases) == 1


def test_services_of_level_0_have_ready_made_sizes() -> None:
    service = {"@id": "https://a.org/iiif/1", "profile": "http://iiif.io/api/image/2/level0.json"}
    assert only_canvas(({**IMAGE, "service": service}, "c")).images[:2] == FALLBACKS
    sizes = [{"width": width, "height": width * 4 // 3} for width in (300, 1800, 3000)]
    page = only_canvas(({**IMAGE, "service": {**service, "sizes": sizes}}, "c"))
    assert page.images[0] == "https://a.org/iiif/1/full/1800,2400/0/default.jpg"


@pytest.mark.parametrize(
    "kind", [{"type": "Sound"}, {"type": "Video"}, {"@type": "dctypes:Sound"}, {"format": "audio/mp4"}]
)
def test_sound_and_video_are_recordings(kind: dict[str, str]) -> None:
    read = manifest(({"id": "https://a.org/a.mp4", **kind}, "c"), label={"de": ["Seite A"]})
    assert read.canvases == ()
    assert [(one.id, one.label, one.address) for one in read.recordings] == [("c", "Seite A", "https://a.org/a.mp4")]


def test_ranges_of_version_2_are_read_through_their_top() -> None:
    canvases = [
        {"@id": f"c{number}", "images": [{"resource": {"@id": f"https://a.org/{number}.jpg"}}]} for number in (1, 2, 3)
    ]
    structures = [
        {"@id": "r0", "viewingHint": "top", "ranges": ["r1", "r2"]},
        {"@id": "r1", "label": "Kyrie", "canvases": ["c1", "c2#xywh=0,0,9,9"]},
        {"@id": "r2", "label": "Gloria", "ranges": ["r3"]},
        {"@id": "r3", "label": "Gloria, end", "canvases": ["c3"]},
    ]
    content = {"@type": "sc:Manifest", "sequences": [{"canvases": canvases}], "structures": structures}
    read = read_document(json.dumps(content).encode(), "m")
    assert isinstance(read, Manifest)
    assert read.ranges == (Range("Kyrie", 1, 2), Range("Gloria", 3, 3))


def test_ranges_that_name_each_other_have_an_end() -> None:
    """Each of these names all: read through and through, they would take longer than the world has been there."""
    names = [f"r{number}" for number in range(40)]
    ranges = [{"@id": name, "label": name, "ranges": names, "canvases": ["c"]} for name in names]
    top = {"@id": "top", "viewingHint": "top", "ranges": names}
    read = manifest((IMAGE, "c"), structures=[top, *ranges])
    assert read.ranges == tuple(Range(name, 1, 1) for name in names)


def test_no_more_pages_and_recordings_are_looked_at_than_a_volume_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_module, "MAX_PAGES", 3)
    sound = {"id": "https://a.org/1.mp3", "type": "Sound"}
    with pytest.raises(BadInput, match="more than 3 pages"):
        manifest(*[(sound, "c")] * 4)
