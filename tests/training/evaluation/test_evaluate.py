"""Evaluation and calibration with encoders that read made-up melodies, so that the right answers are known."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from earmark.audio.decode import read_samples
from earmark.audio.spectrogram import spectrogram
from earmark.errors import BadInput
from earmark.schema import AudioSpec, SheetSpec
from earmark.sheet.systems.find import find_systems
from earmark.training.evaluation.calibrate import calibrate
from earmark.training.evaluation.evaluate import evaluate, read_pool, write_result

if TYPE_CHECKING:
    from tests.conftest import FakeEncoders, Music

NOTE_S = 0.5
NOTE_PX = 40
NOTES = 96
NOTES_PER_SYSTEM = 24


def write_melody(folder: Path, music: Music, seed: int) -> None:
    """A corpus piece of one melody; its onsets are put at the middles of the notes."""
    melody = music.melody(seed, NOTES)
    folder.joinpath("audio").mkdir(parents=True)
    pages, systems = [], []
    for number, page in enumerate(music.pages(melody), start=1):
        Image.fromarray(page).save(folder / f"page-{number}.png")
        pages.append({"number": number, "image": f"page-{number}.png"})
        systems += [{"page": number, **vars(system)} for system in find_systems(page)]
    (folder / "piece.json").write_text(json.dumps({"pages": pages, "systems": systems}))
    index = np.arange(NOTES)
    system = index // NOTES_PER_SYSTEM
    np.savez(
        folder / "noteheads.npz",
        system=system.astype(np.int32),
        x_px=100.0 + NOTE_PX * (index % NOTES_PER_SYSTEM + 0.5),
        pitch=(60 + melody).astype(np.uint8),
        onset_s=(index + 0.5) * NOTE_S,
    )
    recording = music.write_recording(folder / "recording.wav", melody)
    heard = spectrogram(np.concatenate(list(read_samples(recording))))
    np.save(folder / "audio" / "sines@1.npy", heard.astype(np.float16))


@pytest.fixture
def melodies(tmp_path: Path, music: Music) -> Path:
    names = {"train": ["a", "b", "c"], "valid": ["d", "e"], "test": ["f", "g", "missing"]}
    for seed, name in enumerate("abcdefg"):
        write_melody(tmp_path / "pieces" / name, music, seed)
    (tmp_path / "splits.json").write_text(json.dumps(names))
    about = {"format": 1, "audio": AudioSpec().to_dict(), "sheet": SheetSpec().to_dict()}
    (tmp_path / "corpus.json").write_text(json.dumps(about))
    return tmp_path


def test_right_pairs_are_found_in_both_directions(melodies: Path, encoders: FakeEncoders) -> None:
    done: list[tuple[int, int]] = []
    result = evaluate(encoders, melodies, "test", "sines", 1.0, lambda *step: done.append(step))
    assert (result["pieces"], result["pieces_missing"]) == (2, 1)
    assert done[-1] == (2, 2)
    for direction in ("audio_to_sheet", "sheet_to_audio"):
        found = result[direction]
        assert found["recall@1"] > 95
        assert found["mrr"] > 0.97
        assert found["median_rank"] == 1
        # Of 96 notes a piece, those with 84 frames (8.4 notes) and 50 strip px (2.5 notes) to both ends.
        assert found["candidates"] == 2 * 80
        low, high = found["interval_95"]["recall@1"]
        assert 90 < low <= found["recall@1"] <= high <= 100
        assert found["recall@1"] <= found["recall@1_within_one_onset"] <= found["piece_hit@1"] <= 100
        assert 95 < found["ceiling"]["recall@1"] < 100  # five random notes of six degrees do come twice
        assert sum(found["errors"].values()) == pytest.approx(100 - found["recall@1"])
        # No piece's name says that it shares its work with another.
        assert found["work_in_training"] == {"pieces": 0, "queries": 0}
        assert found["work_not_in_training"]["recall@1"] == found["recall@1"]


def test_fewer_pieces_are_taken_evenly(melodies: Path) -> None:
    pool, missing = read_pool(melodies, "train", "sines@1", at_most=2)
    assert [piece.name for piece, _ in pool] == ["a", "c"]
    assert missing == 0
    assert len(read_pool(melodies, "train", "sines@1", at_most=9)[0]) == 3


def test_a_split_that_is_not_there_is_named(melodies: Path, encoders: FakeEncoders) -> None:
    with pytest.raises(BadInput, match=r"no split 'tests'; choose one of train, valid, test"):
        evaluate(encoders, melodies, "tests", "sines", 1.0)


def test_calibration_tells_present_from_absent_pieces(melodies: Path, encoders: FakeEncoders) -> None:
    weights = melodies / "weights"
    weights.mkdir()
    (weights / "model.json").write_text(json.dumps({"name": "kept"}))
    calibrated = calibrate(weights, encoders, melodies, "sines@1")
    calibration = calibrated.calibration
    written = json.loads((weights / "model.json").read_text())
    assert written["name"] == "kept"
    assert written["confidence"] == asdict(calibration)
    assert calibration.recordings is not None
    assert calibration.recordings.confidence(0.7, 0.6, 0.9, 200, 200) > calibration.recordings.threshold
    assert calibration.recordings.confidence(0.02, 0.0, 0.0, 200, 200) < calibration.recordings.threshold
    assert calibration.confidence(0.7, 0.6, 0.9, 80, 80) > calibration.threshold
    assert calibration.confidence(0.02, 0.0, 0.0, 80, 80) < calibration.threshold
    clips = ["5 s", "10 s", "20 s", "20 s among noise", "40 s"]
    kinds = [*clips, "whole", "whole among noise", "all"]
    said = [(promise.among, promise.kind) for promise in calibrated.promises]
    assert said == [(among, kind) for among in (5, 2) for kind in kinds]
    everything = calibrated.promises[len(kinds) - 1]
    assert everything.present == everything.absent == 2 * (5 * 4 + 2)
    assert everything.found <= everything.right


def test_calibration_needs_pieces_to_hold_out(melodies: Path, encoders: FakeEncoders) -> None:
    splits = json.loads((melodies / "splits.json").read_text())
    (melodies / "splits.json").write_text(json.dumps({**splits, "valid": ["d"]}))
    with pytest.raises(BadInput, match="fewer than two validation pieces"):
        calibrate(melodies, encoders, melodies, "sines@1")


def test_one_file_holds_a_models_figures_at_every_tempo_and_its_curve(tmp_path: Path) -> None:
    path, log = tmp_path / "a.json", tmp_path / "log.jsonl"
    about = {"model": "a-1", "training": {"pairs": 5}, "split": "test", "piano": "sines"}
    log.write_text('{"step": 1, "validation": null}\n{"step": 2, "validation": {"mrr": 0.5}}\n')
    write_result(path, {**about, "tempo": 2.0, "pieces": 3, "audio_to_sheet": {"mrr": 0.1}}, log)
    write_result(path, {**about, "tempo": 0.5, "pieces": 4, "audio_to_sheet": {"mrr": 0.2}})
    written = json.loads(path.read_text())
    assert written == {
        **about,
        "tempi": {
            "0.5": {"pieces": 4, "audio_to_sheet": {"mrr": 0.2}},
            "2": {"pieces": 3, "audio_to_sheet": {"mrr": 0.1}},
        },
        "curve": [{"step": 2, "validation": {"mrr": 0.5}}],
    }
    assert list(written["tempi"]) == ["0.5", "2"]
    with pytest.raises(BadInput, match=r"a\.json: is of the model a-1; remove it"):
        write_result(path, {**about, "model": "a-2", "tempo": 1.0})
