"""Files at addresses: fetched once, kept under their names; web pages and other things are told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earmark.errors import BadInput
from earmark.library.library import Library
from earmark.sheet import fetch
from earmark.sources import remote
from tests.sources.test_archives import packed

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

NOTES = 48


class Site:
    """A server of this machine: what is at its paths, and which were asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                content = site.files.get(self.path)
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, path: str, content: bytes) -> str:
        self.files[path] = content
        return f"http://127.0.0.1:{self.server.server_port}{path}"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(fetch, "PAUSE_S", 0.0)
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_score_and_a_recording_are_added_and_asked_by_their_addresses(
    site: Site, encoders: FakeEncoders, music: Music, tmp_path: Path
) -> None:
    score = site.put("/op%201/Invention.pdf", music.write_pdf(tmp_path / "a.pdf", music.melody(1, NOTES)).read_bytes())
    sound = music.write_recording(tmp_path / "a.wav", music.melody(1, NOTES)).read_bytes()
    clip = site.put("/clip?take=2", sound)
    with Library.open(tmp_path / "lib", encoders) as library:
        added = library.add([score, clip])
        assert [(one.status, one.source, one.piece and one.piece.name) for one in added] == [
            ("added", score, "Invention"),
            ("added", clip, "clip"),
        ]
        assert [one.status for one in library.add([score, clip])] == ["unchanged", "unchanged"]
        assert len(site.asked) == 2
        asked = site.put("/other.wav", sound)
        findings = library.find(asked)
        assert (findings.query_path, findings.hits[0].piece, findings.recordings[0].piece) == (
            asked,
            "Invention",
            "clip",
        )
        assert library.align(asked, "Invention").audio_path == asked


def test_an_archive_at_an_address_is_what_it_holds(
    site: Site, encoders: FakeEncoders, music: Music, tmp_path: Path
) -> None:
    pdf = music.write_pdf(tmp_path / "a.pdf", music.melody(1, NOTES)).read_bytes()
    url = site.put("/download/scores.zip", packed({"Invention.pdf": pdf, "readme": b"words", "deep/torn.pdf": b"x"}))
    with Library.open(tmp_path / "lib", encoders) as library:
        added = library.add(url)
        assert [(one.status, one.piece and one.piece.name) for one in added] == [
            ("skipped", None),
            ("added", "Invention"),
            ("failed", None),
        ]
        assert [one.source for one in added] == [f"{url}/readme", f"{url}/Invention.pdf", f"{url}/deep/torn.pdf"]
        assert [one.status for one in library.add(url)] == ["skipped", "unchanged", "failed"]
        assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("/watch?v=1", b"<!DOCTYPE html><html><title>A video</title></html>", "is a web page.*download the recording"),
        ("/video.mp4", b"\n <html>", "is a web page"),
        ("/quartet.sib", b"SIBELIUS", "is a Sibelius score, which only Sibelius reads; export it"),
        ("/thing", b"neither", "is neither sheet music nor a recording"),
        ("/gone.pdf", None, "the server says 404"),
    ],
)
def test_what_is_no_music_is_said_and_nothing_stays(
    site: Site, encoders: FakeEncoders, tmp_path: Path, path: str, content: bytes | None, said: str
) -> None:
    url = site.put(path, content or b"")
    if content is None:
        site.files.clear()
    folder = tmp_path / "kept"
    with pytest.raises(BadInput, match=said) as error:
        remote.fetched_file(url, folder)
    assert str(error.value).startswith(url)
    assert not list(folder.glob("*"))


def test_a_manifest_is_left_to_others_and_sizes_are_bounded(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remote.fetched_file(site.put("/manifest.json", b' {"type": "Manifest"}'), tmp_path) is None
    monkeypatch.setattr(remote, "MOST_BYTES", 1000)
    with pytest.raises(BadInput, match="is larger than"):
        remote.fetched_file(site.put("/a.pdf", b"%PDF-" + bytes(1000)), tmp_path)


def test_names_are_such_as_any_file_system_takes(site: Site, tmp_path: Path) -> None:
    for path, name in (
        ("/a%2F..%2Fb%3A%00.pdf", "b__.pdf"),
        ("/", "file"),
        ("/" + "x" * 300 + ".pdf", "x" * 96 + ".pdf"),
    ):
        found = remote.fetched_file(site.put(path, b"%PDF-1.4"), tmp_path / str(len(path)))
        assert found is not None
        assert found.name == name
