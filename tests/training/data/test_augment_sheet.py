import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")
torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from torch import Tensor  # noqa: E402

from earmark.schema import FloatArray  # noqa: E402
from earmark.training.data import augment_sheet  # noqa: E402
from earmark.training.data.chances import Chances  # noqa: E402

ROWS, COLUMNS = 80, 480
CENTRES = torch.arange(COLUMNS) + 0.5


def chance(seed: int = 3) -> Chances:
    return Chances(np.random.default_rng(seed))


def strip(notes: int = 30, seed: int = 0) -> FloatArray:
    """Two staves with heads on them."""
    drawn = np.zeros((ROWS, COLUMNS), np.float32)
    for top in (18, 48):
        drawn[top : top + 15 : 3] = 0.35
    places = np.random.default_rng(seed).integers(16, 62, notes)
    for column, row in zip(np.linspace(8, 470, notes), places, strict=True):
        drawn[row : row + 4, round(column) : round(column) + 4] = 1
    return drawn


def marked(distance: int) -> FloatArray:
    """A block of 4 px about the middle row, ``distance`` columns right of the middle."""
    drawn = np.zeros((ROWS, COLUMNS), np.float32)
    drawn[38:42, 240 + distance - 2 : 240 + distance + 2] = 1
    return drawn


def batch(ink: FloatArray, count: int = 24) -> Tensor:
    """Many times the same."""
    many: Tensor = torch.from_numpy(np.stack([ink] * count))
    return many


def amounts(amount: float, count: int = 24) -> Tensor:
    every: Tensor = torch.full((count, 1, 1), amount)
    return every


def test_worse_strips_are_reproducible_in_range_and_differ_in_how_bad_they_are() -> None:
    strips = torch.from_numpy(np.stack([strip(seed=seed) for seed in range(24)]))
    scale = torch.ones(24)
    worse = augment_sheet.augment_sheet(chance(), strips, scale)
    assert (worse.shape, worse.dtype) == (strips.shape, strips.dtype)
    assert 0 <= worse.min() < worse.max() <= 1
    assert torch.equal(worse, augment_sheet.augment_sheet(chance(), strips, scale))
    assert not torch.equal(worse, augment_sheet.augment_sheet(chance(4), strips, scale))
    change = [
        (augment_sheet.augment_sheet(chance(), strips, scale, worst) - strips).abs().mean() for worst in (0.0, 0.3, 1.0)
    ]
    assert change[0] < change[1] < change[2]
    paper = worse.flatten(1).quantile(0.5, dim=1)
    assert (paper < 0.1).sum() > 8
    assert paper.max() > 0.1


@pytest.mark.parametrize("scale", [0.9, 1.0, 1.1])
@pytest.mark.parametrize("distance", [0, 100, -180])
def test_a_mark_moves_as_the_scale_says(scale: float, distance: int) -> None:
    moved = augment_sheet.move(chance(), batch(marked(distance), 40), torch.full((40,), scale), amounts(1.0, 40))
    column = moved.sum(dim=1)
    centre = (column * CENTRES).sum(dim=1) / column.sum(dim=1)
    assert centre.mean().item() == pytest.approx(240 + distance * scale, abs=0.3)
    assert (centre - (240 + distance * scale)).abs().max() < 0.7


def test_the_whole_chain_leaves_a_bar_line_where_the_scale_says() -> None:
    bar = np.zeros((ROWS, COLUMNS), np.float32)
    bar[15:65, 338:342] = 1
    scale = torch.linspace(0.9, 1.1, 24)
    for seed in range(3):
        for seen, s in zip(augment_sheet.augment_sheet(chance(seed), batch(bar), scale).numpy(), scale, strict=True):
            near = seen[20:60, 300:400].mean(axis=0)  # the other side of the leaf has its bar line left of the middle
            darker = np.convolve(near, np.ones(5) / 5, "valid")
            assert 62.5 + darker.argmax() == pytest.approx(100 * s.item(), abs=2.5)


def test_no_notes_appear_on_a_blank_strip() -> None:
    blank = np.zeros((ROWS, COLUMNS), np.float32)
    for seed in range(3):
        for seen in augment_sheet.augment_sheet(chance(seed), batch(blank), torch.ones(24)).numpy():
            head = cv2.blur(seen, (5, 5))
            around = cv2.blur(seen, (41, 41))
            assert np.abs(head - around)[20:60].max() < 0.5
            assert np.quantile(head - around, 0.99) < 0.2


def test_ways_do_nothing_at_amount_0() -> None:
    ink, none = batch(strip(), 4), amounts(0.0, 4)
    other = batch(strip(seed=1), 4)
    assert torch.equal(augment_sheet.break_lines(chance(), ink, none), ink)
    assert torch.equal(augment_sheet.spread(chance(), ink, none), ink)
    assert torch.equal(augment_sheet.add_neighbours(chance(), ink, none, other), ink)
    assert torch.allclose(augment_sheet.show_through(chance(), ink, none, other), ink, atol=1e-6)
    assert torch.allclose(augment_sheet.coarsen(chance(), ink, none), ink, atol=1e-3)
    assert torch.allclose(augment_sheet.defocus(chance(), ink, none), ink, atol=1e-4)


def test_neighbours_come_in_from_above_and_below_only() -> None:
    ink = batch(strip())
    seen = augment_sheet.add_neighbours(chance(), ink, amounts(1.0), torch.ones_like(ink))
    reach = augment_sheet.REACH_PX
    assert torch.equal(seen[:, reach:-reach], ink[:, reach:-reach])
    assert seen[:, [0, -1]].min() == 1


def test_what_comes_in_is_cut_where_the_staves_of_the_neighbour_end() -> None:
    """Against the same, strip by strip: from below comes what lies below the staves, upside up."""
    rng = np.random.default_rng(0)
    ink, other = (torch.from_numpy(rng.random((3, ROWS, 8), np.float32)) for _ in range(2))
    drawn = chance()
    above, below = (
        torch.round(augment_sheet.REACH_PX * drawn.uniform(0.3, 1, 3, 1, 1)).int().flatten().tolist() for _ in range(2)
    )
    ends = (ROWS - drawn.below(25, 3, 1, 1)).flatten().tolist()
    seen = augment_sheet.add_neighbours(chance(), ink, amounts(1.0, 3), other)
    for i, (up, down, end) in enumerate(zip(above, below, ends, strict=True)):
        slow = ink[i].clone()
        slow[:up] = torch.maximum(slow[:up], other[i, end - up : end])
        slow[-down:] = torch.maximum(slow[-down:], other[i, ROWS - end :][:down])
        assert torch.equal(seen[i], slow)


def test_the_other_side_of_the_leaf_is_mirrored_and_pale() -> None:
    blank = torch.zeros(1, ROWS, COLUMNS)
    seen = augment_sheet.show_through(chance(), blank, amounts(1.0, 1), batch(marked(100), 1))[0]
    assert seen[39:41, 139:141].min().item() == pytest.approx(0.35, abs=0.05)
    assert seen[:, 240:].max() == pytest.approx(0, abs=1e-6)


def test_defocus_is_a_gaussian() -> None:
    ink = strip()
    seen = augment_sheet.defocus(chance(), batch(ink, 1), amounts(0.9, 1))[0].numpy()
    np.testing.assert_allclose(seen, cv2.GaussianBlur(ink, (7, 7), 0.9, borderType=cv2.BORDER_REPLICATE), atol=1e-5)


def test_ways_that_lose_detail_lose_it() -> None:
    ink = strip()
    detail = np.square(np.diff(ink, axis=1)).mean()
    for way in (augment_sheet.defocus, augment_sheet.coarsen):
        seen = way(chance(), batch(ink, 1), amounts(1.0, 1))[0].numpy()
        assert np.square(np.diff(seen, axis=1)).mean() < 0.7 * detail
        assert seen.mean() == pytest.approx(ink.mean(), rel=0.02)
    assert augment_sheet.break_lines(chance(), batch(ink), amounts(1.0)).mean() < 0.9 * ink.mean()


def test_ink_runs_or_does_not_take() -> None:
    ink = strip()
    means = augment_sheet.spread(chance(), batch(ink), amounts(1.0)).mean(dim=(1, 2))
    assert means.min() < 0.95 * ink.mean()
    assert means.max() > 1.2 * ink.mean()


def test_speckles_are_few_and_of_up_to_two_px() -> None:
    grey = torch.full((24, ROWS, COLUMNS), 0.4)
    seen = augment_sheet.speckle(chance(), grey, amounts(1.0)) != 0.4
    assert 0.005 < seen.float().mean() < 0.05


def test_black_and_white_leaves_little_grey() -> None:
    seen = augment_sheet.make_bilevel(chance(), batch(strip()), amounts(1.0))
    assert ((seen - 0.5).abs() < 0.3).float().mean() < 0.2


def test_paper_gets_darker_and_ink_stays_darker_than_its_paper() -> None:
    ink = strip()
    for seen in augment_sheet.light(chance(), batch(ink), amounts(1.0)).numpy():
        assert -1e-6 <= seen.min() <= seen.max() <= 1.06
        assert seen[ink == 1].mean() > seen[ink == 0].mean() + 0.1


@pytest.mark.parametrize("amount", [0.1, 0.5, 1.0])
def test_a_saved_strip_is_what_a_jpeg_file_gives(amount: float) -> None:
    ink = augment_sheet.roughen(chance(), batch(strip(), 1), amounts(0.5, 1)).clamp(0, 1)
    seen = augment_sheet.compress(chance(), ink, amounts(amount, 1))[0].numpy()
    grey = (255 - 255 * ink[0].numpy()).astype(np.uint8)
    _, coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, round(90 - 70 * amount)])
    slow = 1 - cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE) / 255
    assert np.abs(seen - ink[0].numpy()).mean() > 0
    assert np.abs(seen - slow).mean() < 0.1 * np.abs(slow - ink[0].numpy()).mean()
