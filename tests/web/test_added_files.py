"""Quotas and full disks are said, with 413 and 507; a piece that is in the library is never said to have failed."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import earmark.web
from earmark.sandbox.process import PREFIX
from earmark.web.errors import Refusal
from earmark.web.limits import Limits
from earmark.web.protocol import Answer, Progress, Task
from earmark.web.uploads import RECORDING_ENDINGS, SHEET_ENDINGS
from earmark.web.worker_process import Worker

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders
    from tests.web.conftest import Serve, Served, Wait


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the server makes its temporary one."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def start(serve: Serve, encoders: FakeEncoders, kept: Path, tmp_path: Path, music: Music) -> Callable[..., Any]:
    """``with start(**limits) as served``: a server of a library with one piece."""
    from earmark.library.library import Library

    with Library.open(tmp_path / "library", encoders) as library:
        library.add(music.write_pdf(tmp_path / "first.pdf", music.melody(0, 48)))
    return lambda **limits: serve(tmp_path / "library", encoders, limits=replace(Limits(), **limits))


def left(kept: Path) -> list[str]:
    """What is in the temporary folder of the server, but for the folders of processes that have begun meanwhile."""
    made = [path.relative_to(folder) for folder in kept.iterdir() for path in folder.rglob("*")]
    return [path.name for path in made if not any(part.startswith(PREFIX) for part in path.parts)]


def refusals(served: Served, content: bytes) -> list[tuple[int, str]]:
    """What is said to a score and to a recording, each with and without a stated length."""
    answers = []
    with served.client() as client:
        for route, name in (("pieces", "score.pdf"), ("queries", "clip.wav")):
            for sent in (content, iter([content])):
                answers.append(client.post(f"/api/v1/{route}", params={"name": name}, content=sent))
    return [(answer.status_code, answer.json()["error"]["kind"]) for answer in answers]


def test_a_file_that_is_too_large(start: Any, kept: Path) -> None:
    with start(score_bytes=1000, audio_bytes=1000) as served:
        assert refusals(served, bytes(2000)) == [(413, "too_large")] * 4
        assert left(kept) == []


def test_a_library_that_has_reached_its_quota(start: Any, kept: Path, music: Music, tmp_path: Path) -> None:
    score = music.write_pdf(tmp_path / "score.pdf", music.melody(1, 48)).read_bytes()
    with start(library_bytes=len(score)) as served, served.client() as client:
        for content in (score, iter([score])):
            answer = client.post("/api/v1/pieces", params={"name": "score.pdf"}, content=content)
            assert (answer.status_code, answer.json()["error"]["kind"]) == (507, "full")
            assert "--quota" in answer.json()["error"]["remedy"]
        assert left(kept) == []
        assert not list(served.folder.glob("uploads/*"))


def test_a_disk_that_is_nearly_full(start: Any, kept: Path, clip: Path) -> None:
    with start(spare_bytes=10**18) as served:
        assert refusals(served, clip.read_bytes()) == [(507, "full")] * 4
        assert left(kept) == []


@pytest.mark.skipif(sys.platform == "win32", reason="the system has no such limit")
def test_a_disk_that_is_full(start: Any, kept: Path, clip: Path) -> None:
    import resource

    with start() as served:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        try:
            said = refusals(served, clip.read_bytes())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert said == [(507, "full")] * 4
        assert left(kept) == []


def test_a_piece_whose_worker_is_lost_after_it_was_added_is_said_to_be_added(
    start: Any, music: Music, wait: Wait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Worker.call

    def lose(worker: Worker, task: Task, limit_s: float, progress: Callable[[Progress], None]) -> Answer:
        answer = call(worker, task, limit_s, progress)
        if task.name == "add":
            raise Refusal("gave_up", "the file could not be read to its end", "convert it and try again")
        return answer

    monkeypatch.setattr(Worker, "call", lose)
    score = music.write_pdf(tmp_path / "score.pdf", music.melody(1, 48)).read_bytes()
    with start() as served, served.client() as client:
        for outcome in ("added", "unchanged"):
            sent = client.post("/api/v1/pieces", params={"name": "mine.pdf"}, content=score)
            told = wait(client, sent.headers["Location"])
            assert (told["state"], told["outcome"], told["piece"]["name"]) == ("done", outcome, "mine")
        sent = client.post("/api/v1/pieces", params={"name": "bad.pdf"}, content=b"%PDF-1.4 nothing")
        assert wait(client, sent.headers["Location"])["state"] == "failed"
    assert os.listdir(served.folder / "uploads") == ["mine.pdf"]


def test_the_page_knows_sheet_music_by_the_same_endings() -> None:
    script = Path(earmark.web.__file__).with_name("static").joinpath("js/files.js").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"SHEETS = /(.+)/i;", script)
    assert all(re.search(pattern, f"name{ending}") for ending in SHEET_ENDINGS)
    assert not any(re.search(pattern, f"name{ending}") for ending in RECORDING_ENDINGS)
