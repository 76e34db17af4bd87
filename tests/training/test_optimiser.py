from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from torch import nn  # noqa: E402

from earmark.training.optimiser import Optimiser  # noqa: E402

RATE = 0.01


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(6, 8, 3)
        self.project = nn.Linear(8, 4)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def stepped(muon: bool, layout: Any, weight_decay: float = 0.0) -> tuple[Net, Net]:
    """A network before and after one step along gradients that lie in memory in some order."""
    torch.manual_seed(1)
    before, after = Net(), Net()
    after.load_state_dict(before.state_dict())
    optimiser = Optimiser(after, weight_decay, muon)
    for weight in after.parameters():
        gradient = torch.randn(weight.shape)
        weight.grad = gradient.contiguous(memory_format=layout) if weight.ndim == 4 else gradient
    optimiser.step(RATE)
    assert all(weight.grad is None for weight in after.parameters())
    return before, after


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_muon_moves_a_convolution_by_as_much_in_every_direction(layout: Any) -> None:
    before, after = stepped(True, layout)
    moved = (after.conv.weight - before.conv.weight).detach().flatten(1)
    assert torch.linalg.matrix_rank(moved) == 8
    in_all_directions = torch.linalg.svdvals(moved) / (RATE * 0.2 * (6 * 9) ** 0.5)
    assert in_all_directions.min() > 0.6
    assert in_all_directions.max() < 1.3


def test_where_a_gradient_lies_in_memory_does_not_matter() -> None:
    one, other = (stepped(True, layout)[1] for layout in (torch.channels_last, torch.contiguous_format))
    assert torch.equal(one.conv.weight, other.conv.weight)


def test_last_layers_and_vectors_follow_adamw() -> None:
    """Whose first step is the gradient's sign times the rate; only matrices decay."""
    before, after = stepped(True, torch.channels_last, weight_decay=0.5)
    for name in ("project.bias", "conv.bias"):
        moved = after.get_parameter(name) - before.get_parameter(name)
        torch.testing.assert_close(moved.abs(), torch.full_like(moved, RATE))
    moved = after.project.weight - before.project.weight * (1 - 0.5 * RATE)
    torch.testing.assert_close(moved.abs(), torch.full_like(moved, RATE))


def test_without_muon_every_weight_follows_adamw() -> None:
    before, after = stepped(False, torch.channels_last)
    for name, weight in after.named_parameters():
        moved = weight - before.get_parameter(name)
        torch.testing.assert_close(moved.abs(), torch.full_like(moved, RATE))
