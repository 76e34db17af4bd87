import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")
torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from torch import Tensor  # noqa: E402

from earmark.schema import FloatArray  # noqa: E402
from earmark.training.data import augment_sheet  # noqa: E402

ROWS, COLUMNS = 80, 480


def rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def strip(notes: int = 30, seed: int = 0) -> FloatArray:
    """Two staves with heads on them."""
    drawn = np.zeros((ROWS, COLUMNS), np.float32)
    for top in (18, 48):
        drawn[top : top + 15 : 3] = 0.35
    for column, row in zip(np.linspace(8, 470, notes), rng(seed).integers(16, 62, notes), strict=True):
        drawn[row : row + 4, round(column) : round(column) + 4] = 1
    return drawn


def marked(distance: int) -> FloatArray:
    """A block of 4 px about the middle row, ``distance`` columns right of the middle."""
    drawn = np.zeros((ROWS, COLUMNS), np.float32)
    drawn[38:42, 240 + distance - 2 : 240 + distance + 2] = 1
    return drawn


def as_batch(ink: FloatArray) -> Tensor:
    """24 times the same."""
    batch: Tensor = torch.from_numpy(np.stack([ink] * 24))
    return batch


def test_worse_strips_are_reproducible_in_range_and_differ_in_how_bad_they_are() -> None:
    strips = torch.from_numpy(np.stack([strip(seed=seed) for seed in range(24)]))
    scale = np.ones(24, np.float32)
    worse = augment_sheet.augment_sheet(rng(), strips, scale)
    assert (worse.shape, worse.dtype) == (strips.shape, strips.dtype)
    assert 0 <= worse.min() < worse.max() <= 1
    assert torch.equal(worse, augment_sheet.augment_sheet(rng(), strips, scale))
    assert not torch.equal(worse, augment_sheet.augment_sheet(rng(4), strips, scale))
    change = [
        (augment_sheet.augment_sheet(rng(), strips, scale, worst) - strips).abs().mean() for worst in (0.0, 0.3, 1.0)
    ]
    assert change[0] < change[1] < change[2]
    paper = worse.flatten(1).quantile(0.5, dim=1)
    assert (paper < 0.1).sum() > 8
    assert paper.max() > 0.1


@pytest.mark.parametrize("scale", [0.9, 1.0, 1.1])
@pytest.mark.parametrize("distance", [0, 100, -180])
def test_a_mark_moves_as_the_scale_says(scale: float, distance: int) -> None:
    moved = np.mean([augment_sheet.move(rng(seed), marked(distance), scale, 1.0) for seed in range(40)], axis=0)
    column = moved.sum(axis=0)
    centre = (column * (np.arange(COLUMNS) + 0.5)).sum() / column.sum()
    assert centre == pytest.approx(240 + distance * scale, abs=0.3)
    for seed in range(10):
        column = augment_sheet.move(rng(seed), marked(distance), scale, 1.0).sum(axis=0)
        centre = (column * (np.arange(COLUMNS) + 0.5)).sum() / column.sum()
        assert centre == pytest.approx(240 + distance * scale, abs=0.7)


def test_the_whole_chain_leaves_a_bar_line_where_the_scale_says() -> None:
    bar = np.zeros((ROWS, COLUMNS), np.float32)
    bar[15:65, 338:342] = 1
    scale = np.linspace(0.9, 1.1, 24, dtype=np.float32)
    for seed in range(3):
        for seen, s in zip(augment_sheet.augment_sheet(rng(seed), as_batch(bar), scale).numpy(), scale, strict=True):
            near = seen[20:60, 300:400].mean(axis=0)  # the other side of the leaf has its bar line left of the middle
            darker = np.convolve(near, np.ones(5) / 5, "valid")
            assert 62.5 + darker.argmax() == pytest.approx(100 * s, abs=2.5)


def test_no_notes_appear_on_a_blank_strip() -> None:
    blank = np.zeros((ROWS, COLUMNS), np.float32)
    for seed in range(3):
        for seen in augment_sheet.augment_sheet(rng(seed), as_batch(blank), np.ones(24, np.float32)).numpy():
            head = cv2.blur(seen, (5, 5))
            around = cv2.blur(seen, (41, 41))
            assert np.abs(head - around)[20:60].max() < 0.5
            assert np.quantile(head - around, 0.99) < 0.2


def test_every_way_does_next_to_nothing_at_amount_0() -> None:
    ink = strip()
    for way in (augment_sheet.break_lines, augment_sheet.spread, augment_sheet.make_bilevel):
        np.testing.assert_array_equal(way(rng(), ink, 0.0), ink)
    for still in (augment_sheet.defocus, augment_sheet.coarsen, augment_sheet.compress):
        np.testing.assert_array_equal(still(ink, 0.0), ink)
    np.testing.assert_array_equal(augment_sheet.add_neighbours(rng(), ink, strip(seed=1), 0.0), ink)
    np.testing.assert_array_equal(augment_sheet.show_through(ink, strip(seed=1), 0.0), ink)
    np.testing.assert_array_equal(augment_sheet.speckle(rng(), ink, ink, 0.0), ink)


def test_neighbours_come_in_from_above_and_below_only() -> None:
    ink, other = strip(), np.ones((ROWS, COLUMNS), np.float32)
    seen = augment_sheet.add_neighbours(rng(), ink, other, 1.0)
    reach = augment_sheet.REACH_PX
    np.testing.assert_array_equal(seen[reach:-reach], ink[reach:-reach])
    assert seen[0].min() == seen[-1].min() == 1


def test_the_other_side_of_the_leaf_is_mirrored_and_pale() -> None:
    seen = augment_sheet.show_through(np.zeros((ROWS, COLUMNS), np.float32), marked(100), 1.0)
    assert seen[39:41, 139:141].min() == pytest.approx(0.35, abs=0.05)
    assert seen[:, 240:].max() == 0


def test_ways_that_lose_detail_lose_it() -> None:
    ink = strip()
    detail = np.square(np.diff(ink, axis=1)).mean()
    for seen in (augment_sheet.defocus(ink, 1.0), augment_sheet.coarsen(ink, 1.0)):
        assert np.square(np.diff(seen, axis=1)).mean() < 0.7 * detail
        assert seen.mean() == pytest.approx(ink.mean(), rel=0.02)
    assert augment_sheet.break_lines(rng(), ink, 1.0).mean() < 0.9 * ink.mean()


def test_ink_runs_or_does_not_take() -> None:
    ink = strip()
    means = [augment_sheet.spread(rng(seed), ink, 1.0).mean() for seed in range(20)]
    assert min(means) < 0.95 * ink.mean()
    assert max(means) > 1.2 * ink.mean()


def test_black_and_white_leaves_little_grey() -> None:
    grey = np.mean(
        [(np.abs(augment_sheet.make_bilevel(rng(seed), strip(), 1.0) - 0.5) < 0.3).mean() for seed in range(20)]
    )
    assert grey < 0.2


def test_paper_gets_darker_and_ink_stays_darker_than_its_paper() -> None:
    for seed in range(20):
        ink = strip()
        seen = augment_sheet.light(rng(seed), ink, 1.0)
        assert 0 <= seen.min() <= seen.max() <= 1.06
        assert seen[ink == 1].mean() > seen[ink == 0].mean() + 0.1


def test_a_saved_strip_is_what_it_was_but_for_artefacts() -> None:
    ink = strip()
    fine, coarse = (np.abs(augment_sheet.compress(ink, amount) - ink).mean() for amount in (0.1, 1.0))
    assert 0 < fine < coarse < 0.1
