"""A dry recording → the same in a room; not one of `earmark.corpus.acoustics`, in which models are trained.

Early reflections, a decaying tail and a quiet noise floor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earmark.schema import FloatArray

TAIL_FROM_S = 0.02  # when single reflections have become a tail
DAMPING_HZ = 3500.0  # above it, walls and air take the tail's energy: first-order low-pass


@dataclass(frozen=True)
class Room:
    """``reverberation_s`` is T60, the time in which sound decays by 60 dB (ISO 3382).

    ``direct_db`` is the level of the direct sound over all that is reflected, ``noise_db`` the recording's
    level over its noise (both RMS, in decibels).
    """

    reverberation_s: float
    direct_db: float
    noise_db: float


def impulse_response(room: Room, sample_rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Return what ``room`` makes of one clap, float32 [samples]; the direct sound is 1.0 at sample 0."""
    time_s = np.arange(round(room.reverberation_s * sample_rate_hz)) / sample_rate_hz
    reflected = rng.normal(size=len(time_s)) * 10 ** (-3 * time_s / room.reverberation_s)
    reflected[time_s < TAIL_FROM_S] = 0
    early_s = rng.uniform(0.004, 0.06, 12)
    reflected[(early_s * sample_rate_hz).astype(int)] += rng.choice([-3, 3], 12) * np.exp(-early_s / 0.03)

    frequency_hz = np.fft.rfftfreq(2 * len(time_s), 1 / sample_rate_hz)
    damped = np.fft.rfft(reflected, 2 * len(time_s)) / (1 + 1j * frequency_hz / DAMPING_HZ)
    reflected = np.fft.irfft(damped)[: len(time_s)]
    reflected *= 10 ** (-room.direct_db / 20) / np.sqrt(np.sum(reflected**2))
    reflected[0] = 1.0
    return reflected.astype(np.float32)


def in_room(dry: FloatArray, room: Room, sample_rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Return ``dry`` float32 [samples] as heard in ``room``: float32 [samples], its peak at 0.8."""
    response = impulse_response(room, sample_rate_hz, rng)
    size = len(dry) + len(response)
    wet = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(response, size), size)[: len(dry)]
    # Noise of rooms and microphones falls with frequency: white, divided by the root of it (3 dB an octave).
    spectrum = np.fft.rfft(rng.normal(size=len(dry)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), len(dry))
    noise *= 10 ** (-room.noise_db / 20) * np.sqrt(np.mean(wet**2) / np.mean(noise**2))
    heard = wet + noise
    return np.asarray(0.8 * heard / np.abs(heard).max(), np.float32)
