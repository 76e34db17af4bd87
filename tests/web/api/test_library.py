"""Adding and removing pieces through the API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from earmark.sheet.draw import THUMBNAIL_PX

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.web.conftest import Fill, Serve, Served, Wait

NOTES = 60


@pytest.fixture(scope="module")
def served(serve: Serve, fill: Fill, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

    folder = fill(tmp_path_factory.mktemp("changed") / "library", FakeEncoders(), Music())
    with serve(folder, FakeEncoders()) as served:
        yield served


@pytest.fixture
def add(served: Served, wait: Wait) -> Any:
    """``add(content, name)``: sends a score and waits for what has become of it."""

    def add(content: bytes, name: str) -> dict[str, Any]:
        with served.client() as client:
            answer = client.post("/api/v1/pieces", params={"name": name}, content=content)
            assert answer.status_code == 202, answer.text
            return wait(client, answer.headers["Location"])

    return add


def uploads(served: Served) -> list[str]:
    folder = served.folder / "uploads"
    return sorted(os.listdir(folder)) if folder.exists() else []


def names(served: Served) -> list[str]:
    with served.client() as client:
        return [piece["name"] for piece in client.get("/api/v1/pieces").json()["pieces"]]


def test_a_score_is_added_and_found(served: Served, add: Any, wait: Wait, music: Music, tmp_path: Path) -> None:
    score = music.write_pdf(tmp_path / "new.pdf", music.melody(7, NOTES)).read_bytes()
    told = add(score, "Nocturne No. 1.pdf")
    assert (told["state"], told["outcome"], told["error"]) == ("done", "added", None)
    assert (told["piece"]["name"], told["piece"]["source"]) == ("Nocturne No. 1", "Nocturne No. 1.pdf")
    assert told["remarks"] == []
    clip = music.write_recording(tmp_path / "clip.wav", music.melody(7, NOTES)[:30])
    with served.client() as client:
        asked = client.post("/api/v1/queries", content=clip.read_bytes())
        assert wait(client, asked.headers["Location"])["result"]["hits"][0]["piece"] == "Nocturne No. 1"
        assert client.get(f"/api/v1/pieces/{told['piece']['id']}/pages/1.png").status_code == 200
    again = add(score, "Nocturne No. 1.pdf")
    assert (again["outcome"], again["piece"]["id"]) == ("unchanged", told["piece"]["id"])
    copied = add(score, "copy.pdf")
    assert (copied["outcome"], copied["piece"]["id"]) == ("unchanged", told["piece"]["id"])
    other = music.write_pdf(tmp_path / "other.pdf", music.melody(8, NOTES)).read_bytes()
    assert add(other, "Nocturne No. 1.pdf")["piece"]["name"] == "Nocturne No. 1 (2)"


def test_names_from_clients_stay_in_the_folder(served: Served, add: Any, music: Music, tmp_path: Path) -> None:
    before = {path for path in served.folder.parent.rglob("*") if "uploads" not in path.parts}
    score = music.write_pdf(tmp_path / "new.pdf", music.melody(9, NOTES)).read_bytes()
    for name in (
        "../../escaped.pdf",
        "..\\..\\escaped.pdf",
        "/etc/escaped.pdf",
        "a\0b\n.pdf",
        ".pdf",
        "....pdf",
        "x" * 240 + ".pdf",
    ):
        add(score, name)
    assert {path for path in served.folder.parent.rglob("*") if "uploads" not in path.parts} == before
    assert all(not name.startswith(".") and len(name) < 90 for name in uploads(served))


def test_what_cannot_be_added_leaves_nothing_behind(served: Served, add: Any) -> None:
    before = uploads(served), names(served)
    for content, name in ((b"%PDF-1.4 nothing", "bad.pdf"), (b"text", "bad.png"), (b"\x89PNG\r\n\x1a\n", "cut.png")):
        told = add(content, name)
        assert (told["state"], told["error"]["kind"]) == ("failed", "unusable_file")
        assert told["error"]["what"].startswith(name)
        assert "/" not in told["error"]["what"]
    assert (uploads(served), names(served)) == before
    with served.client() as client:
        refused = client.post("/api/v1/pieces", params={"name": "notes.doc"}, content=b"ID3")
        assert (refused.status_code, refused.json()["error"]["kind"]) == (422, "unusable_file")
        assert client.post("/api/v1/pieces", content=b"%PDF-").status_code == 400


def test_a_piece_is_removed_and_brought_back(served: Served) -> None:
    with served.client() as client:
        piece = client.get("/api/v1/pieces", params={"search": "piece-2"}).json()["pieces"][0]
        before = client.get(f"/api/v1/pieces/{piece['id']}").json()
        removal = client.delete(f"/api/v1/pieces/{piece['id']}").json()
        assert (removal["name"], "piece-2" in names(served)) == ("piece-2", False)
        assert client.get(f"/api/v1/pieces/{piece['id']}").status_code == 404
        assert client.delete(f"/api/v1/pieces/{piece['id']}").status_code == 404
        undo = f"/api/v1/removals/{removal['removal']}/undo"
        back = client.post(undo).json()
        after = client.get(f"/api/v1/pieces/{back['id']}").json()
        changing = ("id", "added_at")
        assert {key: after[key] for key in after if key not in changing} == {
            key: before[key] for key in before if key not in changing
        }
        assert client.post(undo).status_code == 404


def test_a_piece_whose_file_is_gone_is_marked_and_keeps_its_cover(
    served: Served, add: Any, music: Music, tmp_path: Path
) -> None:
    content = music.write_pdf(tmp_path / "new.pdf", music.melody(22, NOTES)).read_bytes()
    piece = add(content, "lost.pdf")["piece"]
    (file,) = (path for path in (served.folder / "uploads").iterdir() if path.read_bytes() == content)
    file.rename(tmp_path / "elsewhere.pdf")
    with served.client() as client:
        (listed,) = client.get("/api/v1/pieces", params={"is_missing": True}).json()["pieces"]
        assert (listed["name"], listed["is_missing"]) == ("lost", True)
        pages = f"/api/v1/pieces/{piece['id']}/pages"
        assert client.get(f"{pages}/1.png", params={"width": THUMBNAIL_PX}).content.startswith(b"\x89PNG")
        assert client.get(f"{pages}/1.png", params={"width": 960}).json()["error"]["kind"] == "unusable_file"
    (tmp_path / "elsewhere.pdf").rename(file)


def test_pieces_are_chosen_by_letter_and_tag(served: Served) -> None:
    with served.client() as client:

        def listed(**asked: Any) -> tuple[list[str], list[str], list[str]]:
            told = client.get("/api/v1/pieces", params={"search": "piece-", **asked}).json()
            return [one["name"] for one in told["pieces"]], told["initials"], told["all_tags"]

        first = client.get("/api/v1/pieces", params={"search": "piece-0"}).json()["pieces"][0]["id"]
        client.patch(f"/api/v1/pieces/{first}", json={"title": "Étude", "composer": "Żeleński", "tags": ["to do"]})
        assert listed(order="title") == (["piece-0", "piece-1", "piece-2"], ["E", "P"], ["to do"])
        assert listed(order="title", initial="P") == (["piece-1", "piece-2"], ["E", "P"], ["to do"])
        assert listed(order="composer", initial="") == (["piece-1", "piece-2"], ["Z", ""], ["to do"])
        assert listed(order="name", initial="E") == ([], ["P"], ["to do"])
        assert listed(order="added", tag="To do") == (["piece-0"], [], ["to do"])
        client.patch(f"/api/v1/pieces/{first}", json={"title": "", "composer": "", "tags": []})


def test_names_can_be_edited_and_are_found_without_accents(
    served: Served, add: Any, music: Music, tmp_path: Path
) -> None:
    piece = add(music.write_pdf(tmp_path / "new.pdf", music.melody(21, NOTES)).read_bytes(), "op 10.pdf")["piece"]
    address = f"/api/v1/pieces/{piece['id']}"
    with served.client() as client:
        edited = client.patch(address, json={"title": "Größe", "composer": "Antonín Dvořák"}).json()
        assert (edited["name"], edited["title"], edited["composer"]) == ("op 10", "Größe", "Antonín Dvořák")
        found = client.get("/api/v1/pieces", params={"search": "DVORAK grosse", "order": "composer"}).json()
        assert [one["name"] for one in found["pieces"]] == ["op 10"]
        noted = client.patch(address, json={"note": "Of 1912.", "tags": ["to do"]}).json()
        assert (noted["title"], noted["note"], noted["tags"]) == ("Größe", "Of 1912.", ["to do"])
        found = client.get("/api/v1/pieces", params={"tag": "To do"}).json()
        assert [(one["name"], one["is_missing"]) for one in found["pieces"]] == [("op 10", False)]
        assert client.get("/api/v1/pieces", params={"tag": ["to do", "easy"]}).json()["total"] == 0
        other = next(one for one in client.get("/api/v1/pieces").json()["pieces"] if one["id"] != piece["id"])
        refused = client.patch(address, json={"name": other["name"]})
        assert refused.status_code == 400
        assert client.patch("/api/v1/pieces/999999", json={"title": "x"}).status_code == 404
        assert client.patch(address, json={"title": "x" * 201}).status_code in (400, 422)
