"""What a search found → a page of W3C Web Annotations, which IIIF viewers and annotation tools read.

Every hit is one annotation: its target is the place on the page (a IIIF canvas where the piece came from a manifest,
else the file), or the moment of a recording; its body is the part of the query that is like it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, partial
from pathlib import Path

from earmark.exports.web_annotations import Json, fragment, moment, page_of, percent, specific, words
from earmark.results.findings import Findings, Hit, RecordingHit
from earmark.sandbox.sandbox import Sandbox
from earmark.schema import Box
from earmark.sheet.iiif import is_address, kept_manifest
from earmark.sheet.manifest import Manifest
from earmark.sources.on_disk import whole_file

_PDF_FRAGMENTS = "http://tools.ietf.org/rfc/rfc8118"


def annotation_page(answers: Iterable[tuple[Findings, Sequence[Sequence[Path]]]], sandbox: Sandbox) -> Json:
    """The AnnotationPage of searches, each with the files of the piece of every hit, in page order.

    Manifests that they came with are read in ``sandbox``.
    """
    manifest = cache(partial(kept_manifest, sandbox=sandbox))
    items: list[Json] = []
    for findings, files in answers:
        query = Path(findings.query_path).expanduser()
        pages = zip(findings.hits, files, strict=True)
        targets = [_page_target(hit, paths, manifest(paths[0].parent)) for hit, paths in pages]
        items += [_annotation(hit, query, target) for hit, target in zip(findings.hits, targets, strict=True)]
        items += [_annotation(hit, query, _moment(hit.source, hit.time_s)) for hit in findings.recordings]
    return page_of(items)


def _annotation(hit: Hit | RecordingHit, query: Path, target: Json) -> Json:
    place = hit.query_place
    like = _moment(query, hit.query_time_s or 0.0) if place is None else _box_of(query, place.page, place.box)
    said = f"{hit.piece}, rank {hit.rank}, confidence {hit.confidence:.2f}"
    if isinstance(hit, Hit) and hit.measure is not None:
        said += f", measure {hit.measure}"
    return {
        "type": "Annotation",
        "motivation": "identifying",
        "body": [like, words(said)],
        "target": target,
    }


def _page_target(hit: Hit, files: Sequence[Path], manifest: Manifest | None) -> Json:
    number, box = hit.image or hit.page, _on_image(hit)
    if manifest is not None and number <= len(manifest.canvases):
        canvas = manifest.canvases[number - 1]
        part_of = {"id": whole_file(hit.source), "type": "Manifest"}
        source = {"id": canvas.id, "type": "Canvas", "partOf": part_of}
        x0, y0, x1, y1 = _on_canvas(box, canvas.box)
        if not (canvas.width and canvas.height):
            return specific(source, percent((x0, y0, x1, y1)))
        x0, x1 = (round(x * canvas.width) for x in (x0, x1))
        y0, y1 = (round(y * canvas.height) for y in (y0, y1))
        return specific(source, fragment(f"xywh={x0},{y0},{x1 - x0},{y1 - y0}"))
    if number > len(files) > 1:  # images of open books, added when it was not kept which page is on which
        return _box_of(Path(hit.source), number, box)
    if len(files) > 1:
        return _box_of(files[number - 1], 1, box)
    return _box_of(files[0], number, box)


def _on_image(hit: Hit) -> Box:
    """A hit's box in fractions of the file's page; of a double spread, the halves are taken for equally wide."""
    if hit.side is None:
        return hit.box
    x0, y0, x1, y1 = hit.box
    left = 0.5 if hit.side == "right" else 0.0
    return left + x0 / 2, y0, left + x1 / 2, y1


def _box_of(file: Path, page: int, box: Box) -> Json:
    selector = percent(box)
    if file.suffix.lower() == ".pdf":
        selector = {**fragment(f"page={page}", _PDF_FRAGMENTS), "refinedBy": selector}
    return specific(_uri(file), selector)


def _on_canvas(box: Box, image: Box) -> Box:
    """A box in fractions of an image → of the canvas, on which the image lies in another box."""
    x0, y0, x1, y1 = box
    left, top, right, bottom = image
    wide, high = right - left, bottom - top
    return left + x0 * wide, top + y0 * high, left + x1 * wide, top + y1 * high


def _moment(file: str | Path, time_s: float) -> Json:
    return specific(str(file) if is_address(file) else _uri(Path(file)), moment(time_s))


def _uri(path: Path) -> str:
    return path.absolute().as_uri()
