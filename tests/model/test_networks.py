"""What the search relies on: strict windows, equal results in pieces, unit embeddings, attention that sums to one."""

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from torch import Tensor  # noqa: E402

from earmark.model.networks import DualEncoder, Encoder, SheetEncoder, pool_lanes  # noqa: E402
from earmark.model.size import EncoderSize, NetworkConfig  # noqa: E402
from earmark.schema import HEAD_PX, AudioSpec, SheetSpec  # noqa: E402

AUDIO, SHEET = AudioSpec(), SheetSpec()
HALF = {"audio": AUDIO.window_frames // 2, "sheet": SHEET.window_px // 2}


@pytest.fixture(scope="module")
def encoders() -> DualEncoder:
    torch.manual_seed(0)
    sizes = NetworkConfig()
    grown = replace(sizes, sheet=replace(sizes.sheet, vertical_layers=(2,)))
    model = DualEncoder(AUDIO, SHEET, grown)
    for module in model.modules():  # statistics as after training, not the identity
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return model.eval()


def example(side: str, length: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (length, AUDIO.bands) if side == "audio" else (2, SHEET.strip_height_px, length)
    values: Tensor = torch.rand(shape, generator=generator)
    return values


def cut(encoder: Encoder, x: Tensor, start: int, stop: int) -> Tensor:
    part: Tensor = x.narrow(2 if isinstance(encoder, SheetEncoder) else 0, start, stop - start)
    return part


def mean_of_readings(encoder: Encoder, views: Iterable[Tensor], centres: Tensor) -> Tensor:
    """Each view read alone, one column further on than the one before."""
    rows = torch.zeros_like(centres).long()
    readings = []
    for further, view in enumerate(views):
        lanes = view if isinstance(encoder, SheetEncoder) else view[None]
        tokens = encoder.tokens(lanes).amax(dim=0, keepdim=True)
        readings.append(encoder.reader(tokens, rows, centres + further)[0])
    mean: Tensor = torch.nn.functional.normalize(torch.stack(readings).sum(0), dim=1)
    return mean


@pytest.mark.parametrize("side", ["audio", "sheet"])
@torch.no_grad()  # type: ignore[untyped-decorator]
def test_an_embedding_depends_on_its_window_and_on_nothing_else(encoders: DualEncoder, side: str) -> None:
    encoder: Encoder = getattr(encoders, side)
    half = HALF[side]
    x, centre = example(side, 800), 400
    other = 1 - x
    cut(encoder, other, centre - half, centre + half).copy_(cut(encoder, x, centre - half, centre + half))
    at = torch.tensor([float(centre)])
    assert torch.allclose(encoder(x, at)[0], encoder(other, at)[0], atol=1e-6)
    cut(encoder, other, centre - half + 6, centre + half - 6).zero_()
    assert not torch.allclose(encoder(x, at)[0], encoder(other, at)[0], atol=1e-3)


@pytest.mark.parametrize("side", ["audio", "sheet"])
@torch.no_grad()  # type: ignore[untyped-decorator]
def test_a_window_cut_out_gives_what_the_whole_gives(encoders: DualEncoder, side: str) -> None:
    encoder: Encoder = getattr(encoders, side)
    half = HALF[side]
    x = example(side, 800)
    centres = torch.tensor([400.0, 402.0, 500.0])
    whole = encoder(x, centres)[0]
    alone = torch.cat(
        [encoder(cut(encoder, x, int(c) - half, int(c) + half), torch.tensor([float(half)]))[0] for c in centres]
    )
    assert torch.allclose(whole, alone, atol=1e-5)


@pytest.mark.parametrize("side", ["audio", "sheet"])
@torch.no_grad()  # type: ignore[untyped-decorator]
def test_embeddings_are_unit_vectors_and_attention_sums_to_one(encoders: DualEncoder, side: str) -> None:
    encoder: Encoder = getattr(encoders, side)
    embeddings, attention = encoder(example(side, 600), torch.linspace(100, 500, 9))
    assert embeddings.shape == (9, encoders.config.dimension)
    assert torch.allclose(embeddings.norm(dim=1), torch.ones(9), atol=1e-5)
    assert torch.allclose(attention.sum(1), torch.ones(9), atol=1e-5)


@torch.no_grad()  # type: ignore[untyped-decorator]
def test_sound_is_read_as_it_is_and_compressed_a_frame_further_on(encoders: DualEncoder) -> None:
    magnitude = torch.zeros(300, AUDIO.bands)
    magnitude[150, 10], magnitude[150, 20] = 0.32, 3.2
    x, centres = torch.log10(1 + magnitude), torch.tensor([150.0])
    views = encoders.audio.two_views(x)
    plain, compressed = 10**views - 1
    assert torch.allclose(plain[:-1], magnitude, atol=1e-5)
    assert not plain[-1].any()
    assert not compressed[0].any()
    assert torch.allclose(compressed[151, 20] / compressed[151, 10], torch.tensor(10**0.8), rtol=1e-4)
    assert torch.equal(compressed[1:] > 0, magnitude > 0)
    assert torch.allclose(encoders.audio(x, centres)[0], mean_of_readings(encoders.audio, views, centres), atol=1e-5)


@torch.no_grad()  # type: ignore[untyped-decorator]
def test_a_strip_is_read_half_a_row_lower_and_half_a_row_higher(encoders: DualEncoder) -> None:
    x, centres = torch.zeros(1, SHEET.strip_height_px, 300), torch.tensor([150.0])
    x[0, 40, 120:180] = 1
    lower, higher = encoders.sheet.two_views(x)
    assert lower[0, :, 150].nonzero().flatten().tolist() == [40, 41]
    assert higher[0, :, 151].nonzero().flatten().tolist() == [39, 40]
    mean = mean_of_readings(encoders.sheet, (lower, higher), centres)
    assert torch.allclose(encoders.sheet(x, centres)[0], mean, atol=1e-5)


@torch.no_grad()  # type: ignore[untyped-decorator]
def test_lanes_are_read_together(encoders: DualEncoder) -> None:
    """Their order does not count, nor how often one is there; each of them does."""
    x, centres = example("sheet", 300), torch.tensor([120.0, 150.5])
    both, _ = encoders.sheet(x, centres)
    for same in (x.flip(0), x[[0, 1, 1]]):
        assert torch.allclose(encoders.sheet(same, centres)[0], both, atol=1e-6)
    for alone in (x[:1], x[1:]):
        assert (encoders.sheet(alone, centres)[0] - both).abs().max() > 1e-5
    tokens = encoders.sheet.tokens(x)
    pooled = pool_lanes(tokens, torch.tensor([[0, 1], [1, 1]]))
    assert torch.equal(pooled, torch.stack([torch.maximum(tokens[0], tokens[1]), tokens[1]]))


@torch.no_grad()  # type: ignore[untyped-decorator]
def test_a_head_is_read_for_the_notes_of_its_own_system_and_lane(encoders: DualEncoder) -> None:
    plain, reading = encoders.sheet, with_heads(encoders)
    x, centres, begins = example("sheet", 900), torch.linspace(60, 840, 40), torch.tensor([0, 300, 600])
    heads = torch.rand(3, 2, SHEET.strip_height_px, HEAD_PX, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(reading(x, centres, heads, begins)[0], plain(x, centres)[0], atol=1e-6)
    assert reading.heads is not None
    torch.nn.init.normal_(reading.heads.say.weight, std=0.1, generator=torch.Generator().manual_seed(3))
    said, _ = reading(x, centres, heads, begins)
    other = heads.clone()
    other[1, 0] = 1 - other[1, 0]
    changed = (reading(x, centres, other, begins)[0] - said).abs().amax(dim=1) > 1e-6
    half = HALF["sheet"]
    assert changed[(centres > 300) & (centres < 600)].all()
    assert not changed[(centres < 300 - half) | (centres > 600 + half)].any()
    swapped, _ = reading(x.flip(0), centres, heads.flip(1), begins)
    assert torch.allclose(swapped, said, atol=1e-6)
    assert not torch.allclose(reading(x.flip(0), centres, heads, begins)[0], said, atol=1e-4)


@torch.no_grad()  # type: ignore[untyped-decorator]
def test_what_lies_before_the_first_system_belongs_to_it(encoders: DualEncoder) -> None:
    """As do stretches of a strip that begin within a system, and strips that have one."""
    reading, x, centres = with_heads(encoders), example("sheet", 400), torch.linspace(60, 340, 9)
    assert reading.heads is not None
    torch.nn.init.normal_(reading.heads.say.weight, std=0.1, generator=torch.Generator().manual_seed(3))
    heads = torch.rand(1, 2, SHEET.strip_height_px, HEAD_PX, generator=torch.Generator().manual_seed(2))
    before, at, after = (reading(x, centres, heads, torch.tensor([begin]))[0] for begin in (-500, 0, 200))
    assert torch.equal(before, at)
    assert torch.equal(before, after)


def with_heads(encoders: DualEncoder) -> SheetEncoder:
    """The same sheet encoder, grown by one that reads heads."""
    torch.manual_seed(0)
    config = encoders.config
    grown = SheetEncoder(SHEET, replace(config, sheet=replace(config.sheet, head_channels=(4, 8))))
    missing, _ = grown.load_state_dict(encoders.sheet.state_dict(), strict=False)
    assert {name.split(".")[0] for name in missing} == {"heads"}
    return grown.eval()


def test_a_config_survives_its_dictionary() -> None:
    sheet = EncoderSize(
        layer_channels=(4, 8, 8),
        token_channels=16,
        window_tokens=20,
        hidden=32,
        vertical_layers=(1, 2),
        head_channels=(4, 8),
    )
    config = NetworkConfig(dimension=32, sheet=sheet)
    assert NetworkConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(TypeError):
        NetworkConfig.from_dict({"dimensions": 3})
