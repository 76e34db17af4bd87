"""Sheet music as a query: its recordings and other editions, through the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from earmark.library.library import Library

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.web.conftest import Fill, Serve, Served, Wait

NOTES = 60


@pytest.fixture(scope="module")
def served(serve: Serve, fill: Fill, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The usual library with recordings of ``piece-1`` and of a melody that it has no pages of."""
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

    music, folder = Music(), tmp_path_factory.mktemp("reverse")
    library, encoders = fill(folder / "library", FakeEncoders(), music), FakeEncoders()
    tapes = [
        music.write_recording(folder / "evening.wav", music.melody(1, NOTES)),
        music.write_recording(folder / "morning.wav", music.melody(9, NOTES)),
    ]
    with Library.open(library, encoders) as opened:
        opened.add(tapes)
    with serve(library, encoders) as served:
        yield served


def ask(client: httpx.Client, wait: Wait, page: Path) -> dict[str, Any]:
    answer = client.post("/api/v1/queries", params={"name": page.name}, content=page.read_bytes())
    assert answer.status_code == 202, answer.text
    return wait(client, answer.headers["Location"])


def test_a_page_finds_its_recordings_and_editions(served: Served, wait: Wait, music: Music, tmp_path: Path) -> None:
    page = music.write_pdf(tmp_path / "mine.pdf", music.melody(1, NOTES))
    with served.client() as client:
        told = ask(client, wait, page)
        result = told["result"]
        assert (result["query"], result["confident"]) == ({"path": "mine.pdf", "pages": 1}, True)
        hit, recording = result["hits"][0], result["recordings"][0]
        assert (hit["piece"], hit["source"], hit["query_time_s"]) == ("piece-1", "piece-1.pdf", None)
        assert hit["query_place"]["page"] == 1
        assert (recording["piece"], recording["source"]) == ("evening", "evening.wav")
        assert recording["time_s"] > 0
        assert told["pieces"]["evening"]["kind"] == "recording"
        assert told["heard_s"] == 0.0


def test_a_page_can_be_neither_played_nor_followed(served: Served, wait: Wait, music: Music, tmp_path: Path) -> None:
    page = music.write_pdf(tmp_path / "mine.pdf", music.melody(1, NOTES))
    with served.client() as client:
        asked = f"/api/v1/queries/{ask(client, wait, page)['id']}"
        for view in ("spectrogram.png", "attention", "alignment"):
            answer = client.get(f"{asked}/{view}")
            assert (answer.status_code, answer.json()["error"]["kind"]) == (422, "unusable_file")


def test_a_stretch_of_a_page_is_refused(served: Served, wait: Wait, music: Music, tmp_path: Path) -> None:
    page = music.write_pdf(tmp_path / "mine.pdf", music.melody(1, NOTES))
    with served.client() as client:
        asked = client.post("/api/v1/queries", params={"name": "mine.pdf", "end_s": 5}, content=page.read_bytes())
        assert "no seconds" in wait(client, asked.headers["Location"])["error"]["what"]


def test_a_score_file_is_looked_up_and_added(served: Served, wait: Wait, kern: str, tmp_path: Path) -> None:
    score = tmp_path / "little.krn"
    score.write_text(kern)
    with served.client() as client:
        assert ask(client, wait, score)["result"]["query"] == {"path": "little.krn", "pages": 1}
        added = client.post("/api/v1/pieces", params={"name": "little.krn"}, content=score.read_bytes())
        piece = wait(client, added.headers["Location"])["piece"]
        assert (piece["title"], piece["composer"]) == ("Little Test", "Bach, Johann Sebastian")
        found = client.get("/api/v1/pieces", params={"search": "bach test"}).json()
        assert [one["id"] for one in found["pieces"]] == [piece["id"]]
        assert client.get(f"/api/v1/pieces/{piece['id']}/pages/1.png").status_code == 200
        removed = client.delete(f"/api/v1/pieces/{piece['id']}").json()
        back = client.post(f"/api/v1/removals/{removed['removal']}/undo").json()
        assert back["title"] == "Little Test"
        for where, place in (({}, "1"), ({"page": "1"}, "1"), ({"measure": "8"}, "1/1")):  # page, and system
            led = client.get("/open", params={"piece": "little", **where}, follow_redirects=False)
            # By its name, a link leads to what it is now.
            assert (led.status_code, led.headers["location"]) == (307, f"/#/piece/{back['id']}/{place}")
        for absent in ({"piece": "none"}, {"piece": "little", "page": "2"}, {"piece": "little", "measure": "99"}):
            assert client.get("/open", params=absent, follow_redirects=False).status_code == 404
        client.delete(f"/api/v1/pieces/{back['id']}")


def test_indexed_recordings_are_listed_apart_and_played(served: Served) -> None:
    with served.client() as client:
        about = client.get("/api/v1/library").json()
        assert (about["pieces"], about["pages"], about["recordings"]) == (3, 6, 2)
        assert about["questions"] == ["recording", "page"]
        scores = client.get("/api/v1/pieces").json()["pieces"]
        assert {piece["kind"] for piece in scores} == {"score"}
        tapes = client.get("/api/v1/pieces", params={"kind": "recording"}).json()["pieces"]
        assert [(tape["name"], tape["pages"]) for tape in tapes] == [("evening", 0), ("morning", 0)]
        address = f"/api/v1/pieces/{tapes[0]['id']}"
        assert client.get(address).json()["layout"] == []
        assert client.get(f"{address}/recording", headers={"Range": "bytes=0-3"}).content == b"RIFF"
        assert client.get(f"{address}/pages/1.png").status_code == 404
        assert client.get(f"/api/v1/pieces/{scores[0]['id']}/recording").status_code == 404


def test_a_removed_recording_comes_back(served: Served) -> None:
    with served.client() as client:
        tape = client.get("/api/v1/pieces", params={"kind": "recording", "search": "morning"}).json()["pieces"][0]
        removed = client.delete(f"/api/v1/pieces/{tape['id']}").json()
        back = client.post(f"/api/v1/removals/{removed['removal']}/undo").json()
        assert (back["name"], back["kind"]) == ("morning", "recording")
