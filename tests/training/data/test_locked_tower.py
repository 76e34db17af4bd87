"""Windows of one side meet the other side of every onset of their pieces, which stays; one encoder alone learns."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.library.library import DEFAULT_MODEL  # noqa: E402
from earmark.model.encoders import load  # noqa: E402
from earmark.schema import AudioSpec, SheetSpec  # noqa: E402
from earmark.sheet.strips import ink  # noqa: E402
from earmark.training.data.batches import PairSampler  # noqa: E402
from earmark.training.data.dataset import read_pieces, read_splits  # noqa: E402
from earmark.training.data.locked_tower import WholePieceSampler, whole_piece_loss  # noqa: E402
from earmark.training.experiment import Side  # noqa: E402

AUDIO, SHEET = AudioSpec(), SheetSpec()
SIDES: tuple[Side, ...] = ("audio", "sheet")


@pytest.fixture(scope="module")
def pairs(corpus: Path) -> PairSampler:
    pieces = read_pieces(corpus, read_splits(corpus)["train"], ["one@1", "two@1"], AUDIO, SHEET)
    return PairSampler(pieces, AUDIO, SHEET, stretches=4, stretches_per_piece=2, pairs=8, tempo=(1.0, 1.0))


@pytest.fixture(scope="module")
def samplers(pairs: PairSampler) -> dict[Side, WholePieceSampler]:
    encoders = load(DEFAULT_MODEL)
    return {side: WholePieceSampler(pairs, encoders, side) for side in SIDES}


@pytest.mark.parametrize("side", SIDES)
def test_all_onsets_of_the_pieces_are_known_and_a_window_knows_its_own(
    samplers: dict[Side, WholePieceSampler], side: Side
) -> None:
    batch = samplers[side].batch(np.random.default_rng(1))
    assert batch.values.shape[1:] == {"audio": (400, 92), "sheet": (80, 400)}[side]
    assert len(batch.other) in (60, 120)  # one piece drawn twice, or two; 60 onsets each
    assert batch.other.shape == batch.before.shape
    onset, window = batch.own, torch.arange(len(batch.row))
    for fitting in (batch.fits, batch.answers):
        assert fitting.shape == (len(window), len(batch.other))
        assert fitting[window, onset].all()
        assert fitting.float().mean() < 0.1
    assert torch.equal(batch.same & batch.same.T, onset[:, None] == onset)
    # An onset further is 8 frames further, or 23 strip px, enlarged by 0.9 to 1.1 and 8 more in the next system; both
    # are shifted by up to 1.
    least, usual, most = {"audio": (6, 8, 10), "sheet": (18, 23, 36)}[side]
    for row in range(4):
        of_it = batch.row == row
        own, at = batch.own[of_it].float(), batch.at[of_it]
        steps = torch.diff(at[own.argsort()]) / torch.diff(own.sort().values)
        assert ((steps > least) & (steps < most)).all()
        assert steps.median().item() == pytest.approx(usual, rel=0.13)


@pytest.mark.parametrize("side", SIDES)
def test_each_direction_is_lost_to_the_onset_that_is_taken_for_the_own_one(
    samplers: dict[Side, WholePieceSampler], side: Side
) -> None:
    """An encoder like the other one has no loss; a piece known as alike everywhere before costs the way back alone."""
    drawn = samplers[side].batch(np.random.default_rng(1))
    ideal = torch.eye(len(drawn.other))
    perfect = replace(drawn, other=ideal, before=ideal)
    scale = torch.tensor(50.0)
    assert whole_piece_loss(ideal[drawn.own], perfect, scale).item() == pytest.approx(0, abs=1e-4)
    confused = replace(perfect, before=ideal[drawn.own[:1]].expand_as(ideal))
    others = (drawn.own == drawn.own[0]).float().mean().item()  # whose own other side all windows seem to be
    among = len(ideal) - 1  # its own window of before is left out
    expected = others * np.log(1 + among) / 2
    assert whole_piece_loss(ideal[drawn.own], confused, scale).item() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("side", SIDES)
def test_what_is_known_is_what_the_weights_make_of_it(samplers: dict[Side, WholePieceSampler], side: Side) -> None:
    sampler, encoders = samplers[side], load(DEFAULT_MODEL)
    piece = sampler.pairs.pieces[0]
    heard, seen = sampler.heard(0, "two@1"), sampler.seen(0)
    wanted, _ = encoders.embed_audio(piece.audio["two@1"].astype(np.float32), piece.onsets.time_s * 20)
    np.testing.assert_allclose(heard.embeddings, wanted, atol=1e-6)
    np.testing.assert_allclose(
        seen.embeddings, encoders.embed_strip(ink(piece.strip), piece.onsets.x_px.astype(np.float64))[0], atol=1e-6
    )
    assert sampler.heard(0, "two@1") is heard
    assert not np.allclose(sampler.heard(0, "one@1").embeddings, wanted, atol=1e-3)
    batch = sampler.batch(np.random.default_rng(1))
    first = sampler.seen(int(sampler.pairs.choose(np.random.default_rng(1)).min())).embeddings
    snippets = batch.before if side == "sheet" else batch.other
    np.testing.assert_array_equal(snippets[: len(first)].numpy(), first)


@pytest.mark.parametrize("side", SIDES)
def test_batches_are_reproducible_and_differ_by_step(samplers: dict[Side, WholePieceSampler], side: Side) -> None:
    one, again, other = (samplers[side].batch(np.random.default_rng([1, step])) for step in (0, 0, 1))
    assert torch.equal(one.values, again.values)
    assert torch.equal(one.other, again.other)
    assert not torch.equal(one.values, other.values)
