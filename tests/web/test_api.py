"""The API of a running server, as a program sees it."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from earmark.audio.rate import speed

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.web.conftest import Served, Wait


Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(wait: Wait) -> Ask:
    """``ask(client, clip, **parameters)``: asks about a recording and waits for the end."""

    def ask(client: Any, clip: Path, **parameters: Any) -> dict[str, Any]:
        answer = client.post("/api/v1/queries", params={"name": clip.name, **parameters}, content=clip.read_bytes())
        assert answer.status_code == 202, answer.text
        return wait(client, answer.headers["Location"])

    return ask


def test_a_query_is_answered_as_the_command_would(server: Served, clip: Path, ask: Ask) -> None:
    with server.client() as client:
        told = ask(client, clip, top=2)
        assert (told["state"], told["error"], told["progress"], told["ahead"]) == ("done", None, 1.0, None)
        assert told["heard_s"] == 10.0
        result = told["result"]
        assert result["query"] == {"path": "clip.wav", "start_s": 0.0, "duration_s": 10.0, "semitones": 0}
        assert result["confident"] is True
        hit = result["hits"][0]
        assert (hit["rank"], hit["piece"], hit["page"], hit["source"]) == (1, "piece-1", 2, "piece-1.pdf")
        assert told["pieces"]["piece-1"]["name"] == "piece-1"
        assert len(result["hits"]) <= 2
        assert client.delete(f"/api/v1/queries/{told['id']}").status_code == 204
        assert client.get(f"/api/v1/queries/{told['id']}").status_code == 404


def test_events_tell_a_query_to_its_end(server: Served, clip: Path) -> None:
    with server.client() as client:
        asked = client.post("/api/v1/queries", content=clip.read_bytes()).json()
        with client.stream("GET", f"/api/v1/queries/{asked['id']}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            states = [json.loads(line[5:]) for line in stream.iter_lines() if line.startswith("data:")]
        assert states[-1]["state"] == "done"
        assert states[-1] == client.get(f"/api/v1/queries/{asked['id']}").json()


def test_the_library_can_be_browsed(server: Served) -> None:
    with server.client() as client:
        about = client.get("/api/v1/library").json()
        assert (about["pieces"], about["pages"], about["model"]) == (3, 6, "fake-1")
        found = client.get("/api/v1/pieces", params={"search": "PIECE 2"}).json()
        assert [piece["name"] for piece in found["pieces"]] == ["piece-2"]
        piece = client.get(f"/api/v1/pieces/{found['pieces'][0]['id']}").json()
        assert [page["number"] for page in piece["layout"]] == [1, 2]
        systems = piece["layout"][0]["systems"]
        assert [system["number"] for system in systems] == [1, 2, 3]
        x0, y0, x1, y1 = systems[0]["box"]
        assert (x0 * 1160, x1 * 1160) == pytest.approx((100, 1060), abs=2)
        assert y0 * 900 < 140 < y1 * 900 < 500
        some = client.get("/api/v1/pieces", params={"offset": 1, "limit": 1}).json()
        assert (some["total"], [piece["name"] for piece in some["pieces"]]) == (3, ["piece-1"])


def test_pages_are_pictures_of_the_widths_that_are_offered(server: Served) -> None:
    with server.client() as client:
        answer = client.get("/api/v1/pieces/1/pages/2.png", params={"width": 480})
        image = Image.open(io.BytesIO(answer.content))
        assert (answer.headers["content-type"], image.size, image.mode) == ("image/png", (480, 372), "L")
        again = client.get(
            "/api/v1/pieces/1/pages/2.png", params={"width": 480}, headers={"If-None-Match": answer.headers["etag"]}
        )
        assert again.status_code == 304
        assert client.get("/api/v1/pieces/1/pages/3.png").status_code == 404
        refused = client.get("/api/v1/pieces/1/pages/1.png", params={"width": 100_000})
        assert (refused.status_code, refused.json()["error"]["kind"]) == (400, "bad_request")


def test_what_the_audio_encoder_is_given_and_attends_to(server: Served, clip: Path, ask: Ask) -> None:
    with server.client() as client:
        asked = f"/api/v1/queries/{ask(client, clip)['id']}"
        picture = client.get(f"{asked}/spectrogram.png", params={"start_s": 2, "end_s": 7.5})
        assert Image.open(io.BytesIO(picture.content)).size == (110, 92)
        assert picture.headers["earmark-range"] == "2.0 7.5"
        why = client.get(f"{asked}/attention", params={"start_s": 2, "end_s": 4}).json()
        assert [excerpt["time_s"] for excerpt in why["excerpts"]][:3] == [2.125, 2.375, 2.625]
        excerpt = why["excerpts"][2]
        assert (excerpt["page"], excerpt["similarity"] > 0.9) == (2, True)
        assert sum(excerpt["weights"]) == pytest.approx(1, abs=0.01)
        assert why["offsets_s"] == [-1.0, -0.5, 0.0, 0.5, 1.0]  # as far as the model says, not the whole window
        assert len(excerpt["weights"]) == len(why["offsets_s"])
        whole = client.get(f"{asked}/recording")
        assert whole.content == clip.read_bytes()
        part = client.get(f"{asked}/recording", headers={"Range": "bytes=4-7"})
        assert (part.status_code, part.content) == (206, clip.read_bytes()[4:8])


def test_a_part_for_a_horn_is_explained_as_it_was_found(server: Served, music: Music, tmp_path: Path, ask: Ask) -> None:
    faster = speed(7)
    horn = music.write_recording(tmp_path / "horn.wav", music.melody(1, 120)[:95], 1 / faster, 75, semitones=-7)
    with server.client() as client:
        told = ask(client, horn)
        result = told["result"]
        assert (result["query"]["semitones"], result["hits"][0]["piece"], result["hits"][0]["page"]) == (
            7,
            "piece-1",
            2,
        )
        assert "as on an instrument in F" in result["remarks"][0]
        why = client.get(f"/api/v1/queries/{told['id']}/attention", params={"start_s": 3, "end_s": 6}).json()
        assert why["offsets_s"] == pytest.approx([faster * offset for offset in (-1.0, -0.5, 0.0, 0.5, 1.0)], abs=1e-3)
        assert why["window_s"] == pytest.approx(8.4 * faster)
        assert [3 <= one["time_s"] < 6 for one in why["excerpts"]] == [True] * len(why["excerpts"])
        assert sum(one["similarity"] for one in why["excerpts"]) / len(why["excerpts"]) > 0.9


def test_recordings_in_the_librarys_folder_can_be_looked_up(server: Served, clip: Path, wait: Wait) -> None:
    tapes = server.folder / "tapes"
    tapes.mkdir()
    (tapes / "evening.wav").write_bytes(clip.read_bytes())
    (tapes / "notes.txt").write_text("not a recording")
    (tapes / "elsewhere.wav").symlink_to(clip)
    with server.client() as client:
        listed = client.get("/api/v1/recordings").json()["recordings"]
        assert listed == [{"name": "tapes/evening.wav", "bytes": clip.stat().st_size}]
        told = client.post("/api/v1/queries", params={"recording": "tapes/evening.wav"})
        assert wait(client, told.headers["Location"])["result"]["hits"][0]["piece"] == "piece-1"
        client.delete(told.headers["Location"])
        assert (tapes / "evening.wav").exists()
        for name in ("tapes/notes.txt", "../library-scores/piece-1.pdf", "tapes/../tapes/evening.wav", str(clip)):
            assert client.post("/api/v1/queries", params={"recording": name}).status_code == 404


def test_the_document_describes_every_route_and_refusal(server: Served) -> None:
    with server.client() as client:
        document = client.get("/api/v1/openapi.json").json()
    assert set(document["paths"]["/api/v1/queries"]) == {"post"}
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            assert route["description"], (path, method)
            assert {"200", "202", "204"} & set(route["responses"]), (path, method)
    assert document["components"]["schemas"]["Hit"]["properties"]["query_time_s"] == {
        "title": "Query Time S",
        "anyOf": [{"type": "number"}, {"type": "null"}],
    }


def test_counters(server: Served, clip: Path, ask: Ask) -> None:
    with server.client() as client:
        ask(client, clip)
        text = client.get("/metrics").text
    assert 'earmark_jobs_total{outcome="done",task="find"}' in text
    assert 'earmark_requests_total{method="POST",route="/api/v1/queries",status="202"}' in text
    assert 'earmark_jobs_waiting{queue="searching"} 0.0' in text


def test_an_answer_is_exported(server: Served, clip: Path, ask: Ask) -> None:
    with server.client() as client:
        asked = ask(client, clip)
        export = f"/api/v1/queries/{asked['id']}/export"
        answer = client.get(export)
        assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''clip.wav.csv"
        first, *_ = csv.DictReader(answer.text.splitlines())
        assert (first["kind"], first["rank"], first["piece"], first["page"]) == ("page", "1", "piece-1", "2")
        assert client.get(export, params={"form": "json"}).json() == asked["result"]
        item, *_ = client.get(export, params={"form": "annotations"}).json()["items"]
        opened = client.get(item["target"]["source"], follow_redirects=False)
        assert opened.headers["location"] == f"/#/piece/{asked['result']['hits'][0]['piece_id']}/2/1"
        assert client.get(export, params={"form": "pdf"}).status_code == 400


def test_what_was_asked_is_kept_for_this_machine_alone(server: Served, clip: Path, ask: Ask) -> None:
    with server.client() as client:
        client.delete("/api/v1/history")
        asked = ask(client, clip)["id"]
        told = client.get("/api/v1/history").json()
        assert [(one["asked"], one["query"], one["answer"]["said"]) for one in told["entries"]] == [
            ("find", "clip.wav", "surely")
        ]
        assert told["pieces"]["piece-1"]["pages"] == 2
        export = f"/api/v1/history/{told['entries'][0]['key']}/export"
        assert client.get(export, params={"form": "json"}).json() == told["entries"][0]["answer"]
        fresh = f"/api/v1/queries/{asked}/export"
        for form in ("csv", "annotations"):
            kept, answer = (client.get(path, params={"form": form}) for path in (export, fresh))
            assert kept.text == answer.text
            assert {**kept.headers, "date": ""} == {**answer.headers, "date": ""}  # between them a second may begin
        assert client.get("/api/v1/history/none/export").status_code == 404
        assert client.put("/api/v1/history/switch", json={"is_on": False}).json() == {"is_on": False}
        ask(client, clip)
        told = client.get("/api/v1/history").json()
        assert (told["is_on"], len(told["entries"])) == (False, 1)
        client.put("/api/v1/history/switch", json={"is_on": True})
        assert client.delete("/api/v1/history").status_code == 204
        assert client.get("/api/v1/history").json() == {"is_on": True, "entries": [], "pieces": {}}


def test_a_recording_can_be_followed(server: Served, clip: Path, ask: Ask) -> None:
    with server.client() as client:
        asked = f"/api/v1/queries/{ask(client, clip)['id']}"
        answer = client.get(f"{asked}/alignment")
        while answer.status_code == 202:
            time.sleep(0.1)
            answer = client.get(f"{asked}/alignment")
        assert answer.json()["state"] == "done"
        alignment = answer.json()["alignment"]
        assert (alignment["piece"], alignment["audio"]["path"]) == ("piece-1", "clip.wav")
        middle = alignment["points"][len(alignment["points"]) // 2]
        assert (middle["page"], middle["system"]) == (2, 1)
        assert client.get(f"{asked}/alignment", params={"piece": 99}).status_code == 404


def test_the_page_is_sent_packed_to_who_can_unpack_it(server: Served) -> None:
    with server.client() as client:
        page = client.get("/")
        assert (page.headers["Content-Encoding"], page.headers["Vary"]) == ("gzip", "Accept-Encoding")
        assert int(page.headers["Content-Length"]) < len(page.content) / 3
        assert client.get("/", headers={"If-None-Match": page.headers["ETag"]}).status_code == 304
        plain = client.get("/", headers={"Accept-Encoding": "identity"})
        assert (plain.content, plain.headers.get("Content-Encoding")) == (page.content, None)
