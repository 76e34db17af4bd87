"""How sure a stretch of a recording is, by what is around it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from earmark.audio.decode import read_samples
from earmark.library.library import Library
from earmark.results.identified import Stretch
from tests.fake_encoders import flat_background

if TYPE_CHECKING:
    from tests.conftest import Music, WriteWav
    from tests.fake_encoders import FakeEncoders

NOTES = 100
PHRASE = slice(20, 36)
RATE_HZ = 22_050
Floats = npt.NDArray[np.float64]


@pytest.fixture
def library(encoders: FakeEncoders, music: Music, tmp_path: Path) -> Library:
    encoders.calibration = replace(
        encoders.calibration,
        backgrounds=dict.fromkeys(("score", "recording"), flat_background(0.75, encoders.dimension)),
    )
    library = Library.open(tmp_path / "library", encoders)
    library.add(music.write_scores(tmp_path / "scores", 3, NOTES))
    return library


def test_a_phrase_is_surer_alone_than_within_other_music(
    library: Library, music: Music, tmp_path: Path, write_wav: WriteWav
) -> None:
    def played(seed: int, notes: slice) -> Floats:
        wav = music.write_recording(tmp_path / "part.wav", music.melody(seed, NOTES)[notes])
        return np.concatenate(list(read_samples(wav))).astype(np.float64)

    def named(*parts: Floats) -> Stretch:
        told = library.identify(write_wav(tmp_path / "tape.wav", np.concatenate(parts))).stretches
        (piece,) = (one for one in told if one.what == "piece")
        assert piece.piece == "piece-1"
        return piece

    phrase, silence = played(1, PHRASE), np.zeros(RATE_HZ * 15)
    before, after = played(99, slice(0, 40)), played(99, slice(40, 80))
    alone, within = named(silence, phrase, silence), named(before, phrase, after)
    assert within.end_s - within.start_s == pytest.approx(alone.end_s - alone.start_s, abs=3.0)
    assert within.confidence < alone.confidence
    assert alone.sure
    assert not within.sure
