"""A corpus in memory: its onsets, which windows are pairs, and what is said when something is missing."""

from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from earmark.corpus.format import audio_file, piece_folder, read_splits
from earmark.errors import BadInput, Mismatch
from earmark.schema import AudioSpec, SheetSpec
from earmark.training.data.dataset import Notes, evenly_taken, group_onsets, read_pieces

AUDIO, SHEET = AudioSpec(), SheetSpec()


def test_chords_are_one_onset() -> None:
    time_s = np.repeat(np.arange(20) * 0.5, 2)
    pitch = np.tile([40, 44, 45, 47], 10)
    onsets = group_onsets(Notes(time_s, np.repeat(np.arange(20, dtype=np.float32) * 10, 2), pitch))
    assert len(onsets) == 20
    assert onsets.x_px.tolist() == [10.0 * i for i in range(20)]


def test_pairs_are_taken_evenly_and_inside(corpus: Path) -> None:
    pieces = read_pieces(corpus, read_splits(corpus)["test"], ["third@1"], AUDIO, SHEET)
    everything = evenly_taken(pieces, ["third@1"] * len(pieces), 10_000, AUDIO, SHEET)
    some = evenly_taken(pieces, ["third@1"] * len(pieces), 10, AUDIO, SHEET)
    assert sum(map(len, some)) == 10
    for piece, onsets in zip(pieces, everything, strict=True):
        assert piece.onsets.time_s[onsets].min() * 20 >= 84
        assert piece.onsets.x_px[onsets].min() >= 50
        assert piece.onsets.x_px[onsets].max() <= piece.strip.shape[2] - 50


def test_spectrograms_stay_on_disk_until_they_are_asked_for(tmp_path: Path, corpus: Path) -> None:
    copy = copytree(corpus, tmp_path / "corpus")
    (piece,) = read_pieces(copy, ["piece0"], ["one@1", "third@1"], AUDIO, SHEET)
    assert list(piece.audio) == ["one@1", "third@1"]
    later = np.full((7, AUDIO.bands), 0.5, np.float16)
    np.save(piece_folder(copy, "piece0") / audio_file("one@1"), later)
    np.testing.assert_array_equal(piece.audio["one@1"], later)


def test_a_rendering_that_is_missing_is_named(corpus: Path) -> None:
    with pytest.raises(BadInput, match=r"absent@1.npy: not there; build the corpus with"):
        read_pieces(corpus, ["piece0"], ["absent@1"], AUDIO, SHEET)


def test_another_definition_is_refused(corpus: Path) -> None:
    with pytest.raises(Mismatch, match="another audio or sheet definition"):
        read_pieces(corpus, ["piece0"], ["one@1"], AudioSpec(bands=84), SHEET)
