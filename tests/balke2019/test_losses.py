import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.balke2019.losses import LOSSES, CrossEntropyLoss, RankingLoss  # noqa: E402


def test_the_ranking_loss_by_hand() -> None:
    """Each snippet against the other audio windows: six wrong pairs, of which three are nearer than the margin."""
    audio = torch.eye(3)
    sheet = torch.tensor([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 1.0, 0.0]])
    # s(i, i) = 1, 0.8, 0; hinges: 0, 0 | 0.7 - 0.8 + 0.6, 0 | 0.7 - 0 + 0, 0.7 - 0 + 1
    assert RankingLoss(0.7)(audio, sheet).item() == pytest.approx((0.5 + 0.7 + 1.7) / 6)


def test_the_ranking_loss_has_one_direction() -> None:
    audio = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    sheet = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    assert RankingLoss()(audio, sheet).item() == pytest.approx((0 + 0.7 - 0.6 + 0.8) / 2)
    assert RankingLoss()(sheet, audio).item() == pytest.approx((0.7 - 1 + 0.8 + 0.7 - 0.6) / 2)


def test_the_cross_entropy_learns_its_temperature() -> None:
    loss = CrossEntropyLoss()
    near = torch.nn.functional.normalize(torch.eye(4) + 0.6, dim=1)
    loss(near, near).backward()
    assert loss.log_scale.grad is not None
    assert loss.log_scale.grad < 0  # all right: surer is better
    assert set(LOSSES) == {"ranking", "cross-entropy"}
