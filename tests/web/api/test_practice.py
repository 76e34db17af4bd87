"""What belongs to a piece, and where its recordings are in its score, through the API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.web.conftest import Served, Wait


@pytest.fixture(scope="module")
def ids(server: Served, clip: Path, wait: Wait) -> Iterator[tuple[int, int]]:
    """The identifiers of ``piece-1`` and of a recording of it, which is there for these tests only."""
    with server.client() as client:
        added = client.post("/api/v1/pieces", params={"name": "evening.wav"}, content=clip.read_bytes())
        recording = wait(client, added.headers["Location"])["piece"]["id"]
        pieces = client.get("/api/v1/pieces").json()["pieces"]
        yield next(piece["id"] for piece in pieces if piece["name"] == "piece-1"), recording
        client.delete(f"/api/v1/pieces/{recording}")


def asked(server: Served, path: str, is_over: Any) -> dict[str, Any]:
    """What is answered at last."""
    with server.client() as client:
        for _ in range(600):
            told: dict[str, Any] = client.get(path).json()
            if is_over(told):
                return told
            time.sleep(0.1)
    raise AssertionError(told)


def test_a_piece_knows_its_recordings_and_a_recording_its_score(server: Served, ids: tuple[int, int]) -> None:
    piece, recording = ids
    told = asked(server, f"/api/v1/pieces/{piece}/links", lambda told: not told["ahead"])
    (link,) = (link for link in told["links"] if link["relation"] == "recording")
    assert (link["piece"]["id"], link["piece"]["source"], link["sure"]) == (recording, "evening.wav", True)
    ((start_s, end_s),) = link["heard_s"]
    assert 0 <= start_s < 1
    assert 9 < end_s < 11
    told = asked(server, f"/api/v1/pieces/{recording}/links", lambda told: not told["ahead"])
    assert [(link["relation"], link["piece"]["id"]) for link in told["links"]] == [("score", piece)]


def test_an_alignment_is_made_once(server: Served, ids: tuple[int, int]) -> None:
    piece, recording = ids
    path = f"/api/v1/pieces/{piece}/recordings/{recording}/alignment"
    told = asked(server, path, lambda told: told["state"] == "done")
    assert {point["page"] for point in told["alignment"]["points"]} == {2}
    (kept,) = (server.folder / "alignments").iterdir()
    kept.write_text(kept.read_text().replace('"remarks": []', '"remarks": ["from the folder"]'))
    with server.client() as client:
        assert client.get(path).json()["alignment"]["remarks"] == ["from the folder"]
        refused = client.get(f"/api/v1/pieces/{piece}/recordings/{piece}/alignment")
        assert (refused.status_code, refused.json()["error"]["kind"]) == (404, "not_found")
    kept.write_text("torn")
    told = asked(server, path, lambda told: told["state"] == "done")
    assert told["alignment"]["remarks"] == []
