"""Random changes that make training pairs sound like the world: other pianos, rooms, levels, tempi.

All functions work on a whole batch, draw from a NumPy generator that is handed in, and know nothing of pieces. Audio is
changed as linear magnitude. `earmark.training.data.augment_sheet` does the same for the sheet music.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from earmark.schema import FloatArray

KNOTS = 7


def smooth_curves(rng: np.random.Generator, count: int, length: int, knots: int = KNOTS) -> FloatArray:
    """``count`` random curves of unit variance at their knots, linear between: float32 [count, length]."""
    at = np.linspace(0, knots - 1, length)
    left = np.minimum(at.astype(int), knots - 2)
    values = rng.standard_normal((count, knots))
    curve = values[:, left] + (values[:, left + 1] - values[:, left]) * (at - left)
    out: FloatArray = curve.astype(np.float32)
    return out


def mix_pianos(rng: np.random.Generator, first: Tensor, second: Tensor) -> Tensor:
    """A piano that is neither: each band takes a smoothly varying share of two renderings; [batch, frames, bands]."""
    batch, _, bands = first.shape
    share = torch.from_numpy(smooth_curves(rng, batch, bands, 5))
    share = torch.sigmoid(2 * share + torch.from_numpy(rng.normal(0, 2, (batch, 1)).astype(np.float32)))
    return torch.lerp(first, second, share[:, None, :])


def equalise(rng: np.random.Generator, magnitude: Tensor) -> Tensor:
    """Random level (times 0.4 to 12), smooth equaliser, slow dynamics."""
    batch, frames, bands = magnitude.shape
    level = rng.uniform(np.log(0.4), np.log(12), (batch, 1, 1)).astype(np.float32)
    bands_curve = 0.4 * smooth_curves(rng, batch, bands)[:, None, :]
    time_curve = 0.3 * smooth_curves(rng, batch, frames)[:, :, None]
    return magnitude * torch.exp(torch.from_numpy(level + bands_curve) + torch.from_numpy(time_curve))


def detune(rng: np.random.Generator, magnitude: Tensor, most: float = 0.67) -> Tensor:
    """Shift up or down by up to ``most`` bands (16 bands an octave: 0.67 = 50 cents) by interpolation."""
    shift = torch.from_numpy(rng.uniform(-most, most, len(magnitude)).astype(np.float32))[:, None, None]
    up, down = magnitude.roll(-1, 2), magnitude.roll(1, 2)
    return magnitude * (1 - shift.abs()) + up * shift.clamp(min=0) + down * (-shift).clamp(min=0)


def limit_bands(rng: np.random.Generator, magnitude: Tensor, share: float = 0.2) -> Tensor:
    """A telephone or a small speaker, for a share of the batch: nearly nothing of the lowest and the highest bands."""
    batch, _, bands = magnitude.shape
    lowest, highest = rng.uniform(0, 0.3, (batch, 1)) * bands, rng.uniform(0.75, 1, (batch, 1)) * bands
    steepness = rng.uniform(0.3, 2, (batch, 1))
    at = np.arange(bands)
    gain = 1 / (1 + np.exp((lowest - at) * steepness)) / (1 + np.exp((at - highest) * steepness))
    gain = np.where(rng.random((batch, 1)) < share, gain, 1.0).astype(np.float32)
    return magnitude * torch.from_numpy(gain)[:, None, :]


def reverberate(rng: np.random.Generator, magnitude: Tensor, share: float = 0.5) -> Tensor:
    """Add an exponentially decaying tail (0.2 to 1.5 s to -60 dB at 20 frames/s) to a share of the batch."""
    batch, frames, _ = magnitude.shape
    seconds = rng.uniform(0.2, 1.5, batch)
    decay = 10 ** (-3 / (20 * seconds))
    wet = np.where(rng.random(batch) < share, rng.uniform(0.1, 0.6, batch), 0.0)
    length = 30
    kernel = wet[:, None] * decay[:, None] ** np.arange(length)
    kernel[:, 0] = 1.0
    weight = torch.from_numpy(kernel[:, ::-1].astype(np.float32).copy())[:, None, :]
    padded = F.pad(magnitude.transpose(1, 2), (length - 1, 0)).transpose(0, 1)
    return F.conv1d(padded, weight, groups=batch).permute(1, 2, 0)[:, :frames]


def add_noise(rng: np.random.Generator, magnitude: Tensor, share: float = 0.5) -> Tensor:
    """Add coloured noise, 20 to 60 dB below the loudest band, to a share of the batch."""
    batch, frames, bands = magnitude.shape
    peak = magnitude.amax(dim=(1, 2)).numpy()
    level = np.where(rng.random(batch) < share, peak * 10 ** (-rng.uniform(20, 60, batch) / 20), 0.0)
    colour = np.exp(0.7 * smooth_curves(rng, batch, bands, 4)) * level[:, None]
    noise = np.abs(rng.standard_normal((batch, frames, bands), np.float32)) * colour[:, None, :]
    return magnitude + torch.from_numpy(noise.astype(np.float32))


def augment_audio(rng: np.random.Generator, first: Tensor, second: Tensor) -> Tensor:
    """Two renderings of the same excerpts, log10(1 + magnitude) float32 [batch, frames, bands] → one changed one."""
    magnitude = mix_pianos(rng, torch.expm1(first * np.log(10)), torch.expm1(second * np.log(10)))
    magnitude = detune(rng, magnitude)
    magnitude = limit_bands(rng, equalise(rng, reverberate(rng, magnitude)))
    return torch.log10(1 + add_noise(rng, magnitude))
