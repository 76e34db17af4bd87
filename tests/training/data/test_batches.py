"""Batches as the paper's rules have them, and against a slow reading of the same plan, stretch by stretch."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from torch import Tensor  # noqa: E402

from earmark.corpus.format import performance_of, read_splits  # noqa: E402
from earmark.schema import HEAD_PX, AudioSpec, SheetSpec  # noqa: E402
from earmark.training.data.ambiguity import Context, Windows, context_of, indistinguishable, within  # noqa: E402
from earmark.training.data.batches import HEAD_MOVES, PairBatch, PairSampler, Plan, note_places  # noqa: E402
from earmark.training.data.chances import Chances  # noqa: E402
from earmark.training.data.dataset import TrainingPiece, evenly_taken, read_pieces  # noqa: E402
from earmark.training.data.levels import VALUES, to_bytes  # noqa: E402
from earmark.training.data.music import Music  # noqa: E402

AUDIO, SHEET = AudioSpec(), SheetSpec()
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def pieces_of(corpus: Path, renderings: Sequence[str] = ("one@1", "two@1")) -> list[TrainingPiece]:
    return read_pieces(corpus, read_splits(corpus)["train"], renderings, AUDIO, SHEET)


def sampler(pieces: Sequence[TrainingPiece], hard: bool = False, **changes: object) -> PairSampler:
    settings = {"stretches": 4, "stretches_per_piece": 2, "pairs": 8, "tempo": (0.6, 1.6)} | changes
    return PairSampler(Music(pieces, AUDIO, SHEET, with_hard_negatives=hard), **settings)  # type: ignore[arg-type]


def rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_batches_are_reproducible_and_differ_by_step(corpus: Path) -> None:
    draw = sampler(pieces_of(corpus))
    one, again, other = (draw.batch(rng(1, step)) for step in (0, 0, 1))
    assert torch.equal(one.audio, again.audio)
    assert torch.equal(one.sheet, again.sheet)
    assert torch.equal(one.frame, again.frame)
    assert not torch.equal(one.audio, other.audio)


@pytest.mark.parametrize("device", DEVICES)
def test_every_device_cuts_what_the_plan_says(corpus: Path, device: str) -> None:
    """Against NumPy, one stretch after the other."""
    pieces = with_lanes(pieces_of(corpus))
    draw = PairSampler(
        Music(pieces, AUDIO, SHEET, torch.device(device)),
        stretches=12,
        stretches_per_piece=2,
        pairs=24,
        tempo=(0.5, 2.0),
    )
    plan = draw.plan(rng(7))
    for n, heard in enumerate(draw.cut_audio(plan)):
        for i in range(12):
            spectrum = spectrum_of(draw.music, pieces, plan, n, i).astype(np.float64)
            at = plan.start[i] + np.arange(400) * plan.rate[i]
            slow = [np.interp(at, np.arange(len(spectrum)), band, left=0, right=0) for band in spectrum.T]
            close(heard[i].cpu().numpy(), np.stack(slow, axis=1))
    for seen, i, lane in zip(draw.cut_lanes(plan).cpu().numpy(), plan.lane_row, plan.lane, strict=True):
        ink = 1 - pieces[plan.piece[i]].strip[lane] / 255
        at = plan.middle[i] - 240 + np.arange(480)
        padded = np.pad(ink, ((0, 0), (1, 1)))
        close(seen, np.stack([np.interp(at + 1, np.arange(padded.shape[1]), row) for row in padded]))


def test_of_every_lane_the_heads_of_the_systems_that_it_shows_are_cut(corpus: Path) -> None:
    """Against NumPy, one head after the other; some are hidden, and all a little beside where their systems begin."""
    pieces = with_lanes(pieces_of(corpus))
    draw = sampler(pieces, stretches=12, pairs=24)
    plan = draw.plan(rng(7))
    cut = draw.cut_heads(plan).numpy()
    made = draw.make(plan, Chances(rng(8)))
    for row, (of, begins) in enumerate(zip(plan.head_of, plan.begins, strict=True)):
        stretch = plan.lane_row[row]
        piece, middle, scale = pieces[plan.piece[stretch]], plan.middle[stretch], plan.scale[stretch]
        ends = np.append(piece.begins[1:], piece.strip.shape[2])
        shown = piece.begins[(piece.begins < middle + 200 / scale) & (ends > middle - 200 / scale)]
        there = np.isfinite(begins)
        np.testing.assert_allclose(begins[there], (shown - middle) * scale + 200, atol=1e-6)
        for head, begin in zip(of[there], shown, strict=True):
            if np.isnan(plan.head_begin[head]):
                assert not made.heads[head].any()
                continue
            assert abs(plan.head_begin[head] - begin) <= HEAD_MOVES
            ink = np.pad(1 - piece.strip[plan.lane[row]] / 255, ((0, 0), (10, 60)))
            at = plan.head_begin[head] + 10 + np.arange(HEAD_PX)
            close(cut[head], np.stack([np.interp(at, np.arange(ink.shape[1]), line) for line in ink]))


def test_of_clips_nothing_is_heard_before_they_begin_and_after_they_end(corpus: Path) -> None:
    draw = sampler(pieces_of(corpus), stretches=24, pairs=24)
    plan = draw.plan(rng(7), clips=0.5)
    batch = draw.make(plan, Chances(rng(8)))
    is_clip = np.isfinite(plan.begin)
    assert 0 < is_clip.sum() < 24
    length = (plan.end - plan.begin)[is_clip]
    assert ((length >= 60) & (length <= 320) & (plan.begin[is_clip] <= 200) & (plan.end[is_clip] > 200)).all()
    assert ((plan.frame >= plan.begin[plan.row] - 1) & (plan.frame < plan.end[plan.row] + 1)).all()
    silent = (batch.audio == 0).all(dim=2).numpy()
    for i in range(24):
        heard = (np.arange(400) >= plan.begin[i]) & (np.arange(400) < plan.end[i])
        assert silent[i, ~heard].all()
        assert not silent[i, heard].all()
        token = np.arange(200) * 2
        told = batch.audio_pitches[i].any(dim=0).numpy()
        assert not told[(token < plan.begin[i] - 1) | (token > plan.end[i] + 1)].any()


@pytest.mark.parametrize("device", DEVICES[1:])
def test_every_device_makes_the_same_batch(corpus: Path, device: str) -> None:
    pieces = with_lanes(pieces_of(corpus))
    settings = {"stretches": 8, "stretches_per_piece": 2, "pairs": 24, "tempo": (0.5, 2.0)}
    here, there = (
        PairSampler(Music(pieces, AUDIO, SHEET, of), **settings).batch(rng(3))  # type: ignore[arg-type]
        for of in (torch.device("cpu"), torch.device(device))
    )
    for name, value in vars(here).items():
        other = getattr(there, name).cpu()
        assert value.shape == other.shape
        # A JPEG's rounding may fall to either side of a half.
        assert (value.float() - other.float()).abs().mean() < 1e-3, name


def with_lanes(pieces: Sequence[TrainingPiece]) -> list[TrainingPiece]:
    """The same pieces, the second with three lanes, the third with six."""
    return [
        TrainingPiece(
            piece.name,
            np.concatenate([np.roll(piece.strip, 7 * lane, axis=1) for lane in range(count)]),
            piece.begins,
            piece.onsets,
            piece.notes,
            piece.audio,
        )
        for piece, count in zip(pieces, (1, 3, 6), strict=True)
    ]


def spectrum_of(music: Music, pieces: Sequence[TrainingPiece], plan: Plan, n: int, i: int) -> npt.NDArray[np.float32]:
    """The spectrogram of the n-th rendering of stretch i, found by where it lies, in 8 bits a value."""
    start, piece = music.spectrum[plan.rendering[n, i]], pieces[plan.piece[i]]
    first = music.first_performance[plan.piece[i]]
    place = plan.rendering[n, i] - music.first_rendering[first]
    name = sorted(piece.audio, key=lambda name: (performance_of(name), name))[place]
    found: npt.NDArray[np.float32] = VALUES[to_bytes(piece.audio[name])]
    heard = music.heard(torch.arange(start, start + len(found), device=music.device))
    assert np.array_equal(heard.cpu().numpy(), found)
    return found


def close(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> None:
    # At the very end a frame may lie before or beyond it.
    assert (np.abs(one - other) > 1e-3).mean() < 0.003


@pytest.mark.parametrize("clips", [0.0, 0.5])
def test_what_fits_is_what_the_slow_comparison_says(corpus: Path, clips: float) -> None:
    pieces = pieces_of(corpus)
    draw = sampler(pieces, stretches=8, pairs=24)
    plan = draw.plan(rng(5), clips)
    contexts = [context_of(piece.onsets.time_s, piece.notes.time_s, piece.notes.pitch) for piece in pieces]
    whole = Context(*(np.concatenate([getattr(of, side) for of in contexts]) for side in ("before", "after")))
    own = Windows(whole, np.zeros((len(whole.before), 2), np.int64)).at(plan.pair).context
    for i, (row, pair) in enumerate(zip(plan.row, plan.pair, strict=True)):
        piece = pieces[plan.piece[row]]
        onset = pair - draw.music.first_onset[plan.piece[row]]
        frame = (piece.audio_s("one@1", piece.onsets.time_s) * 20 - plan.start[row]) / plan.rate[row]
        before, after = within(frame, draw.half_frames)[onset]
        heard = (frame >= plan.begin[row]) & (frame < plan.end[row])
        assert plan.in_excerpt[i].tolist() == [min(before, heard[:onset].sum()), min(after, heard[onset + 1 :].sum())]
        column = piece.onsets.x_px.astype(np.float64) * plan.scale[row]
        assert plan.in_snippet[i].tolist() == within(column, draw.half_px)[onset].tolist()
        assert frame[onset] == pytest.approx(plan.frame[i], abs=1)
        assert (piece.onsets.x_px[onset] - plan.middle[row]) * plan.scale[row] + 200 == pytest.approx(
            plan.column[i], abs=1
        )
    slow = indistinguishable(Windows(own, plan.in_excerpt), Windows(own, plan.in_snippet))
    made = draw.make(plan, Chances(rng(5)))
    np.testing.assert_array_equal(made.indistinguishable.numpy(), slow)


def test_a_pair_is_where_its_note_sounds_and_stands(corpus: Path) -> None:
    batch = sampler(pieces_of(corpus), stretches=8, pairs=24, tempo=(1.0, 1.0)).batch(rng(0))
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
    pieces = pieces_of(tmp_path / "corpus", ["one~7@1", "one@1"])
    first = pieces[0]
    assert first.audio_s("one@1", np.array([1.0, 20.0])).tolist() == [1.0, 20.0]
    assert first.audio_s("one~7@1", np.array([1.0, 20.0])) == pytest.approx([2.0, 43.0])
    pairs = [sum(map(len, evenly_taken(pieces, [name] * 3, 10_000, AUDIO, SHEET))) for name in first.audio]
    assert pairs[0] > pairs[1]  # a window of 8.4 s reaches less far into a slower piece
    taken = pieces_of(tmp_path / "corpus", ["one~7@1"])
    draw = sampler(taken, stretches=24, pairs=24, tempo=(0.5, 0.5))
    plan = draw.plan(rng(0))
    heard, _ = draw.cut_audio(plan)
    rise = (heard[:, 2:] - heard[:, :-2]).amax(2)
    row, frame = torch.from_numpy(plan.row), torch.from_numpy(plan.frame).round().long()
    sound = torch.stack([rise[row, frame + shift] for shift in (-3, -2, -1, 0, 1)]).amax(0)
    between = torch.stack([rise[row, frame + shift] for shift in (10, 11, 12, 13)]).amax(0)
    assert sound.mean() > 3 * between.mean()


def test_what_was_played_at_about_the_tempo_is_preferred_and_lies_right(corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus, tmp_path / "corpus")
    for audio in (tmp_path / "corpus" / "pieces").glob("*/audio"):
        np.save(audio / "one@0.5.npy", np.repeat(np.load(audio / "one@1.npy"), 2, axis=0))
    pieces = read_pieces(tmp_path / "corpus", ["piece0"], ["one@1", "two@1", "one@0.5"], AUDIO, SHEET)
    plan = sampler(pieces, stretches=2000, tempo=(0.5, 0.5)).plan(rng(0))
    draw = sampler(pieces, stretches_per_piece=4, tempo=(0.5, 0.5))
    slow = draw.music.tempo == 0.5
    played = np.searchsorted(draw.music.first_rendering, plan.rendering, side="right") - 1
    assert (played[0] == played[1]).all()
    assert slow[played[0]].mean() == pytest.approx(0.8, abs=0.03)
    assert len(np.unique(plan.rendering)) == 3
    batch = draw.batch(rng(1))
    rise = (batch.audio[:, 2:] - batch.audio[:, :-2]).amax(2)
    at = batch.frame.round().long()
    sound = torch.stack([rise[batch.row, at + shift] for shift in (-2, -1, 0, 1)]).amax(0)
    between = torch.stack([rise[batch.row, at + shift] for shift in (6, 7, 8, 9)]).amax(0)  # onsets are 16 frames apart
    assert sound.mean() > 1.5 * between.mean()


def test_a_batch_holds_as_many_stretches_of_a_piece_as_asked_for(corpus: Path) -> None:
    plan = sampler(pieces_of(corpus), stretches=8, stretches_per_piece=4).plan(rng(3))
    assert plan.piece.tolist() == [plan.piece[0]] * 4 + [plan.piece[4]] * 4
    assert len(np.unique(plan.onset)) > 4


def test_every_second_stretch_is_about_a_hard_negative(corpus: Path) -> None:
    """Here the last onset is what looks like any other."""
    draw = sampler(pieces_of(corpus), hard=True, stretches=8, stretches_per_piece=4)
    draw.music.hard = np.repeat(draw.music.first_onset[1:] - 1, np.diff(draw.music.first_onset))[:, None]
    plan = draw.plan(rng(3))
    last = plan.onset == draw.music.first_onset[plan.piece + 1] - 1
    assert last[1::2].all()
    assert not last[::2].all()


def test_hard_negatives_are_onsets_of_the_same_piece(corpus: Path) -> None:
    music = sampler(pieces_of(corpus), hard=True).music
    owner = np.repeat(np.arange(len(music)), np.diff(music.first_onset))
    assert (owner[music.hard] == owner[:, None]).all()


def test_every_window_lies_inside_its_stretch(corpus: Path) -> None:
    batch = sampler(pieces_of(corpus)).batch(rng(2))
    assert batch.frame.min() >= AUDIO.window_frames / 2
    assert batch.frame.max() <= batch.audio.shape[1] - AUDIO.window_frames / 2
    assert batch.column.min() >= SHEET.window_px / 2
    assert batch.column.max() <= batch.sheet.shape[2] - SHEET.window_px / 2


def test_a_note_begins_at_the_nearest_token_of_its_pitch() -> None:
    pitch, at = np.array([3, 87, 88, -1, 5]), np.array([8.9, 0.0, 4.0, 4.0, 40.0])
    there = np.zeros((88, 10), np.bool_)
    there.ravel()[note_places(np.zeros_like(pitch), pitch, at, 20)] = True
    assert np.argwhere(there).tolist() == [[3, 4], [87, 0]]


def test_labels_mark_the_notes_of_audio_and_sheet(corpus: Path) -> None:
    """A note of every pair is at the pair's token, as near as tokens are."""
    draw = sampler(pieces_of(corpus), tempo=(1.0, 1.0))
    plan = draw.plan(rng(2))
    batch = draw.make(plan, Chances(rng(2)))
    for labels, at in ((batch.audio_pitches, plan.frame), (batch.sheet_pitches, plan.column)):
        assert labels.shape == (4, 88, 200)
        assert 5 < labels[0].sum() < 61
        for row, onset, place in zip(plan.row, plan.pair, at, strict=True):
            token = round(float(place) / 2)
            near: Tensor = labels[row, draw.music.pitch[onset], token - 1 : token + 2]
            assert near.sum() >= 1


def test_lanes_of_a_stretch_are_some_of_its_piece(corpus: Path) -> None:
    draw = sampler(with_lanes(pieces_of(corpus)), stretches=20)
    plan = draw.plan(rng(2))
    read = np.bincount(plan.lane_row)
    assert read.tolist() == [(1, 3, 4)[piece] for piece in plan.piece]
    assert len({tuple(sorted(plan.lane[plan.lane_row == i])) for i in np.flatnonzero(plan.piece == 2)}) > 1
    assert plan.lanes.shape == (20, 4)
    for i in range(20):
        assert set(plan.lanes[i]) == set(np.flatnonzero(plan.lane_row == i))
        assert len(set(plan.lane[plan.lane_row == i])) == read[i]
    batch: PairBatch = draw.make(plan, Chances(rng(2)))
    assert len(batch.sheet) == len(plan.lane)


def test_what_a_batch_cannot_tell_apart_is_what_its_windows_show_alike(corpus: Path) -> None:
    """The same stretch drawn twice: each pair fits its double, and no pair fits all others."""
    draw = sampler(pieces_of(corpus), stretches=2, pairs=1000, tempo=(1.0, 1.0))
    middle = draw.music.first_onset[:-1] + np.diff(draw.music.first_onset) // 2
    draw._onsets = lambda rng, piece: middle[piece]  # type: ignore[method-assign]
    batch = draw.batch(rng(4))
    assert batch.indistinguishable.diagonal().all()
    first, second = (batch.row == row for row in (0, 1))
    assert batch.indistinguishable[first][:, second].any(1).float().mean() > 0.8
    assert batch.indistinguishable.float().mean() < 0.2
