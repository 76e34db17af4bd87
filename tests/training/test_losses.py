import math

import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.training.losses import contrastive_loss, pitch_loss  # noqa: E402

OWN = torch.eye(4, dtype=torch.bool)


def test_contrastive_loss_of_orthogonal_pairs_has_its_closed_form() -> None:
    unit = torch.eye(4)
    scale = torch.tensor(2.0)
    expected = -2 + math.log(math.exp(2) + 3)
    assert contrastive_loss(unit, unit, scale, OWN).item() == pytest.approx(expected, abs=1e-6)


def test_pairs_that_cannot_be_told_apart_are_no_negatives_of_each_other() -> None:
    unit = torch.eye(4)
    same = torch.ones(4, 4, dtype=torch.bool)
    assert contrastive_loss(unit, unit, torch.tensor(2.0), same).item() == pytest.approx(0, abs=1e-6)
    same[0, 1] = False  # now the first has a negative, and so has the second the other way round
    expected = 2 / 4 / 2 * (-2 + math.log(math.exp(2) + 1))
    assert contrastive_loss(unit, unit, torch.tensor(2.0), same).item() == pytest.approx(expected, abs=1e-6)


def test_contrastive_loss_is_the_same_in_both_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.nn.functional.normalize(torch.randn(6, 5, generator=generator)) for _ in range(2))
    forth = contrastive_loss(one, other, torch.tensor(5.0), torch.eye(6, dtype=torch.bool))
    back = contrastive_loss(other, one, torch.tensor(5.0), torch.eye(6, dtype=torch.bool))
    assert forth.item() == pytest.approx(back.item())


def test_pitch_loss_sums_over_pitches_and_averages_over_tokens() -> None:
    logits, labels = torch.zeros(2, 88, 10), torch.zeros(2, 88, 10)
    assert pitch_loss(logits, labels).item() == pytest.approx(88 * math.log(2), rel=1e-6)
