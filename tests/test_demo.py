"""The demo's files belong together, its performances and rooms are what they say, and it judges honestly."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest

from earmark.audio.decode import read_samples
from earmark.sheet.images import read_pages
from earmark.sheet.systems.find import find_systems

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "demo"
QUERIES: list[dict[str, Any]] = json.loads((DEMO / "queries.json").read_text())["queries"]
SCORES = sorted(path.stem for path in (DEMO / "scores").glob("*.ly"))
IN_LIBRARY = [query for query in QUERIES if query["in_library"]]
SAMPLE_RATE_HZ = 22_050


@pytest.fixture(autouse=True)
def demo_is_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)


def test_every_score_is_engraved_and_recorded() -> None:
    assert len(SCORES) >= 14
    for score in SCORES:
        assert (DEMO / "scores" / f"{score}.pdf").is_file()
        assert (DEMO / "scores" / f"{score}.mid").is_file()
    assert sorted(query["plays"] for query in IN_LIBRARY) == SCORES
    absent = [query["plays"] for query in QUERIES if not query["in_library"]]
    assert sorted(absent) == sorted(path.stem for path in (DEMO / "absent").glob("*.ly"))
    recordings = sorted(str(path.relative_to(DEMO)) for path in (DEMO / "recordings").iterdir())
    assert sorted(query["recording"] for query in QUERIES) == recordings


def test_everything_is_under_8_mb() -> None:
    files = [path for path in DEMO.rglob("*") if path.is_file() and path.relative_to(DEMO).parts[0] != "out"]
    assert sum(path.stat().st_size for path in files) < 8e6


@pytest.mark.parametrize("query", IN_LIBRARY, ids=lambda query: query["plays"])
def test_heard_systems_stand_on_the_page(query: dict[str, Any]) -> None:
    systems = query["systems"]
    with pypdfium2.PdfDocument(DEMO / "scores" / f"{query['plays']}.pdf") as document:
        assert {system["page"] for system in systems} <= set(range(1, len(document) + 1))
    for key in ("from_s", "bar"):
        assert all(before[key] < after[key] for before, after in pairwise(systems))
    assert systems[0]["from_s"] == 0
    assert systems[0]["bar"] <= query["start_bar"]
    assert systems[-1]["from_s"] < query["duration_s"]


@pytest.mark.parametrize("score", ["mozart-ah-vous", "auld-lang-syne"])
def test_printed_bar_numbers_tell_the_same_systems_as_the_image(score: str) -> None:
    from demo.layout import printed_systems

    pdf = DEMO / "scores" / f"{score}.pdf"
    seen = [(page.number, system) for page in read_pages(pdf) for system, _ in enumerate(find_systems(page.image), 1)]
    printed = list(printed_systems(pdf))
    assert [(system.page, system.system) for system in printed] == seen
    assert printed[0].bar == 1
    assert all(before.bar < after.bar for before, after in pairwise(printed))


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query["plays"])
def test_recording_sounds_for_as_long_as_it_says(query: dict[str, Any]) -> None:
    samples = np.concatenate(list(read_samples(DEMO / query["recording"])))
    assert len(samples) / SAMPLE_RATE_HZ == pytest.approx(query["duration_s"], abs=0.05)
    assert 0.2 < np.abs(samples).max() <= 1.0


def test_performance_keeps_the_notes_and_bends_the_time() -> None:
    mido = pytest.importorskip("mido")
    from demo.performance import perform

    score = mido.MidiFile(DEMO / "scores" / "petzold-menuet.mid")
    performance = perform(score, 0, 1.25, np.random.default_rng(1))
    assert list(performance.midi.tracks[0]) == list(perform(score, 0, 1.25, np.random.default_rng(1)).midi.tracks[0])

    def pitches(midi: Any) -> list[int]:
        messages = (message for track in midi.tracks for message in track)
        return sorted(message.note for message in messages if message.type == "note_on" and message.velocity)

    assert pitches(performance.midi) == pitches(score)
    assert len(performance.bar_ticks) - 1 == 32
    assert performance.midi.length == pytest.approx(score.length / 1.25, rel=0.1)
    bars_s = np.diff(performance.seconds_at(performance.bar_ticks))
    assert bars_s.min() > 0
    assert bars_s.std() / bars_s.mean() > 0.02
    assert bars_s[-1] > bars_s.mean()


def test_room_decays_by_60_db_in_its_reverberation_time() -> None:
    from demo.room import Room, impulse_response, in_room

    rng = np.random.default_rng(0)
    room = Room(reverberation_s=0.6, direct_db=6.0, noise_db=50.0)
    response = impulse_response(room, SAMPLE_RATE_HZ, rng).astype(np.float64)
    assert response[0] == 1.0
    assert 10 * np.log10(1 / np.sum(response[1:] ** 2)) == pytest.approx(6.0, abs=0.2)
    energy = response[round(0.1 * SAMPLE_RATE_HZ) : round(0.5 * SAMPLE_RATE_HZ)] ** 2
    blocks_db = [10 * np.log10(block.mean()) for block in np.array_split(energy, 8)]
    assert np.polyfit(np.arange(8) * 0.05, blocks_db, 1)[0] == pytest.approx(-60 / 0.6, rel=0.1)  # dB/s

    tone = np.sin(np.arange(SAMPLE_RATE_HZ) * 0.1).astype(np.float32)
    heard = in_room(tone, room, SAMPLE_RATE_HZ, rng)
    assert heard.dtype == np.float32
    assert heard.shape == tone.shape
    assert np.abs(heard).max() == pytest.approx(0.8)


@pytest.fixture
def oracle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a command in the place of ``earmark`` that answers from ``answers.json``; return that file."""
    from demo import demo

    command = tmp_path / "earmark"
    command.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        "if sys.argv[1] == 'find':\n"
        "    answers = json.loads(pathlib.Path(__file__).with_name('answers.json').read_text())\n"
        "    print(json.dumps(answers[pathlib.Path(sys.argv[3]).stem]))\n"
    )
    command.chmod(0o755)
    monkeypatch.setattr(demo, "EARMARK", str(command))
    monkeypatch.setattr(demo, "OUT", tmp_path / "out")
    monkeypatch.setattr(demo, "LIBRARY", tmp_path / "out" / "library")
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "answers.json"


def right_answer(query: dict[str, Any]) -> dict[str, Any]:
    """What ``earmark find --json`` should print, as far as the demo reads it."""
    if not query["in_library"]:
        return {"confident": False, "hits": []}
    system = query["systems"][-1]
    hit = {"piece": query["plays"], "source": f"demo/scores/{query['plays']}.pdf", "confidence": 0.9}
    place = {"page": system["page"], "system": system["system"], "query_time_s": system["from_s"] + 1}
    return {"confident": True, "hits": [hit | place]}


def test_demo_is_content_with_right_answers(oracle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from demo import demo

    oracle.write_text(json.dumps({query["plays"]: right_answer(query) for query in QUERIES}))
    assert demo.main() == 0
    said = " ".join(capsys.readouterr().out.split())
    pieces = len(SCORES)
    assert f"{pieces} of {pieces} recordings brought their piece first, {pieces} on the right page" in said
    assert f"{pieces} in the right system" in said
    assert "2 of 2 recordings of pieces that are not in the library came back as not confident" in said


def test_demo_fails_when_a_piece_is_not_first(oracle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from demo import demo

    answers = {query["plays"]: right_answer(query) for query in QUERIES}
    first, second = SCORES[:2]
    answers[first] = answers[second]
    oracle.write_text(json.dumps(answers))
    assert demo.main() == 1
    said = " ".join(capsys.readouterr().out.split())
    assert f"✗ {second}" in said
    assert f"{len(SCORES) - 1} of {len(SCORES)} recordings brought their piece first" in said
