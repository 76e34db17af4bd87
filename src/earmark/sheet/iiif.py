"""A IIIF Presentation manifest (version 2 or 3) → its page images in a folder.

`earmark.sheet.fetch` says what is fetched from where, and how politely. Resumable: an image that is there already is
not fetched again, and one appears whole or not at all. The folder also keeps ``manifest.json``, from which
`kept_manifest` tells what the pages are called on the web.

https://iiif.io/api/presentation/3.0/, /2.1/; https://iiif.io/api/image/3.0/, /2.1/
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earmark.errors import BadInput
from earmark.files import replacing
from earmark.sheet.fetch import Download, Refused

WIDTH_PX = 2000
"""Asked of image services: A4 at 240 dpi, enough for the smallest staves in print."""
SECONDS, SECONDS_A_PAGE = 600.0, 30.0
"""What a download may take in all."""
MAX_BYTES = 10_000_000_000
MAX_MANIFEST_BYTES = 30_000_000
MAX_IMAGE_BYTES = 60_000_000
MAX_PAGES = 3000
MANIFEST = "manifest.json"

Json = dict[str, Any]


@dataclass(frozen=True)
class Canvas:
    """One page: its id on the web, its size in canvas units, and the addresses of its image, the best first."""

    id: str
    width: float
    height: float
    images: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """A manifest's label and its pages in order."""

    label: str
    canvases: tuple[Canvas, ...]


def is_address(where: str | Path) -> bool:
    """Whether this is a web address and not a path."""
    return str(where).startswith(("http://", "https://"))


def download(url: str, folder: Path, report: Callable[[int, int], None] = lambda done, total: None) -> Sequence[Path]:
    """Fetches the manifest at ``url`` and its images into ``folder``; returns them in page order.

    ``report`` is told how many of the pages are there. Whoever gives ``url`` vouches for it: if it is an address of
    this machine or network, others of the same may be fetched from. Raises BadInput for what is no manifest, and when
    the server cannot be reached, refuses, is too slow, or sends more than the limits above; what was fetched stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    web = Download(url, SECONDS)
    content = web.get(url, MAX_MANIFEST_BYTES)
    manifest = read_manifest(content, url)
    web.extend(SECONDS_A_PAGE * len(manifest.canvases))
    with replacing(folder / MANIFEST) as file:
        file.write(content)
    paths, size = [], 0
    for number, canvas in enumerate(manifest.canvases, start=1):
        digest = hashlib.sha256(canvas.images[-1].encode()).hexdigest()[:12]
        path = folder / f"page-{number:04}-{digest}.jpg"
        if not path.exists():
            image = _fetch_first(web, canvas.images)
            with replacing(path) as file:
                file.write(image)
        paths.append(path)
        size += path.stat().st_size
        if size > MAX_BYTES:
            raise BadInput(url, f"has more than {MAX_BYTES // 10**9} GB of images", "add what was fetched as files")
        report(number, len(manifest.canvases))
    return paths


def kept_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder that `download` filled; None for other folders."""
    try:
        return read_manifest((folder / MANIFEST).read_bytes(), str(folder))
    except (OSError, BadInput):
        return None


def read_manifest(content: bytes, name: str) -> Manifest:
    """A manifest of version 2 or 3; ``name`` is for messages. Raises BadInput when it is none or has no image."""
    remedy = "give the address of a IIIF Presentation manifest"
    try:
        found = json.loads(content)
        kind = found.get("type") or found.get("@type", "")
        if kind.endswith("Collection"):
            raise BadInput(name, "is a collection of manifests", "give the address of one of them")
        if kind == "Manifest":
            canvases = [_canvas(canvas, _resource_3(canvas)) for canvas in found["items"]]
        elif kind == "sc:Manifest":
            canvases = [_canvas(canvas, _resource_2(canvas)) for canvas in found["sequences"][0]["canvases"]]
        else:
            raise BadInput(name, "is no IIIF manifest", remedy)
        label = _text(found.get("label"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise BadInput(name, "is no IIIF manifest that can be read", remedy) from error
    with_image = tuple(canvas for canvas in canvases if canvas is not None)
    if not with_image:
        raise BadInput(name, "has no page with an image", remedy)
    if len(with_image) > MAX_PAGES:
        raise BadInput(name, f"has more than {MAX_PAGES} pages", "give the manifest of one volume")
    return Manifest(label, with_image)


def _resource_3(canvas: Json) -> Json | None:
    """The image that a version 3 canvas is painted with; None for an empty one."""
    for page in canvas.get("items", ()):
        for annotation in page.get("items", ()):
            body = annotation["body"]
            body = body[0] if isinstance(body, list) else body
            return dict(body["items"][0] if body.get("type") == "Choice" else body)
    return None


def _resource_2(canvas: Json) -> Json | None:
    for image in canvas.get("images", ()):
        resource = image["resource"]
        return dict(resource["default"] if resource.get("@type") == "oa:Choice" else resource)
    return None


def _canvas(canvas: Json, resource: Json | None) -> Canvas | None:
    if resource is None:
        return None
    addresses = [_id(resource)] if _id(resource) else []
    services = resource.get("service", ())
    for service in [services] if isinstance(services, dict) else services:
        if "level0" not in str(service.get("profile", "")) and _id(service):  # those have ready-made sizes only
            width = min(WIDTH_PX, int(resource.get("width") or WIDTH_PX))
            addresses.insert(0, f"{_id(service).rstrip('/')}/full/{width},/0/default.jpg")
            break
    if not addresses:
        return None
    return Canvas(_id(canvas), float(canvas["width"]), float(canvas["height"]), tuple(addresses))


def _id(entity: Json) -> str:
    return str(entity.get("id") or entity.get("@id") or "")


def _text(label: Any) -> str:
    """A label of either version: a string, values with languages, or lists of such; the first."""
    if isinstance(label, dict):
        return _text(label["@value"] if "@value" in label else next(iter(label.values()), ""))
    if isinstance(label, list):
        return _text(label[0] if label else "")
    return " ".join(str(label or "").split())[:200]


def _fetch_first(web: Download, addresses: Sequence[str]) -> bytes:
    """The image at the first address that the server answers; a service may refuse a size."""
    for address in addresses[:-1]:
        with suppress(Refused):
            return web.get(address, MAX_IMAGE_BYTES)
    return web.get(addresses[-1], MAX_IMAGE_BYTES)
