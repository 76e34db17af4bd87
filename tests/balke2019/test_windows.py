"""What a pair shows: the onset in the middle, and how far augmentation moves it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.balke2019.windows import Augmentation, Windows  # noqa: E402
from earmark.schema import AudioSpec, SheetSpec  # noqa: E402
from earmark.training.data.dataset import TrainingPiece, read_pieces  # noqa: E402

AUDIO, SHEET = AudioSpec(), SheetSpec()
STILL = Augmentation(sheet_scale=(1, 1), sheet_shift_px=0, onset_shift_frames=0, tempo=(1, 1))
CONTEXT = 42


@pytest.fixture(scope="module")
def pieces(corpus: Path) -> list[TrainingPiece]:
    return read_pieces(corpus, ["piece0", "piece1"], ["one@1", "two@1"], AUDIO, SHEET)


@pytest.fixture(scope="module")
def windows(pieces: list[TrainingPiece]) -> Windows:
    return Windows(pieces, CONTEXT, AUDIO, SHEET)


def test_only_onsets_whose_windows_lie_inside_are_pairs(pieces: list[TrainingPiece], windows: Windows) -> None:
    expected = 0
    for piece in pieces:
        frame = piece.onsets.time_s * 20
        frames = min(len(spectrum) for spectrum in piece.audio.values())
        audible = (frame >= 1.2 * 21) & (frame <= frames - 1.2 * 21)
        visible = (piece.onsets.x_px >= 60) & (piece.onsets.x_px <= piece.strip.shape[1] - 60)
        expected += int((audible & visible).sum())
    assert len(windows) == expected > 80


def test_a_cut_is_what_lies_about_the_onset(pieces: list[TrainingPiece], windows: Windows) -> None:
    """The second piece's, too: the pieces lie end to end."""
    heard, seen = windows.cut(np.array([0, len(windows) - 1]))
    assert heard.shape == (2, CONTEXT, 92)
    assert seen.shape == (2, 80, 100)
    first, last = windows.onsets[0], windows.onsets[-1] - len(pieces[0].onsets)
    for number, (piece, onset) in enumerate(((pieces[0], first), (pieces[1], last))):
        frame, column = round(piece.onsets.time_s[onset] * 20), round(float(piece.onsets.x_px[onset]))
        spectra = [audio[frame - 21 : frame + 21].astype(np.float32) for audio in piece.audio.values()]
        assert any(np.array_equal(heard[number].numpy(), spectrum) for spectrum in spectra)
        np.testing.assert_allclose(seen[number].numpy(), piece.strip[:, column - 50 : column + 50] / 255, atol=1e-6)


def test_cuts_are_heard_in_all_renderings_and_the_same_pair_always_in_the_same(
    pieces: list[TrainingPiece], windows: Windows
) -> None:
    pairs = np.arange(len(windows))
    heard, _ = windows.cut(pairs)
    assert torch.equal(windows.cut(pairs[10:20])[0], heard[10:20])

    def is_of(name: str) -> Any:
        alone = [replace(piece, audio={name: piece.audio[name]}) for piece in pieces]
        return (heard == Windows(alone, CONTEXT, AUDIO, SHEET).cut(pairs)[0]).flatten(1).all(dim=1)

    first, second = map(is_of, pieces[0].audio)
    assert bool((first | second).all())
    assert 0.3 < float(first.float().mean()) < 0.7


def test_drawing_without_augmentation_is_cutting(windows: Windows) -> None:
    rng = np.random.default_rng(4)
    heard, seen = windows.draw(rng, 20, STILL)
    rng = np.random.default_rng(4)
    pairs = rng.choice(len(windows), 20, replace=False)
    cut_heard, cut_seen = windows.cut(pairs)
    torch.testing.assert_close(seen, cut_seen, atol=1e-5, rtol=0)
    same = [bool(torch.equal(one, other)) for one, other in zip(heard, cut_heard, strict=True)]
    assert 2 < sum(same) < 18  # the others were heard on the other piano


def test_augmentation_stays_in_its_bounds(windows: Windows) -> None:
    """A scaled, shifted snippet keeps paper about it and the same range of greys."""
    loud = Augmentation(sheet_scale=(0.95, 0.95), sheet_shift_px=2.5, onset_shift_frames=1, tempo=(1.1, 1.1))
    heard, seen = windows.draw(np.random.default_rng(0), 40, loud)
    assert 0 <= float(seen.min()) < float(seen.max()) <= 1 + 1e-6
    assert float(heard.min()) >= 0
    _, plain = windows.draw(np.random.default_rng(0), 40, STILL)
    assert not torch.allclose(seen, plain, atol=0.05)


def test_the_same_generator_draws_the_same(windows: Windows) -> None:
    one, other = (windows.draw(np.random.default_rng(7), 10, Augmentation()) for _ in range(2))
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])
