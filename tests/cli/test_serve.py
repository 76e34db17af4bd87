"""``earmark serve`` up to the moment it serves: what it prints, what it demands, what it refuses."""

from __future__ import annotations

import io
import re
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click
import cv2
import numpy as np
import pytest

from earmark.library.library import Library
from earmark.web import server as server_module

if TYPE_CHECKING:
    from tests.conftest import Command, Music
    from tests.fake_encoders import FakeEncoders


@pytest.fixture
def serve(earmark: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs ``earmark serve`` with a server that ends at once: exit code, both outputs, the address it was bound to."""
    bound = []
    ran = SimpleNamespace(run=lambda sockets: bound.append(sockets[0].getsockname()))
    monkeypatch.setattr(server_module, "make_server", lambda app, limits, tls: ran)

    def run(*arguments: str) -> tuple[int, str, str, tuple[str, int] | None]:
        return *earmark("serve", tmp_path / "library", *arguments), bound.pop()[:2] if bound else None

    return run


def test_only_this_machine_is_served_unless_told_otherwise(serve: Any, tmp_path: Path) -> None:
    code, out, err, bound = serve("--port", "0")
    assert (code, err, bound[0]) == (0, "", "127.0.0.1")
    assert out == f"http://127.0.0.1:{bound[1]}/\n"
    assert (tmp_path / "library" / "library.sqlite").exists()  # an empty one to begin with


def test_others_need_a_token_that_is_new_each_time(serve: Any) -> None:
    tokens = set()
    for _ in range(2):
        code, out, _, bound = serve("--host", "0.0.0.0", "--port", "0")
        assert (code, bound[0]) == (0, "0.0.0.0")
        found = re.fullmatch(rf"http://{re.escape(socket.gethostname())}:{bound[1]}/\?token=([\w-]{{40,}})\n", out)
        assert found, out
        tokens.add(found[1])
    assert len(tokens) == 2


def test_a_terminal_shows_the_address_as_a_code_for_a_camera(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "outward_address", lambda family: "192.168.1.7")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _, out, _, bound = serve("--host", "0.0.0.0", "--port", "0")
    address, *code = click.unstyle(out).splitlines()
    assert {line for line in out.splitlines()[1:] if not line.startswith("\x1b[97m\x1b[40m")} == set()
    light = [[(block in "▀█", block in "▄█") for block in line] for line in code]
    modules = np.array(light, np.uint8).transpose(0, 2, 1).reshape(2 * len(code), -1)
    image = np.kron(modules * 255, np.ones((8, 8), np.uint8))
    token = address.partition("?token=")[2]
    assert cv2.QRCodeDetectorAruco().detectAndDecode(image)[0] == f"http://192.168.1.7:{bound[1]}/?token={token}"
    assert serve("--port", "0")[1].count("\n") == 1  # nobody else can reach this machine


def test_with_tls_the_address_and_the_fingerprint_are_said(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography")
    monkeypatch.setattr(click, "get_app_dir", lambda name: str(tmp_path / name))
    _, plain, warned, _ = serve("--host", "0.0.0.0", "--port", "0")
    assert plain.startswith("http://")
    assert "--tls prevents that" in warned
    fingerprints = set()
    for _ in range(2):
        code, out, err, _ = serve("--host", "0.0.0.0", "--port", "0", "--tls")
        assert (code, out.startswith("https://"), "--tls prevents" in err) == (0, True, False)
        fingerprints.add(re.search(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", err)[0])  # type: ignore[index]
    assert len(fingerprints) == 1
    made = tmp_path / "earmark" / "tls" / "certificate.pem"
    assert serve("--port", "0", "--certificate", str(made), str(made))[1].startswith("https://127.0.0.1:")
    (tmp_path / "text.pem").write_text("text")
    code, _, err, bound = serve("--certificate", str(tmp_path / "text.pem"), str(made))
    assert (code, "text.pem: is no certificate" in err, bound) == (2, True, None)


def test_what_is_wrong_is_said_before_anything_is_served(
    serve: Any, tmp_path: Path, music: Music, encoders: FakeEncoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err, _ = serve("--port", str(taken.getsockname()[1]))
    assert (code, "cannot listen there" in err) == (2, True)
    with Library.open(tmp_path / "library", encoders) as library:
        library.add(music.write_scores(tmp_path / "scores", 1, 48))
    monkeypatch.setattr(encoders, "model_id", "other-2", raising=False)
    code, _, err, bound = serve("--port", "0")
    assert (code, "was made with the model fake-1" in err, bound) == (2, True, None)
    monkeypatch.setitem(sys.modules, "earmark.web.app", None)
    code, _, err, _ = serve()
    assert (code, "pip install 'earmark[web]'" in err) == (2, True)


@pytest.fixture
def scores(music: Music, tmp_path: Path) -> Path:
    """The folder to serve, with a score in it and no library."""
    return music.write_scores(tmp_path / "library", 1, 48)


def test_a_folder_of_scores_becomes_no_library_unasked(serve: Any, scores: Path) -> None:
    before = sorted(scores.iterdir())
    code, _, err, bound = serve("--port", "0")
    assert (code, bound) == (2, None)
    assert f"earmark add {scores} {scores}" in err
    assert sorted(scores.iterdir()) == before


@pytest.mark.parametrize(("says", "pieces"), [("y", 1), ("n", None)])
def test_somebody_at_a_terminal_is_asked(
    serve: Any, scores: Path, encoders: FakeEncoders, monkeypatch: pytest.MonkeyPatch, says: str, pieces: int | None
) -> None:
    answers = io.StringIO(f"{says}\n")
    monkeypatch.setattr(answers, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", answers)
    code, out, _, bound = serve("--port", "0")
    assert "holds 1 piece of sheet music" in out
    if pieces is None:
        assert (code, bound, (scores / "library.sqlite").exists()) == (130, None, False)
        return
    assert (code, bound[0]) == (0, "127.0.0.1")
    with Library.open(scores, encoders) as library:
        assert len(library.pieces()) == pieces
