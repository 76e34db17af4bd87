"""An edition of a held-out piece among the training pieces is found by its notes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from earmark.corpus.format import NOTEHEADS, piece_folder
from earmark.corpus.shared_music import STEPS, phrases, shared_music


def write_piece(corpus: Path, name: str, pitches: list[int], seconds: float) -> None:
    """A melody above a long low note that begins with it."""
    folder = piece_folder(corpus, name)
    folder.mkdir(parents=True)
    onset_s = np.array([0.0, *(seconds * i for i in range(len(pitches)))])
    np.savez(folder / NOTEHEADS, onset_s=onset_s, pitch=np.array([30, *pitches], np.uint8))


def test_a_melody_is_known_in_another_key_and_tempo(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    melody, other, third = (60 + np.cumsum(rng.integers(-4, 5, 40)) for _ in range(3))
    write_piece(tmp_path, "carol", melody.tolist(), 0.5)
    write_piece(tmp_path, "carol-for-choir", [*(melody + 5).tolist()[10:30], *other.tolist()], 0.75)
    write_piece(tmp_path, "another", third.tolist(), 0.5)
    splits = {"train": ["carol-for-choir", "not-built"], "instruments-valid": ["carol", "another"]}
    (found,) = shared_music(tmp_path, splits)
    assert (found.held_out, found.trained) == ("carol", "carol-for-choir")
    assert 0.2 < found.share < 0.5
    assert not list(shared_music(tmp_path, {"train": ["another"], "test": ["carol"]}))


def test_scales_are_no_phrases() -> None:
    onset_s = np.arange(20.0)
    assert phrases(onset_s, 40 + 2 * np.arange(20)) == set()
    assert len(phrases(onset_s, 60 + np.arange(20) ** 2 % 7)) > 0
    assert phrases(onset_s[:STEPS], 60 + np.arange(STEPS) ** 2 % 7) == set()
