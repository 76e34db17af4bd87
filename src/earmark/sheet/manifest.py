"""A IIIF Presentation document (version 2 or 3) → its pages, its sound, its ranges; or the manifests of a collection.

A canvas may be painted with several images beside each other, with a part of an image or a turned one, and with sound
or video; it need not have a size. https://iiif.io/api/presentation/3.0/, /2.1/; https://iiif.io/api/image/3.0/, /2.1/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earmark.errors import BadInput
from earmark.schema import Box

WIDTH_PX = 2000
"""Asked of image services: A4 at 240 dpi, enough for the smallest staves in print."""
MAX_PAGES = 3000
MAX_MEMBERS = 500
"""Manifests of a collection."""
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
SAVED = "is a IIIF manifest that was saved", 'give its address instead, which is the "id" or "@id" in it'
"""What a document on disk is, and the remedy, for a `BadInput`."""
_REMEDY = "give the address of a IIIF Presentation manifest"
_XYWH = re.compile(r"xywh=(?:pixel:|(percent:|pct:))?([\d.]+),([\d.]+),([\d.]+),([\d.]+)")
_BEGINNING = re.compile(rb"(\xef\xbb\xbf)?\s*\{.*?iiif\.io\\?/api\\?/presentation\\?/[23]\\?/", re.DOTALL)
_LOOKED_AT = 65536
_OVERLAY = 0.5  # of an image that lies on one before: then it is not another page

Json = dict[str, Any]


@dataclass(frozen=True)
class Canvas:
    """One page: an image on a canvas, whose id on the web is ``id`` and whose size in canvas units ``width`` x
    ``height``, 0 where it has none. ``box`` is where on the canvas the image lies, in fractions of its size;
    ``images`` are its addresses, the best first."""

    id: str
    width: float
    height: float
    images: tuple[str, ...]
    box: Box = _WHOLE


@dataclass(frozen=True)
class Recording:
    """Sound or video on a canvas: the canvas's id, its label, and the address of the file."""

    id: str
    label: str
    address: str


@dataclass(frozen=True)
class Range:
    """A part of a book: its label, its first and last page, from 1."""

    label: str
    first: int
    last: int


@dataclass(frozen=True)
class Manifest:
    """A manifest's label, its pages in order, its recordings, and the pieces that its ranges name."""

    label: str
    canvases: tuple[Canvas, ...]
    recordings: tuple[Recording, ...] = ()
    ranges: tuple[Range, ...] = ()


@dataclass(frozen=True)
class Collection:
    """The addresses of a collection's manifests and of collections in it."""

    members: tuple[str, ...]


def read_document(content: bytes, name: str) -> Manifest | Collection:
    """What a document of version 2 or 3 says; ``name`` is for messages. Raises BadInput when it is none or empty."""
    try:
        found = json.loads(content)
        kind = str(found.get("type") or found.get("@type", ""))
        if kind.endswith("Collection"):
            return _collection(found, name)
        if not kind.endswith("Manifest"):
            raise BadInput(name, "is no IIIF manifest", _REMEDY)
        return _manifest(found, name)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(name, "is no IIIF manifest that can be read", _REMEDY) from error


def is_saved_manifest(path: Path) -> bool:
    """Whether the file at ``path`` begins as a document of version 2 or 3 does."""
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
    except OSError:
        return False
    return bool(_BEGINNING.match(start))


def read_file(path: Path, name: str) -> tuple[Manifest | None, Collection | None]:
    """What the document in a file says, as one or the other; raises BadInput as `read_document` does."""
    found = read_document(path.read_bytes(), name)
    return (found, None) if isinstance(found, Manifest) else (None, found)


def _collection(found: Json, name: str) -> Collection:
    members = [member for key in ("items", "manifests", "collections", "members") for member in found.get(key, ())]
    addresses = tuple(dict.fromkeys(_id(member) for member in members if _id(member)))
    if not addresses:
        raise BadInput(name, "is an empty collection", _REMEDY)
    if len(addresses) > MAX_MEMBERS:
        raise BadInput(name, f"is a collection of more than {MAX_MEMBERS} manifests", "give some of them")
    return Collection(addresses)


def _manifest(found: Json, name: str) -> Manifest:
    described = found["items"] if "items" in found else found["sequences"][0]["canvases"]
    canvases: list[Canvas] = []
    recordings: list[Recording] = []
    pages: dict[str, list[int]] = {}
    for canvas in described:
        for body, target in _paintings(canvas):
            if _is_of(body, "sound", "video", "audio"):
                recordings.append(Recording(_id(canvas), _text(canvas.get("label")), _id(body)))
                continue
            page = _page(canvas, body, target)
            if page is not None and not any(_covers(canvases[n - 1], page) for n in pages.get(page.id, ())):
                canvases.append(page)
                pages.setdefault(page.id, []).append(len(canvases))
        if len(canvases) + len(recordings) > MAX_PAGES:
            raise BadInput(name, f"has more than {MAX_PAGES} pages", "give the manifest of one volume")
    if not canvases and not recordings:
        raise BadInput(name, "has no page with an image", _REMEDY)
    return Manifest(_text(found.get("label")), tuple(canvases), tuple(recordings), tuple(_ranges(found, pages)))


def _paintings(canvas: Json) -> Iterator[tuple[Json, Any]]:
    """What a canvas is painted with, and where on it."""
    for page in canvas.get("items", ()):
        for annotation in page.get("items", ()):
            if annotation.get("motivation", "painting") == "painting":
                yield _chosen(annotation["body"]), annotation.get("target")
    for image in canvas.get("images", ()):
        yield _chosen(image["resource"]), image.get("on")


def _chosen(body: Any) -> Json:
    """The resource that is painted: of a choice, the first or the default."""
    if isinstance(body, list):
        return _chosen(body[0])
    if isinstance(body, str):
        return {"id": body}
    kind = str(body.get("type") or body.get("@type", ""))
    if kind.endswith("Choice"):
        return _chosen(body["default"] if "default" in body else body["items"])
    return dict(body)


def _page(canvas: Json, body: Json, target: Any) -> Canvas | None:
    region, rotation = "full", "0"
    if str(body.get("type") or body.get("@type", "")).endswith("SpecificResource"):
        for selector in _listed(body.get("selector")):
            fragment = _XYWH.search(str(selector.get("value", "")))
            if fragment and not fragment[1]:
                region = ",".join(fragment.groups()[1:])
            region = str(selector.get("region") or region)
            rotation = str(selector.get("rotation") or rotation)
        body = _chosen(body["source"] if "source" in body else body["full"])
    addresses = list(_addresses(body, region, rotation))
    width, height = (float(canvas.get(key) or 0) for key in ("width", "height"))
    if not addresses:
        return None
    return Canvas(_id(canvas), width, height, tuple(dict.fromkeys(addresses)), _place(target, width, height))


def _addresses(image: Json, region: str, rotation: str) -> Iterator[str]:
    """Where an image, or this region of it, turned, may be had, the best first."""
    service = next((service for service in _listed(image.get("service")) if _id(service)), None)
    if service is not None:
        base = _id(service).rstrip("/")
        if "level0" in str(service.get("profile", "")):  # those have ready-made sizes only
            for size in sorted(service.get("sizes", ()), key=lambda size: abs(int(size["width"]) - WIDTH_PX)):
                yield f"{base}/full/{size['width']},{size['height']}/0/default.jpg"
                yield f"{base}/full/{size['width']},/0/default.jpg"
        else:
            width = min(WIDTH_PX, int(image.get("width") or WIDTH_PX))
            yield f"{base}/{region}/{width},/{rotation}/default.jpg"
    if _id(image):
        yield _id(image)
    if service is not None:
        yield from (f"{base}/{region}/{size}/{rotation}/default.jpg" for size in ("max", "full"))


def _place(target: Any, width: float, height: float) -> Box:
    """Where on its canvas an image lies, in fractions."""
    for one in _listed(target) or [{"id": str(target or "")}]:
        texts = [_id(one), *(str(selector.get("value", "")) for selector in _listed(one.get("selector")))]
        found = next(filter(None, map(_XYWH.search, texts)), None)
        if found is None or not (found[1] or (width and height)):
            continue
        across, down = (100.0, 100.0) if found[1] else (width, height)
        x, y, wide, high = map(float, found.groups()[1:])
        return x / across, y / down, (x + wide) / across, (y + high) / down
    return _WHOLE


def _covers(before: Canvas, page: Canvas) -> bool:
    """Whether most of one image lies on another: a detail or another state of it."""
    wide = min(before.box[2], page.box[2]) - max(before.box[0], page.box[0])
    high = min(before.box[3], page.box[3]) - max(before.box[1], page.box[1])
    area = (page.box[2] - page.box[0]) * (page.box[3] - page.box[1])
    return max(0.0, wide) * max(0.0, high) > _OVERLAY * area


def _ranges(found: Json, pages: dict[str, list[int]]) -> Iterator[Range]:
    """The outermost ranges of which there are several, with the pages that they reach from and to."""
    structures = [one for one in found.get("structures", ()) if isinstance(one, dict)]
    by_id = {_id(one): one for one in structures}
    inner = {_id(sub) if isinstance(sub, dict) else sub for one in structures for sub in one.get("ranges", ())}
    level = [one for one in structures if _id(one) not in inner and one.get("viewingHint") != "top"]
    tops = [one for one in structures if one.get("viewingHint") == "top"]
    level = level or [sub for top in tops for sub in _parts(top, by_id)]
    for _ in range(_DEEPEST):
        if len(level) != 1:
            break
        level = _parts(level[0], by_id)
    for one in level:
        reached = [page for canvas in _canvases(one, by_id, set()) for page in pages.get(canvas, ())]
        if reached:
            yield Range(_text(one.get("label")), min(reached), max(reached))


_DEEPEST = 10


def _parts(one: Json, by_id: dict[str, Json]) -> list[Json]:
    """The ranges in a range."""
    inner = [item for item in one.get("items", ()) if isinstance(item, dict) and item.get("type") == "Range"]
    named = [by_id[name] for name in map(_name, one.get("ranges", ())) if name in by_id]
    return [by_id.get(_id(item), item) if "items" not in item else item for item in inner] + named


def _canvases(one: Json, by_id: dict[str, Json], seen: set[int]) -> Iterator[str]:
    """The ids of all canvases of a range; ranges that were ``seen`` give none, for ranges may name each other."""
    if id(one) in seen:
        return
    seen.add(id(one))
    yield from (_name(canvas).partition("#")[0] for canvas in one.get("canvases", ()))
    for item in one.get("items", ()):
        kind = item.get("type") if isinstance(item, dict) else None
        if kind in ("Canvas", "SpecificResource"):
            yield _name(item.get("source") or item).partition("#")[0]
    for part in _parts(one, by_id):
        yield from _canvases(part, by_id, seen)


def _is_of(body: Json, *kinds: str) -> bool:
    """Whether a resource is of one of these kinds, as its type or its format says."""
    told = f"{body.get('type') or body.get('@type', '')} {body.get('format', '')}".lower()
    return any(kind in told for kind in kinds)


def _listed(value: Any) -> list[Json]:
    """One or many as many; what is no object is left out."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def _id(entity: Json) -> str:
    return str(entity.get("id") or entity.get("@id") or "")


def _name(entity: Any) -> str:
    return _id(entity) if isinstance(entity, dict) else str(entity)


def _text(label: Any) -> str:
    """A label of either version: a string, values with languages, or lists of such; the first."""
    if isinstance(label, dict):
        return _text(label["@value"] if "@value" in label else next(iter(label.values()), ""))
    if isinstance(label, list):
        return _text(label[0] if label else "")
    return " ".join(str(label or "").split())[:200]
