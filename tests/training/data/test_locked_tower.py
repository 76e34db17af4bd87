"""Windows of the encoder that learns meet the locked one's keys of every onset of their pieces."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.corpus.format import read_splits  # noqa: E402
from earmark.library.library import DEFAULT_MODEL  # noqa: E402
from earmark.model.encoders import load  # noqa: E402
from earmark.schema import AudioSpec, SheetSpec  # noqa: E402
from earmark.sheet.strips import ink  # noqa: E402
from earmark.training.data.batches import PairSampler  # noqa: E402
from earmark.training.data.dataset import read_pieces  # noqa: E402
from earmark.training.data.locked_tower import LockedTowerSampler, locked_tower_loss  # noqa: E402
from earmark.training.experiment import Modality  # noqa: E402

AUDIO, SHEET = AudioSpec(), SheetSpec()
LOCKED: tuple[Modality, ...] = ("audio", "sheet")


@pytest.fixture(scope="module")
def pairs(corpus: Path) -> PairSampler:
    pieces = read_pieces(corpus, read_splits(corpus)["train"], ["one@1", "two@1"], AUDIO, SHEET)
    return PairSampler(pieces, AUDIO, SHEET, stretches=4, stretches_per_piece=2, pairs=8, tempo=(1.0, 1.0))


@pytest.fixture(scope="module")
def samplers(pairs: PairSampler) -> dict[Modality, LockedTowerSampler]:
    model = load(DEFAULT_MODEL)
    return {locked: LockedTowerSampler(pairs, model, locked) for locked in LOCKED}


@pytest.mark.parametrize("locked", LOCKED)
def test_a_batch_has_keys_of_all_onsets_and_a_window_knows_its_own(
    samplers: dict[Modality, LockedTowerSampler], locked: Modality
) -> None:
    batch = samplers[locked].batch(np.random.default_rng(1))
    assert batch.values.shape[1:] == {"audio": (80, 400), "sheet": (400, 92)}[locked]
    assert len(batch.keys) in (60, 120)  # one piece drawn twice, or two; 60 onsets each
    assert batch.keys.shape == batch.stale_keys.shape
    onset, window = batch.own, torch.arange(len(batch.row))
    for is_positive in (batch.is_positive_key, batch.is_positive_stale_key):
        assert is_positive.shape == (len(window), len(batch.keys))
        assert is_positive[window, onset].all()
        assert is_positive.float().mean() < 0.1
    assert torch.equal(batch.is_positive_window & batch.is_positive_window.T, onset[:, None] == onset)
    # An onset further is 8 frames further, or 23 strip px, enlarged by 0.9 to 1.1 and 8 more in the next system; both
    # are shifted by up to 1.
    least, usual, most = {"audio": (18, 23, 36), "sheet": (6, 8, 10)}[locked]
    for row in range(4):
        of_it = batch.row == row
        own, at = batch.own[of_it].float(), batch.at[of_it]
        steps = torch.diff(at[own.argsort()]) / torch.diff(own.sort().values)
        assert ((steps > least) & (steps < most)).all()
        assert steps.median().item() == pytest.approx(usual, rel=0.13)


@pytest.mark.parametrize("locked", LOCKED)
def test_each_direction_is_lost_to_the_onset_that_is_taken_for_the_own_one(
    samplers: dict[Modality, LockedTowerSampler], locked: Modality
) -> None:
    """An encoder like the locked one has no loss; stale keys that are all the same cost the way back alone."""
    drawn = samplers[locked].batch(np.random.default_rng(1))
    ideal = torch.eye(len(drawn.keys))
    perfect = replace(drawn, keys=ideal, stale_keys=ideal)
    scale = torch.tensor(50.0)
    assert locked_tower_loss(ideal[drawn.own], perfect, scale).item() == pytest.approx(0, abs=1e-4)
    confused = replace(perfect, stale_keys=ideal[drawn.own[:1]].expand_as(ideal))
    share = (drawn.own == drawn.own[0]).float().mean().item()  # of the windows: all stale keys seem to be theirs
    among = len(ideal) - 1  # its own stale key is left out
    expected = share * np.log(1 + among) / 2
    assert locked_tower_loss(ideal[drawn.own], confused, scale).item() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("locked", LOCKED)
def test_keys_are_what_the_weights_compute(samplers: dict[Modality, LockedTowerSampler], locked: Modality) -> None:
    sampler, model = samplers[locked], load(DEFAULT_MODEL)
    piece = sampler.pairs.pieces[0]
    audio, sheet = sampler.audio_keys(0, "two@1"), sampler.sheet_keys(0)
    expected, _ = model.embed_audio(piece.audio["two@1"].astype(np.float32), piece.onsets.time_s * 20)
    np.testing.assert_allclose(audio.embeddings, expected, atol=1e-6)
    np.testing.assert_allclose(
        sheet.embeddings, model.embed_strip(ink(piece.strip), piece.onsets.x_px.astype(np.float64))[0], atol=1e-6
    )
    assert sampler.audio_keys(0, "two@1") is audio
    assert not np.allclose(sampler.audio_keys(0, "one@1").embeddings, expected, atol=1e-3)
    batch = sampler.batch(np.random.default_rng(1))
    first = sampler.sheet_keys(int(sampler.pairs.choose(np.random.default_rng(1)).min())).embeddings
    snippets = batch.keys if locked == "sheet" else batch.stale_keys
    np.testing.assert_array_equal(snippets[: len(first)].numpy(), first)


@pytest.mark.parametrize("locked", LOCKED)
def test_batches_are_reproducible_and_differ_by_step(
    samplers: dict[Modality, LockedTowerSampler], locked: Modality
) -> None:
    one, again, other = (samplers[locked].batch(np.random.default_rng([1, step])) for step in (0, 0, 1))
    assert torch.equal(one.values, again.values)
    assert torch.equal(one.keys, again.keys)
    assert not torch.equal(one.values, other.values)
