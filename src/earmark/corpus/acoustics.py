"""A dry rendering → what a microphone in a room would have kept of it, at random from nearly nothing to bad.

In the order in which sound meets them: a room (direct sound, early reflections, noise that decays at every frequency
in its own time: Moorer 1979, Computer Music Journal 3), noise, the frequency response of microphone, loudspeaker or
line, a compressor, clipping, MP3 or AAC, a level. Each has its own probability; one severity, drawn for the whole
recording, moves all of them.

Sound is mono float32 [n] at 22 050 Hz. Nothing moves in time: the direct sound is where it was, filters are of zero
phase, and the delay of an encoder is taken out to the sample.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from scipy.signal import oaconvolve

from earmark.audio.noise import GRID_HZ, SAMPLE_RATE_HZ, babble, crackle, equalise, hiss, hum, smooth
from earmark.schema import FloatArray

Floats = npt.NDArray[np.float64]

CODECS = {"libmp3lame": "mp3float", "aac": "aac"}  # FFmpeg's encoder → its decoder
_OCTAVES_HZ = 125.0 * 2.0 ** np.arange(7)
_LINES_HZ = ((300, 3400), (200, 9000), (150, 4500), (60, 6000))  # telephone, small loudspeaker, old record, radio
_BLOCK = 1024  # samples over which a compressor measures loudness
_QUIETEST = 0.003  # of the loudest moment: below it a compressor adds no more gain


@dataclass(frozen=True)
class _Chance:
    """Draws that are the likelier and the worse the higher ``severity`` (0..1) is."""

    rng: np.random.Generator
    severity: float

    def happens(self, share: float) -> bool:
        """Whether something does that befalls ``share`` of all recordings."""
        return bool(self.rng.random() < share * (0.5 + self.severity))

    def between(self, mild: float, bad: float) -> float:
        return mild + (bad - mild) * float(np.clip(self.rng.normal(self.severity, 0.25), 0, 1))


def record(samples: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Record ``samples`` [n > 0] somewhere, somehow: of the same length, nothing moved in time, peak 0.02 to 1."""
    chance = _Chance(rng, rng.random())
    sound = _to_peak(samples, 1.0)
    if chance.happens(0.8):
        rt60_s = 0.2 * (2.5 / 0.2) ** chance.between(0, 1)
        sound = oaconvolve(sound, room(rng, rt60_s, chance.between(15, -6)))[: len(samples)]
    if chance.happens(0.8):
        sound = add_noise(rng, sound, chance.between(50, 5))
    response_db = _equaliser_db(rng, chance.between(1, 8)) if chance.happens(0.7) else np.zeros(len(GRID_HZ))
    if chance.happens(0.25):
        response_db += _line_db(rng)
    if response_db.any():
        sound = equalise(sound, response_db)
    if chance.happens(0.4):
        sound = compress(sound, chance.between(0.1, 0.6))
    if chance.happens(0.2):
        sound = clip(sound, chance.between(1.2, 6), hard=rng.random() < 0.5)
    if chance.happens(0.35):
        sound = encode(sound, str(rng.choice(list(CODECS))), int(rng.choice([24_000, 32_000, 48_000, 64_000])))
    return _to_peak(sound, 0.02 ** rng.random())


def _to_peak(samples: FloatArray, peak: float) -> FloatArray:
    loudest = float(np.abs(samples).max())
    scaled: FloatArray = (samples * (peak / loudest if loudest else 1.0)).astype(np.float32)
    return scaled


def room(rng: np.random.Generator, rt60_s: float, direct_to_reverberant_db: float) -> FloatArray:
    """A room's impulse response, float32 [n]: the direct sound is its first sample, 1, and the highest.

    ``rt60_s`` is how long 1 kHz takes to fall by 60 dB; lower frequencies take as long or longer.
    """
    slope = rng.uniform(0, 0.35)
    decay_s = rt60_s * (_OCTAVES_HZ / 1000) ** -slope
    time_s = np.arange(round((0.1 + decay_s.max()) * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    spectrum = np.fft.rfft(rng.standard_normal(len(time_s)))
    hz = np.fft.rfftfreq(len(time_s), 1 / SAMPLE_RATE_HZ)
    late = np.zeros(len(time_s))
    for octave, length_s in zip(np.eye(len(_OCTAVES_HZ)), decay_s, strict=True):
        share = np.interp(np.log2(np.maximum(hz, 1)), np.log2(_OCTAVES_HZ), octave)
        late += np.fft.irfft(spectrum * share, len(time_s)) * 10 ** (-3 * time_s / length_s)
    late[: round(rng.uniform(0.002, 0.03) * SAMPLE_RATE_HZ)] = 0
    early = np.zeros(len(time_s))
    delays_s = rng.uniform(0.001, 0.06, rng.integers(6, 16))
    early[np.rint(delays_s * SAMPLE_RATE_HZ).astype(int)] = rng.uniform(-1, 1, len(delays_s)) / (1 + delays_s / 0.01)
    early_share, energy = rng.uniform(0.1, 0.6), 10 ** (-direct_to_reverberant_db / 10)
    reflections = early * np.sqrt(early_share * energy / (early**2).sum())
    response = reflections.clip(-0.7, 0.7) + late * np.sqrt((1 - early_share) * energy / (late**2).sum())
    response[0] = 1
    highest_first: FloatArray = response.clip(-1, 1).astype(np.float32)
    return highest_first


def _equaliser_db(rng: np.random.Generator, depth_db: float) -> Floats:
    """A smooth curve over log frequency: its eight knots stray by ``depth_db``."""
    at = np.linspace(0, 7, len(GRID_HZ))
    return smooth(rng.normal(0, depth_db, 8), at)


def _line_db(rng: np.random.Generator) -> Floats:
    """What passes a line of limited bandwidth: 24 dB less an octave outside of it."""
    low, high = rng.choice(_LINES_HZ) * rng.uniform(0.8, 1.2, 2)
    hz = np.maximum(GRID_HZ, 1.0)
    response_db: Floats = -10 * np.log10((1 + (low / hz) ** 8) * (1 + (hz / high) ** 8))
    return response_db.clip(-80, 0)


def add_noise(rng: np.random.Generator, samples: FloatArray, snr_db: float) -> FloatArray:
    """Add one of the kinds of noise that recordings have, ``snr_db`` below the sound (both RMS)."""
    kinds: list[Callable[[np.random.Generator, int], FloatArray]] = [hiss, hiss, hum, babble, crackle]
    noise = kinds[rng.integers(len(kinds))](rng, len(samples))
    power = float(np.mean(noise**2))
    if not power:
        return samples
    level = np.sqrt(np.mean(samples**2) / power) * 10 ** (-snr_db / 20)
    noisy: FloatArray = (samples + level * noise).astype(np.float32)
    return noisy


def compress(samples: FloatArray, strength: float) -> FloatArray:
    """Even out loudness, ``strength`` 0 (not at all) to 1 (wholly), within about 0.1 s."""
    blocks = np.pad(samples, (0, -len(samples) % _BLOCK)).reshape(-1, _BLOCK)
    loudness = np.sqrt(np.mean(blocks**2, axis=1))
    if not loudness.any():
        return samples
    smoothed = np.convolve(np.pad(loudness, 2, mode="edge"), np.full(5, 0.2), "valid")
    gain = np.maximum(smoothed / smoothed.max(), _QUIETEST) ** -strength
    centres = (np.arange(len(gain)) + 0.5) * _BLOCK
    compressed: FloatArray = samples * np.interp(np.arange(len(samples)), centres, gain).astype(np.float32)
    return compressed


def clip(samples: FloatArray, drive: float, hard: bool) -> FloatArray:
    """Overdrive by the factor ``drive`` beyond full scale, cut off (``hard``) or bent."""
    driven = _to_peak(samples, drive)
    clipped: FloatArray = driven.clip(-1, 1) if hard else np.tanh(driven)
    return clipped


def encode(samples: FloatArray, codec: str, bits_per_second: int) -> FloatArray:
    """Encode with one of ``CODECS`` and decode again, without the codec's delay; of the same length."""
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE_HZ, "mono", "fltp"
    encoder.bit_rate, encoder.time_base = bits_per_second, Fraction(1, SAMPLE_RATE_HZ)
    encoder.options = {"compression_level": "9"}  # LAME's quickest search
    sound = av.AudioFrame.from_ndarray(_to_peak(samples, 0.9)[None], format="fltp", layout="mono")
    sound.sample_rate, sound.time_base, sound.pts = SAMPLE_RATE_HZ, Fraction(1, SAMPLE_RATE_HZ), 0
    packets = [*encoder.encode(sound), *encoder.encode(None)]
    decoder = av.CodecContext.create(CODECS[codec], "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.extradata = encoder.extradata
    decoder.options = {"flags2": "+skip_manual"}  # all that was encoded comes out, each frame with its time
    decoded = np.zeros(len(samples), np.float32)
    for frame in (frame for packet in packets for frame in decoder.decode(packet)):
        values, start = frame.to_ndarray()[0], int(frame.pts or 0)
        kept = values[max(0, -start) : max(0, len(samples) - start)]
        decoded[max(0, start) : max(0, start) + len(kept)] = kept
    return decoded
