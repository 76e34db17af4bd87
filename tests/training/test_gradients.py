from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.model.networks import Dropout, DualEncoder  # noqa: E402
from earmark.model.size import EncoderSize, NetworkConfig  # noqa: E402
from earmark.schema import HEAD_PX, AudioSpec, SheetSpec  # noqa: E402
from earmark.training.data.batches import PairBatch  # noqa: E402
from earmark.training.gradients import add_gradients, add_pitch_gradients, read_audio, read_sheet  # noqa: E402
from earmark.training.losses import contrastive_loss  # noqa: E402

TINY = NetworkConfig(
    dimension=16,
    audio=EncoderSize(layer_channels=(4, 8, 8, 8), token_channels=16, window_tokens=20, hidden=32),
    sheet=EncoderSize(
        layer_channels=(4, 8, 8, 8, 8), token_channels=16, window_tokens=20, hidden=32, head_channels=(4, 4)
    ),
)


def model() -> DualEncoder:
    torch.manual_seed(0)
    return DualEncoder(AudioSpec(), SheetSpec(), TINY).train()


def batch() -> PairBatch:
    rng = np.random.default_rng(0)
    return PairBatch(
        audio=torch.from_numpy(rng.random((2, 400, 92), np.float32)),
        sheet=torch.from_numpy(rng.random((3, 80, 400), np.float32)),
        lanes=torch.tensor([[0, 0], [1, 2]]),
        heads=torch.from_numpy(rng.random((4, 80, HEAD_PX), np.float32)),
        head_of=torch.tensor([[0, 0], [1, 2], [3, 3]]),
        begins=torch.tensor([[0.0, torch.inf], [-50.0, 170.0], [20.0, torch.inf]]),
        row=torch.tensor([0, 0, 0, 1, 1, 1]),
        frame=torch.tensor([100.0, 150, 200, 120, 180, 220]),
        column=torch.tensor([80.0, 130, 210, 90, 140, 250]),
        indistinguishable=torch.eye(6, dtype=torch.bool),
        audio_pitches=torch.from_numpy((rng.random((2, 88, 200)) > 0.9).astype(np.float32)),
        sheet_pitches=torch.from_numpy((rng.random((2, 88, 200)) > 0.9).astype(np.float32)),
    )


def gradients(seed: int) -> tuple[float, dict[str, Any]]:
    made, done = model(), []
    loss = add_gradients(made, batch(), 0.7, bf16=False, seed=seed, meanwhile=lambda: done.append(True))
    assert done == [True]
    return float(loss), {name: weight.grad for name, weight in made.named_parameters() if weight.grad is not None}


def test_gradients_are_those_of_the_whole_loss() -> None:
    whole = model()
    whole.audio.reader.drop.seed, whole.sheet.reader.drop.seed = 6, 7
    heard, seen = read_audio(whole, batch()), read_sheet(whole, batch())
    between = contrastive_loss(heard.embeddings, seen.embeddings, whole.log_scale.exp(), batch().indistinguishable)
    loss = between + 0.7 * (heard.pitch_loss + seen.pitch_loss)
    loss.backward()  # type: ignore[no-untyped-call]
    found, got = gradients(3)
    assert found == pytest.approx(float(loss.detach()), rel=1e-5)
    wanted = dict(whole.named_parameters())
    assert got.keys() == wanted.keys()
    for name, gradient in got.items():
        torch.testing.assert_close(gradient, wanted[name].grad, msg=name)


def test_pitches_alone_teach_the_trunks_alone() -> None:
    whole, made, done = model(), model(), []
    loss = read_audio(whole, batch()).pitch_loss + read_sheet(whole, batch()).pitch_loss
    loss.backward()  # type: ignore[no-untyped-call]
    found = add_pitch_gradients(made, batch(), bf16=False, meanwhile=lambda: done.append(True))
    assert done == [True]
    assert float(found) == pytest.approx(float(loss.detach()), rel=1e-5)
    for (name, weight), wanted in zip(made.named_parameters(), whole.parameters(), strict=True):
        assert (weight.grad is None) == ("reader" in name or name == "log_scale")
        if weight.grad is not None:
            torch.testing.assert_close(weight.grad, wanted.grad, msg=name)


def test_the_same_seed_drops_the_same_and_another_does_not() -> None:
    (_, one), (_, again), (_, other) = (gradients(seed) for seed in (1, 1, 2))
    assert all(torch.equal(gradient, again[name]) for name, gradient in one.items())
    assert not torch.equal(one["audio.reader.dense.weight"], other["audio.reader.dense.weight"])


def test_dropout_keeps_the_mean_and_nothing_else_in_training_only() -> None:
    drop, ones = Dropout(0.25), torch.ones(400, 100)
    dropped = drop(ones)
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    assert float(dropped.mean()) == pytest.approx(1, abs=0.02)
    assert torch.equal(drop.eval()(ones), ones)
