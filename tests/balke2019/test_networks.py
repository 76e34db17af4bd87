"""Table 1: sizes, what the towers compute, what the attention does."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from torch import nn  # noqa: E402

from earmark.balke2019.cca import CCALayer, LinearProjection  # noqa: E402
from earmark.balke2019.networks import CHANNELS, ROWS, Attention, Network, Pathway, block, tower  # noqa: E402
from earmark.schema import AudioSpec, SheetSpec  # noqa: E402

AUDIO, SHEET = AudioSpec(), SheetSpec()


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def tower_parameters() -> int:
    """By Table 1: four times two 3 x 3 convolutions without bias, each with a normalisation's scale and shift."""
    count, before = 0, 1
    for channels in CHANNELS:
        count += 9 * before * channels + 2 * channels + 9 * channels * channels + 2 * channels
        before = channels
    return count


def expected_parameters(name: str) -> int:
    row, tower = ROWS[name], tower_parameters()
    if not row.dense:
        return 2 * (tower + 96 * 32 + 2 * 32)
    audio = tower + 96 * 32 + 2 * 32 + 32 * (92 // 16) * (row.context // 16) * 32 + 32
    sheet = tower + 96 * 32 + 32 + 32 * (80 // 16) * (100 // 16) * 32 + 32
    attention = tower + 96 * row.context + row.context if row.attention else 0
    return audio + sheet + attention


def test_the_rows_are_the_papers() -> None:
    assert list(ROWS) == ["bl1-sc", "bl2-sc", "bl2-mc", "bl2-lc", "bl2-sc-at", "bl2-mc-at", "bl2-lc-at"]
    assert [row.context for row in ROWS.values()] == [42, 42, 84, 168, 42, 84, 168]


def test_parameter_counts() -> None:
    assert tower_parameters() == 327_864
    counts = {name: parameters(Network(row, AUDIO, SHEET)) for name, row in ROWS.items()}
    assert counts == {name: expected_parameters(name) for name in ROWS}
    assert counts["bl1-sc"] == 662_000
    assert counts["bl2-lc-at"] == 1_088_112


def test_a_block_is_convolution_normalisation_elu() -> None:
    """By hand: a 3 x 3 mean filter over a single 1, normalised with mean 1/18 and variance 1/4, then ELU."""
    made = block(1, 1, 3).eval()
    convolution, normalisation, _ = made
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(normalisation, nn.BatchNorm2d)
    nn.init.constant_(convolution.weight, 1 / 9)
    normalisation.running_mean = torch.tensor([1 / 18])
    normalisation.running_var = torch.tensor([0.25 - normalisation.eps])
    image = torch.zeros(1, 1, 4, 4)
    image[0, 0, 0, 0] = 1
    near, far = (1 / 9 - 1 / 18) / 0.5, np.expm1(-1 / 18 / 0.5)
    expected = torch.full((4, 4), float(far))
    expected[:2, :2] = near
    with torch.no_grad():
        assert torch.allclose(made(image)[0, 0], expected, atol=1e-6)


def averaging(module: nn.Module) -> None:
    """Every convolution takes the middle pixel's mean over its inputs, every normalisation lets pass."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.zeros_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
            middle = part.kernel_size[0] // 2
            with torch.no_grad():
                part.weight[:, :, middle, middle] = 1 / part.in_channels
        elif isinstance(part, nn.BatchNorm2d):
            part.running_var = torch.full_like(part.running_var, 1 - part.eps)


@torch.no_grad()  # type: ignore[untyped-decorator]
def test_the_towers_of_bl1_and_bl2_by_hand() -> None:
    """With identity filters a tower is four 2 x 2 maximum poolings; BL1 averages them, BL2 weighs each place."""
    image = torch.zeros(1, 1, 37, 50)
    image[0, 0, 5, 20], image[0, 0, 30, 47] = 0.8, 0.4  # the latter in a place: 30 // 16 = 1, 47 // 16 = 2
    plain = tower().eval()
    averaging(plain)
    found = plain(image)
    assert found.shape == (1, 96, 2, 3)
    expected = torch.zeros(2, 3)
    expected[0, 1], expected[1, 2] = 0.8, 0.4
    assert torch.allclose(found[0], expected.expand(96, 2, 3), atol=1e-6)
    bl1 = Pathway(37, 50, dense=False, normalised=True, dimension=32).eval()
    averaging(bl1)
    assert torch.allclose(bl1(image), torch.full((1, 32), (0.8 + 0.4) / 6), atol=1e-6)
    bl2 = Pathway(37, 50, dense=True, normalised=False, dimension=32).eval()
    averaging(bl2)
    assert bl2.dense is not None
    nn.init.zeros_(bl2.dense.weight)
    bl2.dense.weight[0, 7 * 6 + 1] = 2.0  # map 7, place (0, 1)
    bl2.dense.weight[1, 5] = -1.0  # map 0, place (1, 2)
    nn.init.constant_(bl2.dense.bias, 0.5)
    expected = torch.full((1, 32), 0.5)
    expected[0, :2] += torch.tensor([2 * 0.8, -0.4])
    assert torch.allclose(bl2(image), expected, atol=1e-6)


@torch.no_grad()  # type: ignore[untyped-decorator]
def test_attention_sums_to_one_and_weighs_the_frames() -> None:
    torch.manual_seed(0)
    network = Network(ROWS["bl2-sc-at"], AUDIO, SHEET).eval()
    windows = torch.rand(3, 42, 92)
    view, attention = network.view_audio(windows)
    assert attention.shape == (3, 42)
    assert torch.allclose(attention.sum(dim=1), torch.ones(3), atol=1e-5)
    weighed = windows * (attention * 42)[:, :, None]
    plain = network.audio(weighed.transpose(1, 2)[:, None])
    assert torch.allclose(view, plain, atol=1e-5)
    assert isinstance(network.attention, Attention)
    nn.init.zeros_(network.attention.linear.weight)
    nn.init.zeros_(network.attention.linear.bias)  # type: ignore[arg-type]
    even_view, even = network.view_audio(windows)
    assert torch.allclose(even, torch.full((3, 42), 1 / 42))
    assert torch.allclose(even_view, network.audio(windows.transpose(1, 2)[:, None]), atol=1e-5)


@pytest.mark.parametrize("name", ["bl1-sc", "bl2-mc", "bl2-mc-at"])
def test_embeddings_of_audio_and_sheet_music_are_unit_vectors(name: str) -> None:
    torch.manual_seed(0)
    network = Network(ROWS[name], AUDIO, SHEET, dimension=8)
    windows, snippets = torch.rand(12, ROWS[name].context, 92), torch.rand(12, 80, 100)
    for found in (*network.project(*network.train()(windows, snippets)), network.eval().embed_audio(windows)[0]):
        assert found.shape == (12, 8)
        assert torch.allclose(found.norm(dim=1), torch.ones(12), atol=1e-5)
    assert network.embed_sheet(snippets).shape == (12, 8)


def test_the_embedding_layer_is_chosen() -> None:
    made = [
        Network(ROWS["bl1-sc"], AUDIO, SHEET, projection=kind, dimension=64).projection for kind in ("cca", "linear")
    ]
    assert [type(layer) for layer in made] == [CCALayer, LinearProjection]
    assert parameters(made[0]) == 0
    assert parameters(made[1]) == 2 * (64 * 64 + 64)
