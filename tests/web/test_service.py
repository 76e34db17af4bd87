"""Servers of the same library, on a Milvus server: what one changes all show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders
    from tests.store.engines import Server
    from tests.web.conftest import Serve, Wait


def test_what_one_server_adds_and_removes_another_shows(
    milvus_server: Server,
    serve: Serve,
    wait: Wait,
    encoders: FakeEncoders,
    music: Music,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    where, melody = milvus_server.address("served"), music.melody(7)
    score = music.write_pdf(tmp_path / "waltz.pdf", melody).read_bytes()
    clip = music.write_recording(tmp_path / "clip.wav", melody[:30]).read_bytes()
    with serve(where, encoders) as one, serve(where, encoders) as two, one.client() as here, two.client() as there:
        sent = here.post("/api/v1/pieces", params={"name": "Waltz.pdf"}, content=score)
        told = wait(here, sent.headers["Location"])
        assert (told["outcome"], told["piece"]["source"]) == ("added", "Waltz.pdf")
        for client in (here, there):
            asked = wait(client, client.post("/api/v1/queries", content=clip).headers["Location"])
            assert [hit["piece"] for hit in asked["result"]["hits"]] == ["Waltz"]
            (piece,) = client.get("/api/v1/pieces").json()["pieces"]
            assert (piece["id"], piece["is_missing"]) == (told["piece"]["id"], False)
            assert client.get(f"/api/v1/pieces/{piece['id']}/pages/1.png").status_code == 200
        there.patch(f"/api/v1/pieces/{piece['id']}", json={"title": "Valse"}).raise_for_status()
        assert here.get(f"/api/v1/pieces/{piece['id']}").json()["title"] == "Valse"
        removal = here.delete(f"/api/v1/pieces/{piece['id']}").json()["removal"]
        assert there.get("/api/v1/pieces").json()["total"] == 0
        back = here.post(f"/api/v1/removals/{removal}/undo").json()
        assert there.get(f"/api/v1/pieces/{back['id']}").json()["title"] == "Valse"
