"""Snippets meet the sound of every onset of their pieces, as it was and stays; only the sheet encoder learns."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.library import DEFAULT_MODEL  # noqa: E402
from earmark.schema import AudioSpec, SheetSpec  # noqa: E402
from earmark.training.pairs import PairSampler  # noqa: E402
from earmark.training.pieces import read_pieces, read_splits  # noqa: E402
from earmark.training.whole_pieces import WholePieceSampler, whole_piece_loss  # noqa: E402
from earmark.weights import load  # noqa: E402

AUDIO, SHEET = AudioSpec(), SheetSpec()


@pytest.fixture(scope="module")
def sampler(corpus: Path) -> WholePieceSampler:
    pieces = read_pieces(corpus, read_splits(corpus)["train"], ["one@1", "two@1"], AUDIO, SHEET)
    pairs = PairSampler(pieces, AUDIO, SHEET, stretches=4, stretches_per_piece=2, pairs=8, tempo=(1.0, 1.0))
    return WholePieceSampler(pairs, load(DEFAULT_MODEL))


def test_all_onsets_of_the_pieces_are_heard_and_a_snippet_knows_its_own(sampler: WholePieceSampler) -> None:
    batch = sampler.batch(np.random.default_rng(1))
    assert len(batch.heard) in (60, 120)  # one piece drawn twice, or two; 60 onsets each
    assert batch.heard.shape == batch.seen.shape
    onset, snippet = batch.own, torch.arange(len(batch.row))
    for fitting in (batch.fits, batch.answers):
        assert fitting.shape == (len(snippet), len(batch.heard))
        assert fitting[snippet, onset].all()
        assert fitting.float().mean() < 0.1
    assert torch.equal(batch.same & batch.same.T, onset[:, None] == onset)
    # An onset further is 23 strip px further, enlarged by 0.9 to 1.1, shifted by up to 1; 8 more in the next system.
    for row in range(4):
        of_it = batch.row == row
        own, column = batch.own[of_it].float(), batch.column[of_it]
        steps = torch.diff(column[own.argsort()]) / torch.diff(own.sort().values)
        assert ((steps > 18) & (steps < 36)).all()
        assert 20 < steps.median() < 27


def test_each_direction_is_lost_to_the_onset_that_is_taken_for_the_own_one(sampler: WholePieceSampler) -> None:
    """Eyes that see as the ear hears have no loss; a piece seen alike everywhere before costs the way back alone."""
    drawn = sampler.batch(np.random.default_rng(1))
    heard = torch.eye(len(drawn.heard))
    perfect = replace(drawn, heard=heard, seen=heard)
    scale = torch.tensor(50.0)
    assert whole_piece_loss(heard[drawn.own], perfect, scale).item() == pytest.approx(0, abs=1e-4)
    confused = replace(perfect, seen=heard[drawn.own[:1]].expand_as(heard))
    others = (drawn.own == drawn.own[0]).float().mean().item()  # whose own sound all snippets seem to be
    among = len(heard) - 1  # its own old snippet is left out
    expected = others * np.log(1 + among) / 2
    assert whole_piece_loss(heard[drawn.own], confused, scale).item() == pytest.approx(expected, rel=0.05)


def test_what_is_heard_is_what_the_weights_make_of_one_rendering(sampler: WholePieceSampler) -> None:
    encoders, piece = load(DEFAULT_MODEL), sampler.pairs.pieces[0]
    heard = sampler.heard(0, "two@1")
    wanted, _ = encoders.embed_audio(piece.audio["two@1"].astype(np.float32), piece.onsets.time_s * 20)
    np.testing.assert_allclose(heard.embeddings, wanted, atol=1e-6)
    assert sampler.heard(0, "two@1") is heard
    assert not np.allclose(sampler.heard(0, "one@1").embeddings, wanted, atol=1e-3)


def test_batches_are_reproducible_and_differ_by_step(sampler: WholePieceSampler) -> None:
    one, again, other = (sampler.batch(np.random.default_rng([1, step])) for step in (0, 0, 1))
    assert torch.equal(one.sheet, again.sheet)
    assert torch.equal(one.heard, again.heard)
    assert not torch.equal(one.sheet, other.sheet)
