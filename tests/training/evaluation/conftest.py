"""A made-up corpus of melodies, which the fake encoders understand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from earmark.audio.decode import read_samples
from earmark.audio.spectrogram import spectrogram
from earmark.schema import AudioSpec, SheetSpec
from earmark.sheet.systems.find import find_systems

if TYPE_CHECKING:
    from tests.conftest import Music

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


@pytest.fixture(scope="session")
def made_melodies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.conftest import Music

    folder, music = tmp_path_factory.mktemp("melodies"), Music()
    names = {"train": ["a", "b", "c"], "valid": ["d", "e"], "test": ["f", "g", "missing"]}
    for seed, name in enumerate("abcdefg"):
        write_melody(folder / "pieces" / name, music, seed)
    (folder / "splits.json").write_text(json.dumps(names))
    about = {"format": 1, "audio": AudioSpec().to_dict(), "sheet": SheetSpec().to_dict()}
    (folder / "corpus.json").write_text(json.dumps(about))
    return folder


@pytest.fixture
def melodies(made_melodies: Path, tmp_path: Path) -> Path:
    """A corpus of seven melodies: three to train, two to validate, two to test and one that is missing."""
    return shutil.copytree(made_melodies, tmp_path / "melodies")
