"""What a pair shows: the onset in the middle, and how far augmentation moves it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.balke2019.windows import Augmentation, Music, Windows  # noqa: E402
from earmark.schema import AudioSpec, SheetSpec  # noqa: E402
from earmark.training.data.dataset import TrainingPiece, read_pieces  # noqa: E402

AUDIO, SHEET = AudioSpec(), SheetSpec()
STILL = Augmentation(sheet_scale=(1, 1), sheet_shift_px=0, onset_shift_frames=0, tempo=(1, 1))
CONTEXT = 42
Array = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def pieces(corpus: Path) -> list[TrainingPiece]:
    return read_pieces(corpus, ["piece0", "piece1"], ["one@1", "two@1"], AUDIO, SHEET)


@pytest.fixture(scope="module")
def windows(pieces: list[TrainingPiece]) -> Windows:
    return Windows(Music(pieces, AUDIO, SHEET), CONTEXT)


def test_only_onsets_whose_windows_lie_inside_are_pairs(pieces: list[TrainingPiece], windows: Windows) -> None:
    expected = 0
    for piece in pieces:
        frame = piece.onsets.time_s * 20
        frames = min(len(spectrum) for spectrum in piece.audio.values())
        audible = (frame >= 1.2 * 21) & (frame <= frames - 1.2 * 21)
        visible = (piece.onsets.x_px >= 60) & (piece.onsets.x_px <= piece.strip.shape[2] - 60)
        expected += int((audible & visible).sum())
    assert len(windows) == expected > 80


def test_a_cut_is_what_lies_about_the_onset(pieces: list[TrainingPiece], windows: Windows) -> None:
    """The second piece's, too: the pieces lie end to end."""
    excerpts, snippets = windows.cut(np.array([0, len(windows) - 1]))
    assert excerpts.shape == (2, CONTEXT, 92)
    assert snippets.shape == (2, 80, 100)
    first, last = windows.onsets[0], windows.onsets[-1] - len(pieces[0].onsets)
    for number, (piece, onset) in enumerate(((pieces[0], first), (pieces[1], last))):
        frame, column = round(piece.onsets.time_s[onset] * 20), round(float(piece.onsets.x_px[onset]))
        spectra = [audio[frame - 21 : frame + 21].astype(np.float32) for audio in piece.audio.values()]
        assert any(np.array_equal(excerpts[number].numpy(), spectrum) for spectrum in spectra)
        np.testing.assert_allclose(
            snippets[number].numpy(), piece.strip[0][:, column - 50 : column + 50] / 255, atol=1e-6
        )


def test_cuts_are_of_all_renderings_and_the_same_pair_always_in_the_same(
    pieces: list[TrainingPiece], windows: Windows
) -> None:
    pairs = np.arange(len(windows))
    excerpts, _ = windows.cut(pairs)
    assert torch.equal(windows.cut(pairs[10:20])[0], excerpts[10:20])

    def is_of(name: str) -> Any:
        alone = [replace(piece, audio={name: piece.audio[name]}) for piece in pieces]
        return (excerpts == Windows(Music(alone, AUDIO, SHEET), CONTEXT).cut(pairs)[0]).flatten(1).all(dim=1)

    first, second = map(is_of, pieces[0].audio)
    assert bool((first | second).all())
    assert 0.3 < float(first.float().mean()) < 0.7


def test_drawing_without_augmentation_is_cutting(windows: Windows) -> None:
    rng = np.random.default_rng(4)
    excerpts, snippets = windows.draw(rng, 20, STILL)
    rng = np.random.default_rng(4)
    pairs = rng.choice(len(windows), 20, replace=False)
    cut_excerpts, cut_snippets = windows.cut(pairs)
    torch.testing.assert_close(snippets, cut_snippets, atol=1e-5, rtol=0)
    same = [bool(torch.equal(one, other)) for one, other in zip(excerpts, cut_excerpts, strict=True)]
    assert 2 < sum(same) < 18  # the others are of the other piano


def test_augmentation_stays_in_its_bounds(windows: Windows) -> None:
    """A scaled, shifted snippet keeps paper about it and the same range of greys."""
    loud = Augmentation(sheet_scale=(0.95, 0.95), sheet_shift_px=2.5, onset_shift_frames=1, tempo=(1.1, 1.1))
    excerpts, snippets = windows.draw(np.random.default_rng(0), 40, loud)
    assert 0 <= float(snippets.min()) < float(snippets.max()) <= 1 + 1e-6
    assert float(excerpts.min()) >= 0
    _, plain = windows.draw(np.random.default_rng(0), 40, STILL)
    assert not torch.allclose(snippets, plain, atol=0.05)


def test_the_same_generator_draws_the_same(windows: Windows) -> None:
    one, other = (windows.draw(np.random.default_rng(7), 10, Augmentation()) for _ in range(2))
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])


DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))]


def sample(strip: Array, row: float, column: float) -> float:
    """Ink at a place between pixels, bilinear; paper outside."""
    top, left = int(np.floor(row)), int(np.floor(column))
    found = 0.0
    for y, x in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        if 0 <= y < strip.shape[0] and 0 <= x < strip.shape[1]:
            found += (1 - abs(row - y)) * (1 - abs(column - x)) * strip[y, x]
    return found


@pytest.mark.parametrize("device", DEVICES)
def test_a_batch_is_what_its_chances_say_on_every_device(pieces: list[TrainingPiece], device: str) -> None:
    """Pair by pair and pixel by pixel, from the pieces themselves, against the operations over the whole batch."""
    windows = Windows(Music(pieces, AUDIO, SHEET, torch.device(device)), CONTEXT)
    augmentation, count = Augmentation(), 6
    excerpts, snippets = windows.draw(np.random.default_rng(11), count, augmentation)
    assert excerpts.device.type == snippets.device.type == device
    chances = windows.chances(np.random.default_rng(11), count, augmentation)
    for number, (pair, rendering, tempo, onset_shift, scale, shift_px) in enumerate(chances.T):
        onset = int(windows.onsets[int(pair)])
        piece = pieces[0]
        if onset >= len(piece.onsets):
            onset, piece = onset - len(piece.onsets), pieces[1]
        spectrum = list(piece.audio.values())[int(rendering)].astype(np.float64)
        at = round(piece.onsets.time_s[onset] * 20) + onset_shift + (np.arange(CONTEXT) - CONTEXT // 2) * tempo
        expected = np.stack([np.interp(at, np.arange(len(spectrum)), band) for band in spectrum.T], axis=1)
        np.testing.assert_allclose(excerpts[number].cpu(), expected, atol=1e-5)
        ink, middle = 1 - piece.strip[0] / 255, round(float(piece.onsets.x_px[onset])) - 0.5
        for row, column in ((0, 0), (79, 99), (40, 50), (33, 71), (7, 12)):
            y = (row - 39.5 - shift_px) / scale + 39.5
            x = (column - 49.5) / scale + middle
            assert float(snippets[number, row, column]) == pytest.approx(1 - sample(ink, y, x), abs=1e-4)


def test_chances_are_in_their_bounds(windows: Windows) -> None:
    pair, rendering, tempo, onset_shift, scale, shift_px = windows.chances(np.random.default_rng(1), 60, Augmentation())
    assert len(set(pair)) == 60
    assert set(rendering) == {0, 1}
    assert set(onset_shift) == {-1, 0, 1}
    for values, low, high in ((tempo, 0.9, 1.1), (scale, 0.95, 1.05), (shift_px, -2.5, 2.5)):
        assert low <= values.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < values.max() <= high
