import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.training.data import augment_audio  # noqa: E402
from earmark.training.data.chances import Chances  # noqa: E402


def chance() -> Chances:
    return Chances(np.random.default_rng(3))


def test_augmented_audio_is_reproducible_finite_and_changed() -> None:
    first, second = torch.rand(4, 100, 92), torch.rand(4, 100, 92)
    out = augment_audio.augment_audio(chance(), first, second)
    assert out.shape == first.shape
    assert torch.isfinite(out).all()
    assert (out >= 0).all()
    assert torch.equal(out, augment_audio.augment_audio(chance(), first, second))
    assert (out - first).abs().mean() > 0.01


def test_a_mix_of_a_piano_with_itself_is_that_piano() -> None:
    piano = torch.rand(3, 50, 92)
    assert torch.allclose(augment_audio.mix_pianos(chance(), piano, piano), piano)


def test_reverberation_only_adds_after_the_sound() -> None:
    magnitude = torch.zeros(2, 60, 92)
    magnitude[:, 20, 5] = 1
    out = augment_audio.reverberate(chance(), magnitude, share=1.0)
    assert torch.count_nonzero(out[:, :20]) == 0
    assert torch.allclose(out[:, 20, 5], torch.ones(2))
    assert (out[:, 21:50, 5] > 0).all()
    assert (out[:, 22:49, 5] < out[:, 21:48, 5]).all()


def test_detuning_keeps_the_energy_between_neighbouring_bands() -> None:
    magnitude = torch.zeros(8, 10, 92)
    magnitude[:, :, 40] = 1
    out = augment_audio.detune(chance(), magnitude)
    assert torch.allclose(out[:, :, 39:42].sum(2), torch.ones(8, 10), atol=1e-6)


def test_limited_bands_keep_the_middle_and_lose_the_ends() -> None:
    out = augment_audio.limit_bands(chance(), torch.ones(64, 10, 92), share=1.0)
    assert (out <= 1).all()
    assert out[:, :, 45].min() > 0.9
    assert out[:, :, 0].mean() < 0.5
    assert out[:, :, 91].mean() < 0.8
