import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.corpus.format import performance_of, read_splits  # noqa: E402
from earmark.schema import AudioSpec, SheetSpec  # noqa: E402
from earmark.training.data import batches  # noqa: E402
from earmark.training.data.batches import PairSampler, Part  # noqa: E402
from earmark.training.data.dataset import TrainingPiece, evenly_taken, read_pieces  # noqa: E402

AUDIO, SHEET = AudioSpec(), SheetSpec()


def sampler(corpus: Path, **changes: object) -> PairSampler:
    pieces = read_pieces(corpus, read_splits(corpus)["train"], ["one@1", "two@1"], AUDIO, SHEET)
    settings = {"stretches": 4, "stretches_per_piece": 2, "pairs": 8, "tempo": (0.6, 1.6)} | changes
    return PairSampler(pieces, AUDIO, SHEET, **settings)  # type: ignore[arg-type]


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
        seen = batch.sheet[row] - batch.sheet[row].median()  # without the paper's own darkness
        ink.append(seen[:, x - 3 : x + 3].sum())
        beside.append(seen[:, x + 3 : x + 9].sum())
    assert np.mean(sound) > 1.5 * np.mean(between)
    assert np.mean(ink) > 1.5 * np.mean(beside)


def test_a_performance_with_its_own_timing_is_followed(corpus: Path, tmp_path: Path) -> None:
    """Played at half the speed with a pause in the middle: pairs still lie where their notes sound."""
    shutil.copytree(corpus, tmp_path / "corpus")
    for name in ("piece0", "piece1", "piece2"):
        audio = tmp_path / "corpus" / "pieces" / name / "audio"
        spectrum = np.load(audio / "one@1.npy")
        half = len(spectrum) // 2
        slow = np.repeat(spectrum, 2, axis=0)
        played = np.concatenate([slow[: 2 * half], np.zeros((60, 92), np.float16), slow[2 * half :]])
        np.save(audio / "one~7@1.npy", played)
        score_s = np.array([0, half / 20 - 1e-6, half / 20, len(spectrum) / 20])
        audio_s = np.array([0, half / 10, half / 10 + 3, len(spectrum) / 10 + 3])
        np.save(audio / "one~7@1.timing.npy", np.stack([score_s, audio_s]))
    pieces = read_pieces(tmp_path / "corpus", ["piece0", "piece1", "piece2"], ["one~7@1", "one@1"], AUDIO, SHEET)
    first = pieces[0]
    assert first.audio_s("one@1", np.array([1.0, 20.0])).tolist() == [1.0, 20.0]
    assert first.audio_s("one~7@1", np.array([1.0, 20.0])) == pytest.approx([2.0, 43.0])
    pairs = [sum(map(len, evenly_taken(pieces, name, 10_000, AUDIO, SHEET))) for name in first.audio]
    assert pairs[0] > pairs[1]  # a window of 8.4 s reaches less far into a slower piece
    rise, quiet = [], []
    for piece in pieces:
        spectrum = piece.audio["one~7@1"].astype(np.float32)
        change = np.diff(spectrum, axis=0).max(axis=1)
        at = np.rint(piece.audio_s("one~7@1", piece.onsets.time_s) * 20).astype(int)
        rise += [change[max(0, i - 2) : i + 2].max() for i in at]
        quiet += [change[i + 4 : i + 8].max() for i in at]
    assert np.mean(rise) > 3 * np.mean(quiet)
    draw = PairSampler(pieces, AUDIO, SHEET, stretches=8, stretches_per_piece=2, pairs=24, tempo=(1.0, 1.0))
    assert len(draw.batch(np.random.default_rng(0)).row) > 20


def test_what_was_played_at_about_the_tempo_is_preferred_and_lies_right(corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus, tmp_path / "corpus")
    for audio in (tmp_path / "corpus" / "pieces").glob("*/audio"):
        np.save(audio / "one@0.5.npy", np.repeat(np.load(audio / "one@1.npy"), 2, axis=0))
    pieces = read_pieces(tmp_path / "corpus", ["piece0"], ["one@1", "two@1", "one@0.5"], AUDIO, SHEET)
    draw = PairSampler(pieces, AUDIO, SHEET, stretches=4, stretches_per_piece=4, pairs=8, tempo=(0.5, 0.5))
    rng = np.random.default_rng(0)
    drawn = [draw._renderings(rng, pieces[0], 0.5) for _ in range(500)]
    assert sum(first == "one@0.5" for first, _ in drawn) / 500 == pytest.approx(0.8, abs=0.06)
    assert all(performance_of(first) == performance_of(second) for first, second in drawn)
    batch = draw.batch(rng)
    rise = (batch.audio[:, 2:] - batch.audio[:, :-2]).amax(2)
    at = batch.frame.round().long()
    sound = torch.stack([rise[batch.row, at + shift] for shift in (-2, -1, 0, 1)]).amax(0)
    between = torch.stack([rise[batch.row, at + shift] for shift in (6, 7, 8, 9)]).amax(0)  # onsets are 16 frames apart
    assert sound.mean() > 1.5 * between.mean()


def test_a_batch_holds_as_many_stretches_of_a_piece_as_asked_for(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = sampler(corpus, stretches=8, stretches_per_piece=4)
    drawn = [piece.name for piece, _ in drawn_in_a_batch(draw, monkeypatch)]
    assert drawn == [drawn[0]] * 4 + [drawn[4]] * 4


def test_every_second_stretch_is_about_a_hard_negative(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the last onset is what looks like any other."""
    monkeypatch.setattr(batches, "hard_negatives", lambda onset_px, *_: np.full((len(onset_px), 1), len(onset_px) - 1))
    draw = sampler(corpus, stretches=8, stretches_per_piece=4, with_hard_negatives=True)
    last = [onset == len(piece.onsets) - 1 for piece, onset in drawn_in_a_batch(draw, monkeypatch)]
    assert all(last[1::2])
    assert not all(last[::2])


def drawn_in_a_batch(draw: PairSampler, monkeypatch: pytest.MonkeyPatch) -> list[tuple[TrainingPiece, int]]:
    """The piece and the onset that each stretch of a batch is about."""
    drawn: list[tuple[TrainingPiece, int]] = []
    sheet_part = draw.sheet_part

    def noted(rng: np.random.Generator, piece: TrainingPiece, onset: int, scale: float) -> Part:
        drawn.append((piece, onset))
        return sheet_part(rng, piece, onset, scale)

    monkeypatch.setattr(draw, "sheet_part", noted)
    draw.batch(np.random.default_rng(3))
    return drawn


def test_every_window_lies_inside_its_stretch(corpus: Path) -> None:
    batch = sampler(corpus).batch(np.random.default_rng(2))
    assert batch.frame.min() >= AUDIO.window_frames / 2
    assert batch.frame.max() <= batch.audio.shape[1] - AUDIO.window_frames / 2
    assert batch.column.min() >= SHEET.window_px / 2
    assert batch.column.max() <= batch.sheet.shape[2] - SHEET.window_px / 2


def test_labels_mark_the_notes_of_audio_and_sheet(corpus: Path) -> None:
    batch = sampler(corpus).batch(np.random.default_rng(2))
    for labels in (batch.audio_pitches, batch.sheet_pitches):
        assert labels.shape[:2] == (4, 88)
        assert 5 < labels[0].sum() < 61


def test_what_a_batch_cannot_tell_apart_is_what_its_windows_show_alike(corpus: Path) -> None:
    """The same stretch drawn twice: each pair fits its double, and no pair fits all others."""
    draw = sampler(corpus, stretches=2, stretches_per_piece=2, pairs=1000, tempo=(1.0, 1.0))
    draw.onsets = lambda rng, chosen: [len(draw.pieces[chosen[0]].onsets) // 2] * 2  # type: ignore[method-assign]
    batch = draw.batch(np.random.default_rng(4))
    assert batch.indistinguishable.diagonal().all()
    first, second = (batch.row == row for row in (0, 1))
    assert batch.indistinguishable[first][:, second].any(1).float().mean() > 0.8
    assert batch.indistinguishable.float().mean() < 0.2
