from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.schema import AudioSpec, BadInput, Mismatch, SheetSpec  # noqa: E402
from earmark.training.pairs import PairSampler  # noqa: E402
from earmark.training.pieces import (  # noqa: E402
    Notes,
    evenly_taken,
    group_onsets,
    read_pieces,
    read_splits,
)

AUDIO, SHEET = AudioSpec(), SheetSpec()


def sampler(corpus: Path, **changes: object) -> PairSampler:
    pieces = read_pieces(corpus, read_splits(corpus)["train"], ["one@1", "two@1"], AUDIO, SHEET)
    settings = {"stretches": 4, "pairs": 8, "tempo": (0.6, 1.6)} | changes
    return PairSampler(pieces, AUDIO, SHEET, **settings)  # type: ignore[arg-type]


def test_chords_are_one_onset_and_equal_surroundings_have_equal_content() -> None:
    time_s = np.repeat(np.arange(20) * 0.5, 2)
    pitch = np.tile([40, 44, 45, 47], 10)
    onsets = group_onsets(Notes(time_s, np.repeat(np.arange(20, dtype=np.float32) * 10, 2), pitch))
    assert len(onsets) == 20
    assert onsets.x_px.tolist() == [10.0 * i for i in range(20)]
    assert onsets.content[5] == onsets.content[7]
    assert onsets.content[5] != onsets.content[6]
    assert onsets.content[0] != onsets.content[2]


def test_batches_are_reproducible_and_differ_by_step(corpus: Path) -> None:
    draw = sampler(corpus)
    one, again, other = (draw.batch(np.random.default_rng([1, step])) for step in (0, 0, 1))
    assert torch.equal(one.audio, again.audio)
    assert torch.equal(one.sheet, again.sheet)
    assert torch.equal(one.frame, again.frame)
    assert not torch.equal(one.audio, other.audio)


def test_a_pair_is_where_its_note_sounds_and_stands(corpus: Path) -> None:
    batch = sampler(corpus, stretches=8, pairs=24, tempo=(1.0, 1.0)).batch(np.random.default_rng(0))
    sound, between, ink, beside = [], [], [], []
    rise = (batch.audio[:, 2:] - batch.audio[:, :-2]).amax(2)
    for row, frame, column in zip(batch.row, batch.frame, batch.column, strict=True):
        at, x = int(frame.round()), int(column.round())
        sound.append(rise[row, at - 2 : at + 2].amax())
        between.append(rise[row, at + 2 : at + 6].amax())  # onsets are 8 frames apart
        ink.append(batch.sheet[row, :, x - 3 : x + 3].sum())
        beside.append(batch.sheet[row, :, x + 3 : x + 9].sum())
    assert np.mean(sound) > 1.5 * np.mean(between)
    assert np.mean(ink) > 1.5 * np.mean(beside)


def test_every_window_lies_inside_its_stretch(corpus: Path) -> None:
    batch = sampler(corpus).batch(np.random.default_rng(2))
    assert batch.frame.min() >= AUDIO.window_frames / 2
    assert batch.frame.max() <= batch.audio.shape[1] - AUDIO.window_frames / 2
    assert batch.column.min() >= SHEET.window_px / 2
    assert batch.column.max() <= batch.sheet.shape[2] - SHEET.window_px / 2


def test_labels_mark_the_notes_of_both_sides(corpus: Path) -> None:
    batch = sampler(corpus).batch(np.random.default_rng(2))
    for labels in (batch.audio_pitches, batch.sheet_pitches):
        assert labels.shape[:2] == (4, 88)
        assert 5 < labels[0].sum() < 61


def test_pairs_are_taken_evenly_and_inside(corpus: Path) -> None:
    pieces = read_pieces(corpus, read_splits(corpus)["test"], ["heard@1"], AUDIO, SHEET)
    everything = evenly_taken(pieces, "heard@1", 1.0, 10_000, AUDIO, SHEET)
    some = evenly_taken(pieces, "heard@1", 1.0, 10, AUDIO, SHEET)
    assert sum(map(len, some)) == 10
    for piece, onsets in zip(pieces, everything, strict=True):
        assert piece.onsets.time_s[onsets].min() * 20 >= 84
        assert piece.onsets.x_px[onsets].min() >= 50
        assert piece.onsets.x_px[onsets].max() <= piece.strip.shape[1] - 50


def test_what_is_missing_is_named(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"absent@1.npy: not there; build the corpus with"):
        read_pieces(corpus, ["piece0"], ["absent@1"], AUDIO, SHEET)
    with pytest.raises(BadInput, match="--splits"):
        read_splits(tmp_path)


def test_another_definition_is_refused(corpus: Path) -> None:
    with pytest.raises(Mismatch, match="another audio or sheet definition"):
        read_pieces(corpus, ["piece0"], ["one@1"], AudioSpec(bands=84), SHEET)
