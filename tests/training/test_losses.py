import math

import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.training.losses import contrastive_loss, pitch_loss  # noqa: E402


def test_contrastive_loss_of_orthogonal_pairs_has_its_closed_form() -> None:
    unit = torch.eye(4)
    scale = torch.tensor(2.0)
    expected = -2 + math.log(math.exp(2) + 3)
    assert contrastive_loss(unit, unit, scale, torch.arange(4)).item() == pytest.approx(expected, abs=1e-6)


def test_pairs_of_equal_content_are_no_negatives_of_each_other() -> None:
    unit = torch.eye(4)
    content = torch.tensor([7, 7, 7, 7])
    assert contrastive_loss(unit, unit, torch.tensor(2.0), content).item() == pytest.approx(0, abs=1e-6)


def test_contrastive_loss_is_the_same_in_both_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.nn.functional.normalize(torch.randn(6, 5, generator=generator)) for _ in range(2))
    forth = contrastive_loss(one, other, torch.tensor(5.0), torch.arange(6))
    back = contrastive_loss(other, one, torch.tensor(5.0), torch.arange(6))
    assert forth.item() == pytest.approx(back.item())


def test_pitch_loss_sums_over_pitches_and_averages_over_tokens() -> None:
    logits, labels = torch.zeros(2, 88, 10), torch.zeros(2, 88, 10)
    assert pitch_loss(logits, labels).item() == pytest.approx(88 * math.log(2), rel=1e-6)
