"""Random changes that make training pairs sound like the world: other pianos, rooms, levels, tempi.

All functions work on a whole batch, on whatever device it lies, take their chances from the one that is handed in
(`earmark.training.data.chances`), and know nothing of pieces. Audio is changed as linear magnitude, [batch, frames,
bands]. `earmark.training.data.augment_sheet` does the same for the sheet music.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from earmark.training.data.chances import Chances

KNOTS = 7
TAIL = 30
"""Frames that a reverberation lasts at most."""


def mix_pianos(chance: Chances, first: Tensor, second: Tensor) -> Tensor:
    """A piano that is neither: each band takes a smoothly varying share of two renderings."""
    batch, _, bands = first.shape
    share = torch.sigmoid(2 * chance.curves(batch, bands, 5) + 2 * chance.normal(batch, 1))
    return torch.lerp(first, second, share[:, None, :])


def equalise(chance: Chances, magnitude: Tensor) -> Tensor:
    """Random level (times 0.4 to 12), smooth equaliser, slow dynamics."""
    batch, frames, bands = magnitude.shape
    level = chance.uniform(math.log(0.4), math.log(12), batch, 1, 1)
    of_bands, of_frames = chance.curves(batch, bands, KNOTS), chance.curves(batch, frames, KNOTS)
    return magnitude * torch.exp(level + 0.4 * of_bands[:, None, :]) * torch.exp(0.3 * of_frames)[:, :, None]


def detune(chance: Chances, magnitude: Tensor, most: float = 0.67) -> Tensor:
    """Shift up or down by up to ``most`` bands (16 bands an octave: 0.67 = 50 cents) by interpolation."""
    shift = chance.uniform(-most, most, len(magnitude), 1, 1)
    up, down = magnitude.roll(-1, 2), magnitude.roll(1, 2)
    return magnitude * (1 - shift.abs()) + up * shift.clamp(min=0) + down * (-shift).clamp(min=0)


def limit_bands(chance: Chances, magnitude: Tensor, share: float = 0.2) -> Tensor:
    """A telephone or a small speaker, for a share of the batch: nearly nothing of the lowest and the highest bands."""
    batch, _, bands = magnitude.shape
    lowest, highest = chance.uniform(0, 0.3, batch, 1) * bands, chance.uniform(0.75, 1, batch, 1) * bands
    steepness = chance.uniform(0.3, 2, batch, 1)
    at = torch.arange(bands, device=magnitude.device)
    gain = torch.sigmoid((at - lowest) * steepness) * torch.sigmoid((highest - at) * steepness)
    gain = torch.where(chance.happens(share, batch, 1), gain, torch.ones_like(gain))
    return magnitude * gain[:, None, :]


def reverberate(chance: Chances, magnitude: Tensor, share: float = 0.5) -> Tensor:
    """Add an exponentially decaying tail (0.2 to 1.5 s to -60 dB at 20 frames/s) to a share of the batch."""
    batch, frames, _ = magnitude.shape
    decay = 10 ** (-3 / (20 * chance.uniform(0.2, 1.5, batch, 1)))
    wet = chance.uniform(0.1, 0.6, batch, 1) * chance.happens(share, batch, 1)
    kernel = wet * decay ** torch.arange(TAIL, device=magnitude.device)
    kernel[:, 0] = 1.0
    padded = F.pad(magnitude.transpose(1, 2), (TAIL - 1, 0)).transpose(0, 1)
    return F.conv1d(padded, kernel.flip(1)[:, None, :], groups=batch).permute(1, 2, 0)[:, :frames]


def add_noise(chance: Chances, magnitude: Tensor, share: float = 0.5) -> Tensor:
    """Add coloured noise, 20 to 60 dB below the loudest band, to a share of the batch."""
    batch, frames, bands = magnitude.shape
    level = 10 ** (-chance.uniform(1, 3, batch)) * chance.happens(share, batch)
    colour = torch.exp(0.7 * chance.curves(batch, bands, 4)) * (magnitude.amax(dim=(1, 2)) * level)[:, None]
    return magnitude + chance.grain(batch, frames, bands).abs() * colour[:, None, :]


def augment_audio(chance: Chances, first: Tensor, second: Tensor) -> Tensor:
    """Two renderings of the same excerpts, log10(1 + magnitude) float32 [batch, frames, bands] → one changed one."""
    magnitude = mix_pianos(chance, torch.expm1(first * math.log(10)), torch.expm1(second * math.log(10)))
    magnitude = detune(chance, magnitude)
    magnitude = limit_bands(chance, equalise(chance, reverberate(chance, magnitude)))
    return torch.log10(1 + add_noise(chance, magnitude))
