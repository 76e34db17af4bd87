"""Files, archives and IIIF manifests at addresses of a server on this machine."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import PIL.Image

from benchmarks.support.made import Made, nothing
from benchmarks.support.made_pages import Drawn, Pages, encoded

_IIIF, _WEB = "IIIF", "web addresses"
_JSON = dict[str, Any]
_LEVEL_0_PX = (600, 1240)
"""Widths that services without sizes of choice have."""


class Site:
    """A web server: ``files`` by path, answers as (status, headers, content), and image services."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self._images: dict[str, PIL.Image.Image] = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, content = site.answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *arguments: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._server.server_close()

    def put(self, path: str, content: bytes | _JSON, status: int = 200, **headers: str) -> str:
        """Puts something at a path; returns its address."""
        told = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.files[path] = (status, headers, told)
        return self.url + path

    def service(self, drawn: Drawn, turned: int = 0) -> str:
        """The address of an image service for a page, which is kept turned to the left by so many degrees."""
        number = f"/image/{len(self._images)}"
        self._images[number] = PIL.Image.fromarray(drawn[1]).rotate(turned, expand=True)
        return self.url + number

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """What is at a path; of an image, the region, size and rotation that it names."""
        if path in self.files:
            return self.files[path]
        parts = unquote(path).split("/")
        image = self._images.get("/".join(parts[:3]))
        if image is None or len(parts) != 7:
            return 404, {}, b""
        _, _, _, region, size, rotation, _ = parts
        if region != "full":
            left, top, width, height = map(float, region.split(","))
            image = image.crop((round(left), round(top), round(left + width), round(top + height)))
        if size not in ("max", "full"):
            width = int(size.split(",")[0])
            image = image.resize((width, round(image.height * width / image.width)))
        content = io.BytesIO()
        image.rotate(-float(rotation), expand=True).save(content, "JPEG", quality=90)
        return 200, {"Content-Type": "image/jpeg"}, content.getvalue()


@contextmanager
def serving() -> Iterator[Site]:
    """A server, as long as the context lasts."""
    site = Site()
    try:
        yield site
    finally:
        site.close()


class Manifests:
    """Makes IIIF manifests of pages, each at an address of its own."""

    def __init__(self, site: Site, pages: Pages, recording: bytes) -> None:
        self._site, self._pages, self._recording, self._count = site, pages, recording, 0

    def all(self) -> Iterator[Made]:
        """Of both versions: services and files, parts and turns, missing and locked images, sound, ranges."""
        for version in (2, 3):
            for service in ("", "level0", "level1", "level2"):
                drawn = self._drawn(2)
                bodies = [self._body(version, page, service) for page in drawn]
                yield self._made(f"{service or 'files'}-{version}", self._manifest(version, bodies), drawn)
            drawn = self._drawn(2)
            bodies = [self._body(version, page, "level2", sized=False) for page in drawn]
            yield self._made(f"no-sizes-{version}", self._manifest(version, bodies, sized=False), drawn)
            drawn = self._drawn(3)
            bodies = [self._body(version, page) for page in drawn]
            for status in (404, 403):
                lost = f"/lost-{version}-{status}.jpg"
                self._site.put(lost, b"", status)
                damaged = [bodies[0], _resource(version, self._site.url + lost, "Image"), bodies[2]]
                says = "page 2 is missing ("
                made = self._made(f"one-{status}-{version}", self._manifest(version, damaged), drawn, says)
                yield replace(made, systems=drawn[0][2] + drawn[2][2])
            login = self._site.put(f"/login-{version}", b"<!DOCTYPE html><title>Log in</title>")
            locked = [bodies[0], _resource(version, login, "Image"), bodies[2]]
            made = self._made(
                f"login-{version}", self._manifest(version, locked), drawn, "is a web page, perhaps to log"
            )
            yield replace(made, systems=drawn[0][2] + drawn[2][2])
            yield self._turned(version)
            yield self._choice(version)
            yield self._ranges(version)
            yield self._collection(version)
        yield self._halves()
        yield self._region()
        yield from self._sounding()
        yield self._refused("no-pages", {"type": "Manifest", "items": []}, "has no page with an image")
        yield self._refused("no-manifest", {"type": "Other"}, "is no IIIF manifest")
        yield self._refused("empty-collection", {"type": "Collection", "items": []}, "is an empty collection")
        nothing = self._manifest(3, [_resource(3, f"{self._site.url}/nowhere.jpg", "Image")])
        yield self._refused("all-missing", nothing, "the server says 404")
        address = self._site.put("/cut/manifest.json", b'{"type": "Manifest", "items": [')
        yield Made(_IIIF, "cut", pieces=0, says="is no IIIF manifest that can be read", address=address)

    def _drawn(self, count: int) -> list[Drawn]:
        return [self._pages.upper() for _ in range(count)]

    def _body(self, version: int, drawn: Drawn, service: str = "", sized: bool = True) -> _JSON:
        """An image of a page: a file, and perhaps a service of some level."""
        self._count += 1
        address = self._site.put(f"/file/{self._count}.jpg", encoded(drawn[1], "L", "JPEG"))
        body = _resource(version, address, "Image")
        height, width = drawn[1].shape
        if sized:
            body |= {"width": width, "height": height}
        if service:
            name = self._site.service(drawn)
            sizes = [{"width": wide, "height": round(height * wide / width)} for wide in _LEVEL_0_PX]
            told: _JSON = {"profile": service if version == 3 else f"http://iiif.io/api/image/2/{service}.json"}
            told |= {"sizes": sizes} if service == "level0" else {}
            if version == 3:
                body["service"] = [{"id": name, "type": "ImageService3", **told}]
            else:
                body["service"] = {"@id": name, "@context": "http://iiif.io/api/image/2/context.json", **told}
        return body

    def _manifest(self, version: int, bodies: Sequence[_JSON], sized: bool = True, **more: Any) -> _JSON:
        """A manifest of a canvas for each body."""
        canvases = [self._canvas(version, number, [(body, "")], sized) for number, body in enumerate(bodies, start=1)]
        if version == 2:
            return {"@type": "sc:Manifest", "label": "Suite", "sequences": [{"canvases": canvases}], **more}
        return {"type": "Manifest", "label": {"de": ["Sonaten für Klavier"]}, "items": canvases, **more}

    def _canvas(self, version: int, number: int, painted: Sequence[tuple[_JSON, str]], sized: bool = True) -> _JSON:
        """A canvas with bodies on it, each at a fragment, "" for all of it."""
        name = f"{self._site.url}/canvas/{number}"
        size = {"width": 1240, "height": 1754} if sized else {}
        if version == 2:
            images = [{"motivation": "sc:painting", "resource": body, "on": name + at} for body, at in painted]
            return {"@id": name, "@type": "sc:Canvas", **size, "images": images}
        paintings = [
            {"type": "Annotation", "motivation": "painting", "body": body, "target": name + at} for body, at in painted
        ]
        return {"id": name, "type": "Canvas", **size, "items": [{"type": "AnnotationPage", "items": paintings}]}

    def _made(self, name: str, manifest: _JSON, drawn: Sequence[Drawn], says: str = "") -> Made:
        self._count += 1
        address = self._site.put(f"/{name}-{self._count}/manifest.json", manifest)
        systems = sum(systems for *_, systems in drawn)
        return Made(_IIIF, name, pages=len(drawn), systems=systems, says=says, address=address)

    def _refused(self, name: str, manifest: _JSON, says: str) -> Made:
        return replace(self._made(name, manifest, []), pieces=0, pages=None, systems=None, says=says)

    def _specific(self, version: int, source: _JSON, **selector: str) -> _JSON:
        """A part of an image, or a turned one."""
        if version == 2:
            told = {"@type": "iiif:ImageApiSelector", **selector}
            return {"@type": "oa:SpecificResource", "full": source, "selector": told}
        return {"type": "SpecificResource", "source": source, "selector": {"type": "ImageApiSelector", **selector}}

    def _turned(self, version: int) -> Made:
        """A page that is kept on its side, and shown upright."""
        drawn = self._drawn(1)
        body = self._body(version, drawn[0], "level2")
        service = body["service"][0] if version == 3 else body["service"]
        service["id" if version == 3 else "@id"] = self._site.service(drawn[0], turned=90)
        turned = self._specific(version, body, rotation="90")
        return self._made(f"turned-{version}", self._manifest(version, [turned]), drawn)

    def _choice(self, version: int) -> Made:
        """A page in natural light or, as a second choice, an image that is not there."""
        drawn = self._drawn(1)
        body, other = self._body(version, drawn[0]), _resource(version, f"{self._site.url}/nowhere.jpg", "Image")
        if version == 2:
            choice: _JSON = {"@type": "oa:Choice", "default": body, "item": [other]}
        else:
            choice = {"type": "Choice", "items": [body, other]}
        return self._made(f"choice-{version}", self._manifest(version, [choice]), drawn)

    def _ranges(self, version: int) -> Made:
        """Two movements of two pages and one."""
        drawn = self._drawn(3)
        bodies = [self._body(version, page) for page in drawn]
        names = [f"{self._site.url}/canvas/{number}" for number in (1, 2, 3)]
        if version == 2:
            more: _JSON = {
                "structures": [
                    {"@id": "r1", "@type": "sc:Range", "label": "Allegro", "canvases": names[:2]},
                    {"@id": "r2", "@type": "sc:Range", "label": "Rondo", "canvases": names[2:]},
                ]
            }
        else:
            items = [[{"id": name, "type": "Canvas"} for name in some] for some in (names[:2], names[2:])]
            labels = ("Allegro", "Rondo")
            more = {
                "structures": [
                    {"id": label, "type": "Range", "label": {"it": [label]}, "items": some}
                    for label, some in zip(labels, items, strict=True)
                ]
            }
        return replace(self._made(f"ranges-{version}", self._manifest(version, bodies, **more), drawn), pieces=2)

    def _collection(self, version: int) -> Made:
        """Two manifests, the second in a collection of its own."""
        drawn = self._drawn(2)
        manifests = [self._manifest(version, [self._body(version, page)]) for page in drawn]
        inner = [self._made(f"member-{version}", manifest, []).address for manifest in manifests]
        if version == 2:
            deeper: _JSON = {"@type": "sc:Collection", "manifests": [{"@id": inner[1], "@type": "sc:Manifest"}]}
            name = self._made("inner-2", deeper, []).address
            members = {"manifests": [{"@id": inner[0]}], "collections": [{"@id": name, "@type": "sc:Collection"}]}
            outer: _JSON = {"@type": "sc:Collection", "label": "All", **members}
        else:
            deeper = {"type": "Collection", "items": [{"id": inner[1], "type": "Manifest"}]}
            name = self._made("inner-3", deeper, []).address
            items = [{"id": inner[0], "type": "Manifest"}, {"id": name, "type": "Collection"}]
            outer = {"type": "Collection", "label": {"none": ["All"]}, "items": items}
        return replace(self._made(f"collection-{version}", outer, drawn), pieces=2)

    def _halves(self) -> Made:
        """Two images beside each other on a canvas."""
        drawn = self._drawn(2)
        at = ("#xywh=0,0,620,1754", "#xywh=620,0,620,1754")
        painted = [(self._body(3, page), place) for page, place in zip(drawn, at, strict=True)]
        manifest = self._manifest(3, [])
        manifest["items"] = [self._canvas(3, 1, painted)]
        return self._made("two-on-a-canvas", manifest, drawn)

    def _region(self) -> Made:
        """All of an image but its margins, named as a part of it."""
        drawn = self._drawn(1)
        height, width = drawn[0][1].shape
        body = self._body(3, drawn[0], "level2")
        part = self._specific(3, body, region=f"20,20,{width - 40},{height - 40}")
        return self._made("region", self._manifest(3, [part]), drawn)

    def _sounding(self) -> Iterator[Made]:
        """Canvases of sound, alone and beside a page."""
        address = self._site.put("/take.mp3", self._recording)
        for kind in ("Sound", "Video"):
            body = {**_resource(3, address, kind), "duration": 12.0}
            made = self._made(f"{kind.lower()}-canvas", self._manifest(3, [body]), [])
            yield replace(made, pages=None, systems=None)
        drawn = self._drawn(1)
        bodies = [self._body(3, drawn[0]), _resource(3, address, "Sound")]
        yield replace(self._made("page-and-sound", self._manifest(3, bodies), drawn), pieces=2)


def addresses(site: Site, good: Sequence[Made], folder: Path) -> Iterator[Made]:
    """Files of ``good``, made in ``folder``, at addresses of many forms; and what is no file."""
    forms = ("/{}", "/a%20b/{}", "/{}?download=1", "/{}#top", "/scores/../{}", "/redirect/{}")
    for number, one in enumerate(good):
        path = folder / one.name
        one.write(path)
        form = forms[number % len(forms)].format(f"{number}/{one.name}")
        address = site.put(form.partition("#")[0], path.read_bytes())
        if form.startswith("/redirect"):
            site.put("/elsewhere" + form, path.read_bytes())
            address = site.put(form, b"", 302, Location="/elsewhere" + form)
        yield replace(one, kind=_WEB, name=f"{number}-{one.name}", write=nothing, asks="", address=address)
    page = b"<!DOCTYPE html><html><title>A recital</title></html>"
    for name, content, status, says in (
        ("watch?v=1", page, 200, "is a web page, not a file"),
        ("score.pdf", page, 200, "is a web page, not a file"),
        ("gone.pdf", b"", 404, "the server says 404"),
        ("locked.pdf", b"", 401, "the server says 401"),
        ("empty.pdf", b"", 200, "is empty"),
        ("quartet.sib", b"SIBELIUS", 200, "is a Sibelius score"),
        ("scores.rar", b"Rar!\x1a\7\0", 200, "is an archive of a kind"),
        ("words.txt", b"Dear Clara", 200, "is neither sheet music nor a recording"),
        ("cut.pdf", b"%PDF-1.4", 200, "is a damaged PDF"),
    ):
        yield Made(_WEB, name, pieces=0, says=says, address=site.put(f"/bad/{name}", content, status))
    circle = site.put("/round.pdf", b"", 302, Location="/round.pdf")
    yield Made(_WEB, "round.pdf", pieces=0, says="is redirected again and again", address=circle)
    away = site.put("/away.pdf", b"", 302, Location="file:///etc/hostname")
    yield Made(_WEB, "away.pdf", pieces=0, says="is no web address", address=away)


def _resource(version: int, address: str, kind: str) -> _JSON:
    return {"id": address, "type": kind} if version == 3 else {"@id": address, "@type": f"dctypes:{kind}"}
