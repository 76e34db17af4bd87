"""Manifests of both versions become folders of pages, politely, from a server on this machine."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from earmark.errors import BadInput
from earmark.exports.annotations import annotation_page
from earmark.library.library import Library
from earmark.sandbox.limits import Limits
from earmark.sandbox.sandbox import Sandbox
from earmark.sheet import fetch, iiif, manifest
from earmark.sheet.iiif import Fetched, download, kept_manifest
from earmark.sheet.manifest import Collection, Manifest, read_document

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

SANDBOX = Sandbox()
Answer = tuple[int, dict[str, str], bytes]


class Server:
    """``answers`` by path: a list is given one after the other, the last for good. ``asked`` is what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[str] = []
        self.agents: set[str] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.agents.add(self.headers["User-Agent"])
                answers = outer.answers.get(self.path, [(404, {}, b"")])
                status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def give(self, path: str, body: bytes | dict[str, Any]) -> str:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[path] = [(200, {}, content)]
        return self.url + path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(fetch, "PAUSE_S", 0.001)
    monkeypatch.setattr(fetch, "TIMEOUT_S", 5.0)
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def version_3(server: Server, pages: int, service: bool = True) -> dict[str, Any]:
    canvases = []
    for number in range(1, pages + 1):
        body: dict[str, Any] = {"id": f"{server.url}/full/{number}.jpg", "type": "Image", "width": 3000, "height": 4000}
        if service:
            body["service"] = [{"id": f"{server.url}/image/{number}", "type": "ImageService3", "profile": "level2"}]
        painting = {"type": "Annotation", "motivation": "painting", "body": body}
        items = [{"type": "AnnotationPage", "items": [painting]}]
        canvas = {"id": f"{server.url}/canvas/{number}", "type": "Canvas", "width": 3000, "height": 4000}
        canvases.append({**canvas, "items": items})
    return {"type": "Manifest", "label": {"de": ["Sonaten  für Klavier"]}, "items": canvases}


def pages_of(url: str, folder: Path) -> list[Path]:
    fetched = download(url, folder, SANDBOX)
    assert isinstance(fetched, Fetched)
    return list(fetched.pages)


def version_2(server: Server) -> dict[str, Any]:
    service = {"@id": f"{server.url}/image/1", "profile": "http://iiif.io/api/image/2/level1.json"}
    resource = {"@id": f"{server.url}/full/1.jpg", "service": service, "width": 900, "height": 1200}
    canvas = {"@id": f"{server.url}/canvas/1", "width": 900, "height": 1200, "images": [{"resource": resource}]}
    empty = {"@id": f"{server.url}/canvas/2", "width": 900, "height": 1200, "images": []}
    return {"@type": "sc:Manifest", "label": [{"@value": "Suite"}], "sequences": [{"canvases": [canvas, empty]}]}


def test_version_3_is_fetched_at_the_right_size_and_not_twice(server: Server, tmp_path: Path) -> None:
    url = server.give("/m.json", version_3(server, 2))
    for number in (1, 2):
        server.give(f"/image/{number}/full/2000,/0/default.jpg", f"image {number}".encode())
    paths = pages_of(url, tmp_path / "iiif")
    assert [path.read_bytes() for path in paths] == [b"image 1", b"image 2"]
    assert server.asked == ["/m.json", "/image/1/full/2000,/0/default.jpg", "/image/2/full/2000,/0/default.jpg"]
    assert all(agent.startswith("Earmark/") for agent in server.agents)
    paths[1].unlink()
    server.asked.clear()
    assert pages_of(url, tmp_path / "iiif") == paths
    assert server.asked == ["/m.json", "/image/2/full/2000,/0/default.jpg"]
    kept = kept_manifest(tmp_path / "iiif", SANDBOX)
    assert kept is not None
    assert (kept.label, len(kept.canvases)) == ("Sonaten für Klavier", 2)


def test_version_2_is_never_enlarged_and_empty_canvases_are_left_out(server: Server, tmp_path: Path) -> None:
    url = server.give("/m.json", version_2(server))
    server.give("/image/1/full/900,/0/default.jpg", b"small")
    (path,) = pages_of(url, tmp_path)
    assert path.read_bytes() == b"small"
    read = read_document(json.dumps(version_2(server)).encode(), "m")
    assert isinstance(read, Manifest)
    assert read.label == "Suite"


def test_a_service_that_refuses_the_size_gives_the_whole_image(server: Server, tmp_path: Path) -> None:
    url = server.give("/m.json", version_3(server, 1))
    server.answers["/image/1/full/2000,/0/default.jpg"] = [(400, {}, b"")]
    server.give("/full/1.jpg", b"whole")
    assert [path.read_bytes() for path in pages_of(url, tmp_path)] == [b"whole"]


@pytest.mark.parametrize("wait", ["0", formatdate(usegmt=True), "soon"], ids=["seconds", "date", "neither"])
def test_a_busy_server_is_asked_again_when_it_says(server: Server, tmp_path: Path, wait: str) -> None:
    url = server.give("/m.json", version_3(server, 1, service=False))
    server.answers["/full/1.jpg"] = [(429, {"Retry-After": wait}, b""), (503, {}, b""), (200, {}, b"image")]
    assert [path.read_bytes() for path in pages_of(url, tmp_path)] == [b"image"]
    assert server.asked.count("/full/1.jpg") == 3


def test_what_a_server_refuses_is_said_and_what_was_fetched_stays(server: Server, tmp_path: Path) -> None:
    url = server.give("/m.json", version_3(server, 2, service=False))
    server.give("/full/1.jpg", b"image")
    server.answers["/full/2.jpg"] = [(429, {"Retry-After": "86400"}, b"")]
    with pytest.raises(BadInput, match=r"2\.jpg: the server is busy, and there is no time to wait 86400 s"):
        download(url, tmp_path, SANDBOX)
    assert server.asked.count("/full/1.jpg") == 1
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(BadInput, match="cannot be fetched"):
        download(url, tmp_path, SANDBOX)


def test_too_much_is_refused(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server.give("/m.json", version_3(server, 1, service=False))
    server.give("/full/1.jpg", b"x" * 2000)
    monkeypatch.setattr(iiif, "MAX_IMAGE_BYTES", 1000)
    with pytest.raises(BadInput, match="is larger than"):
        download(url, tmp_path, SANDBOX)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
    monkeypatch.setattr(manifest, "MAX_PAGES", 0)
    with pytest.raises(BadInput, match="has more than 0 pages"):
        download(url, tmp_path, SANDBOX)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", "is no IIIF manifest that can be read"),
        (b"[]", "is no IIIF manifest that can be read"),
        (b'{"type": "Other"}', "is no IIIF manifest"),
        (b'{"type": "Collection"}', "is an empty collection"),
        (b'{"type": "Manifest", "items": []}', "has no page with an image"),
    ],
)
def test_what_is_no_manifest_is_said(content: bytes, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_document(content, "m")


@pytest.mark.usefixtures("processes")
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limits")
def test_a_document_that_takes_all_memory_fails_alone(server: Server, tmp_path: Path) -> None:
    """It is read where files from outside are, which has little memory here: too little for this many objects."""
    sandbox = Sandbox(Limits(memory_bytes=50_000_000))
    with pytest.raises(BadInput, match=r"m\.json: takes too much memory; "):
        download(server.give("/m.json", b"[" + b"{}," * 2_000_000 + b"{}]"), tmp_path, sandbox)
    sandbox.close()
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_is_not_on_the_web_is_refused(server: Server, tmp_path: Path) -> None:
    elsewhere = version_3(server, 1, service=False)
    elsewhere["items"][0]["items"][0]["items"][0]["body"]["id"] = "file:///etc/hostname"
    with pytest.raises(BadInput, match="is no web address"):
        download(server.give("/m.json", elsewhere), tmp_path, SANDBOX)


def test_a_manifest_is_a_piece_that_is_found_on_its_canvas(
    server: Server, encoders: FakeEncoders, music: Music, tmp_path: Path
) -> None:
    melody = music.melody(1, 100)
    folder = music.write_images(tmp_path / "scan", melody, ["1.png", "2.png"])
    url = server.give("/m.json", version_3(server, 2, service=False))
    for number in (1, 2):
        server.give(f"/full/{number}.jpg", (folder / f"{number}.png").read_bytes())
    library = Library.open(tmp_path / "library", encoders)
    (outcome,) = library.add(url)
    assert (outcome.status, outcome.source) == ("added", url)
    assert outcome.piece is not None
    assert (outcome.piece.name, outcome.piece.title) == ("Sonaten für Klavier", "Sonaten für Klavier")
    server.asked.clear()
    (again,) = library.add([url])
    assert (again.status, server.asked) == ("unchanged", ["/m.json"])
    findings = library.find(music.write_recording(tmp_path / "clip.wav", melody, first=75))
    hit = findings.hits[0]
    files = [[Path(file.path) for file in library.store.files(outcome.piece)]]
    (item,) = annotation_page([(findings, files)], SANDBOX)["items"]
    assert item["target"]["source"]["id"] == f"{server.url}/canvas/2"
    assert item["target"]["source"]["partOf"] == {"id": url, "type": "Manifest"}
    x, y, width, height = map(float, item["target"]["selector"]["value"].removeprefix("xywh=").split(","))
    assert [x / 3000, y / 4000, (x + width) / 3000, (y + height) / 4000] == pytest.approx(hit.box, abs=1e-3)
    assert item["body"][0]["selector"]["value"] == f"t={hit.query_time_s:.3f}"
    (failed,) = library.add(f"{server.url}/gone.json")
    assert (failed.status, failed.reason) == ("failed", "the server says 404 Not Found; try again later")


@pytest.mark.parametrize("answer", [(404, b""), (401, b""), (200, b"<!DOCTYPE html><form>"), (200, b"damaged")])
def test_a_missing_image_is_told_and_tried_again_and_the_rest_is_added(
    answer: tuple[int, bytes], server: Server, encoders: FakeEncoders, music: Music, tmp_path: Path
) -> None:
    folder = music.write_images(tmp_path / "scan", music.melody(1, 216), ["1.png", "2.png", "3.png"])
    url = server.give("/m.json", version_3(server, 3, service=False))
    for number in (1, 3):
        server.give(f"/full/{number}.jpg", (folder / f"{number}.png").read_bytes())
    server.answers["/full/2.jpg"] = [(answer[0], {}, answer[1])]
    with Library.open(tmp_path / "library", encoders) as library:
        (outcome,) = library.add(url)
        assert outcome.status == "added"
        assert outcome.piece is not None
        assert outcome.piece.pages == 3
        assert [remark.startswith("page 2 is missing (") for remark in outcome.remarks] == [True]
        if answer[1] == b"damaged":
            return
        if answer[0] != 404:
            assert "log in with a browser" in outcome.remarks[0]
        (again,) = library.add(url)
        assert (again.status, again.remarks) == ("unchanged", outcome.remarks)
        server.give("/full/2.jpg", (folder / "2.png").read_bytes())
        (whole,) = library.add(url)
        assert (whole.status, whole.remarks) == ("replaced", ())


def test_when_all_images_are_missing_nothing_is_added(server: Server, tmp_path: Path) -> None:
    url = server.give("/m.json", version_3(server, 2, service=False))
    with pytest.raises(BadInput, match=r"1\.jpg: the server says 404"):
        download(url, tmp_path, SANDBOX)


def test_ranges_are_pieces_with_split(server: Server, encoders: FakeEncoders, music: Music, tmp_path: Path) -> None:
    folder = music.write_images(tmp_path / "scan", music.melody(1, 216), ["1.png", "2.png", "3.png"])
    canvases = [{"type": "Canvas", "id": f"{server.url}/canvas/{number}"} for number in (1, 2, 3)]
    ranges = [
        {"type": "Range", "id": "r1", "label": {"en": ["Aria"]}, "items": canvases[:1]},
        {"type": "Range", "id": "r2", "label": {"en": ["Rondo"]}, "items": canvases[1:]},
    ]
    book = version_3(server, 3, service=False) | {"structures": [{"type": "Range", "id": "r0", "items": ranges}]}
    url = server.give("/m.json", book)
    for number in (1, 2, 3):
        server.give(f"/full/{number}.jpg", (folder / f"{number}.png").read_bytes())
    with Library.open(tmp_path / "library", encoders) as library:
        outcomes = library.add(url, split=True)
        assert [(one.source, one.piece and one.piece.name) for one in outcomes] == [
            (f"{url}#page=1-1", "Aria"),
            (f"{url}#page=2-3", "Rondo"),
        ]
        assert [one.status for one in library.add(url, split=True)] == ["unchanged", "unchanged"]


def test_collections_lead_to_their_manifests_and_sound_is_added_as_recordings(
    server: Server, encoders: FakeEncoders, music: Music, tmp_path: Path
) -> None:
    pages = music.write_images(tmp_path / "scan", music.melody(1, 72), ["1.png"])
    server.give("/full/1.jpg", (pages / "1.png").read_bytes())
    server.give("/sound.wav", music.write_recording(tmp_path / "sound.wav", music.melody(2, 40)).read_bytes())
    body = {"id": f"{server.url}/sound.wav", "type": "Sound", "format": "audio/wav"}
    canvas = {"id": "c", "type": "Canvas", "duration": 20, "label": {"en": ["Side A"]}}
    canvas["items"] = [{"items": [{"motivation": "painting", "body": body}]}]
    tape = server.give("/tape.json", {"type": "Manifest", "label": "Tape", "items": [canvas]})
    book = server.give("/book.json", version_3(server, 1, service=False))
    members = [{"id": book, "type": "Manifest"}, {"id": f"{server.url}/more.json", "type": "Collection"}]
    server.give("/more.json", {"@type": "sc:Collection", "manifests": [{"@id": tape}, {"@id": f"{server.url}/none"}]})
    url = server.give("/all.json", {"type": "Collection", "items": members})
    with Library.open(tmp_path / "library", encoders) as library:
        found = [(one.source, one.status, one.piece and (one.piece.name, one.piece.kind)) for one in library.add(url)]
    assert found == [
        (book, "added", ("Sonaten für Klavier", "score")),
        (f"{tape}#1", "added", ("Side A", "recording")),
        (f"{server.url}/none", "failed", None),
    ]


def test_a_collection_does_not_lead_into_this_network(server: Server, tmp_path: Path) -> None:
    url = server.give("/m.json", version_3(server, 1, service=False))
    with pytest.raises(BadInput, match="is of this machine or its network"):
        download(url, tmp_path, SANDBOX, given="https://example.org/collection.json")
    assert isinstance(read_document(b'{"type": "Collection", "items": [{"id": "x"}]}', "c"), Collection)
