"""Exported weights taken up for more training compute what they did, and nothing else is taken for them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from earmark.errors import Mismatch
from earmark.library.library import DEFAULT_MODEL
from earmark.model.encoders import find, load
from earmark.model.networks import DualEncoder, EncoderSize, NetworkConfig
from earmark.schema import HEAD_PX, AudioSpec, SheetSpec
from earmark.training.data.batches import PairBatch
from earmark.training.from_onnx import continue_training
from tests.ink import one_system

SHIPPED = NetworkConfig.from_dict(load(DEFAULT_MODEL).training["experiment"]["network"])


@pytest.fixture(scope="module")
def batch() -> PairBatch:
    return noise(0)


def noise(seed: int) -> PairBatch:
    rng = np.random.default_rng(seed)
    row = np.repeat([0, 1], 6)
    return PairBatch(
        audio=torch.from_numpy(rng.random((2, 400, AudioSpec().bands), np.float32)),
        sheet=torch.from_numpy((rng.random((2, SheetSpec().strip_height_px, 400)) > 0.7).astype(np.float32)),
        lanes=torch.arange(2)[:, None],
        heads=torch.zeros(2, SheetSpec().strip_height_px, HEAD_PX),
        head_of=torch.arange(2)[:, None],
        begins=torch.zeros(2, 1),
        row=torch.from_numpy(row),
        frame=torch.from_numpy(rng.uniform(90, 310, 12).astype(np.float32)),
        column=torch.from_numpy(rng.uniform(60, 340, 12).astype(np.float32)),
        indistinguishable=torch.eye(12, dtype=torch.bool),
        audio_pitches=torch.zeros(2, 88, 200),
        sheet_pitches=torch.zeros(2, 88, 200),
    )


def test_training_goes_on_from_what_the_weights_compute(batch: PairBatch) -> None:
    model, exported = DualEncoder(AudioSpec(), SheetSpec(), SHIPPED), load(DEFAULT_MODEL)
    continue_training(model, find(DEFAULT_MODEL), [batch])
    for encoder, inputs, centres, embed in (
        (model.audio, batch.audio, batch.frame, exported.embed_audio),
        (model.sheet, batch.sheet, batch.column, lambda strip, at: exported.embed_strip(one_system(strip), at)),
    ):
        encoder.reader.drop.share = 0.0
        with torch.no_grad():
            once, in_training = (
                encoder.train(mode).reader(encoder.tokens(inputs), batch.row, centres)[0] for mode in (False, True)
            )
            first = inputs[:1] if encoder is model.sheet else inputs[0]
            twice, _ = encoder.eval()(first, centres[:6])
        wanted, _ = embed(first.numpy(), centres[:6].numpy().astype(np.float64))
        assert (twice.numpy() * wanted).sum(axis=1).min() > 0.999
        assert (once * in_training).sum(dim=1).min() > 0.999


def test_statistics_of_several_batches_serve_all_of_them(batch: PairBatch) -> None:
    """The encoders compute what the weights do, of whatever batch; they are all noise, so no temperature fits."""
    model, exported = DualEncoder(AudioSpec(), SheetSpec(), SHIPPED), load(DEFAULT_MODEL)
    continue_training(model, find(DEFAULT_MODEL), [batch, *map(noise, range(1, 4))])
    for encoder, inputs, centres, embed in (
        (model.audio, batch.audio, batch.frame, exported.embed_audio),
        (model.sheet, batch.sheet, batch.column, lambda strip, at: exported.embed_strip(one_system(strip), at)),
    ):
        first = inputs[:1] if encoder is model.sheet else inputs[0]
        wanted, _ = embed(first.numpy(), centres[:6].numpy().astype(np.float64))
        encoder.eval()
        with torch.no_grad():
            got, _ = encoder(first, centres[:6])
        assert (got.numpy() * wanted).sum(axis=1).min() > 0.9999
    assert model.log_scale.item() == 0


def test_a_network_that_has_grown_begins_about_where_the_smaller_one_was(batch: PairBatch) -> None:
    vertical = (1, *SHIPPED.sheet.vertical_layers)
    grown = replace(SHIPPED, sheet=replace(SHIPPED.sheet, vertical_layers=vertical, window_dilations=(2,)))
    model, exported = DualEncoder(AudioSpec(), SheetSpec(), grown), load(DEFAULT_MODEL)
    continue_training(model, find(DEFAULT_MODEL), [batch])
    model.sheet.train()
    model.sheet.reader.drop.share = 0.0
    with torch.no_grad():
        got, _ = model.sheet.reader(model.sheet.tokens(batch.sheet), batch.row, batch.column)
    wanted, _ = exported.embed_strip(one_system(batch.sheet[:1].numpy()), batch.column[:6].numpy().astype(np.float64))
    assert 0.8 < (got[:6].numpy() * wanted).sum(axis=1).mean() < 0.9999


def test_weights_of_another_network_are_refused(batch: PairBatch) -> None:
    small = EncoderSize(layer_channels=(8, 8, 8, 8), token_channels=16, window_tokens=50, hidden=32)
    model = DualEncoder(AudioSpec(), SheetSpec(), replace(SHIPPED, audio=small))
    with pytest.raises(Mismatch, match="not as this network has it"):
        continue_training(model, find(DEFAULT_MODEL), [batch])


def test_networks_that_read_heads_begin_from_nothing(batch: PairBatch) -> None:
    model = DualEncoder(AudioSpec(), SheetSpec(), replace(SHIPPED, sheet=replace(SHIPPED.sheet, head_channels=(4,))))
    with pytest.raises(Mismatch, match="train it without `start`"):
        continue_training(model, find(DEFAULT_MODEL), [batch])
