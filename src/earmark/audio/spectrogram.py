"""Samples → the log spectrogram that the audio encoder sees: Balke et al. (2019), Section 3, as madmom computes it.

20 frames per second, each the magnitude spectrum of 2048 Hann-windowed samples, summed into 92 triangular bands (16 per
octave, 30–6000 Hz), then log10(1 + x). Frame ``i`` is centred on ``i / 20`` s (madmom's origin 0); before the start
and after the end is silence. The memory that is needed does not depend on the length of the recording.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from earmark.audio.blocks import regrouped
from earmark.schema import AudioSpec, FloatArray

# Frames per FFT. The grid is fixed, so that a frame's values never depend on how the caller cuts the sound.
_FRAMES_AT_ONCE = 128
# Of these, what a processor's cache holds with its spectra. A frame's spectrum is its own.
_SPECTRA_AT_ONCE = 16

SPEC = AudioSpec()


def filterbank() -> FloatArray:
    """madmom's logarithmic filterbank: float32 [1024 FFT bins, 92 bands], each band's weights sum to 1.

    Band centres are 440 * 2^(n / 16) Hz within 30–6000 Hz, moved to the nearest bin of a 2048-point FFT,
    each bin once; band ``k`` is the triangle over the centres ``k``, ``k + 1``, ``k + 2``
    (madmom.audio.filters, LogarithmicFilterbank with unique_filters and norm_filters).
    """
    bins = SPEC.frame_size // 2
    lowest = math.ceil(SPEC.bands_per_octave * math.log2(SPEC.min_frequency_hz / 440))
    highest = math.floor(SPEC.bands_per_octave * math.log2(SPEC.max_frequency_hz / 440))
    centres_hz = 440 * 2.0 ** (np.arange(lowest, highest + 1) / SPEC.bands_per_octave)
    bin_width_hz = SPEC.sample_rate_hz / SPEC.frame_size
    centres = np.unique(np.rint(centres_hz / bin_width_hz).astype(int))
    bank = np.zeros((bins, len(centres) - 2))
    for band, (low, centre, high) in enumerate(zip(centres, centres[1:], centres[2:], strict=False)):
        bank[low:centre, band] = np.arange(centre - low) / (centre - low)
        bank[centre:high, band] = 1 - np.arange(high - centre) / (high - centre)
    weights: FloatArray = (bank / bank.sum(axis=0)).astype(np.float32)
    return weights


_FILTERBANK = filterbank()


_BINS = int(np.flatnonzero(_FILTERBANK.any(axis=1))[-1]) + 1  # no band reaches above


_WINDOW = np.hanning(SPEC.frame_size).astype(np.float32)


def spectrogram(samples: npt.ArrayLike | Iterable[FloatArray]) -> FloatArray:
    """Log spectrogram, float32 [frames, 92], of mono samples at 22 050 Hz: one array [n], or its chunks.

    ``frames = ceil(n / 1102.5)``; values are log10(1 + x) >= 0, about 0.7 at most for quiet renderings and
    1.7 for full scale.
    """
    chunks = [samples] if isinstance(samples, np.ndarray) else samples
    blocks = list(spectrogram_blocks(chunks))  # type: ignore[arg-type]
    return np.concatenate(blocks) if blocks else np.zeros((0, SPEC.bands), np.float32)


def spectrogram_blocks(chunks: Iterable[FloatArray], block_frames: int = 1200) -> Iterator[FloatArray]:
    """The same spectrogram in constant memory: blocks float32 [``block_frames``, 92], the last maybe shorter.

    The blocks joined are exactly ``spectrogram(chunks)``, whatever the sizes of chunks and blocks.
    """
    return regrouped(_frame_grid(chunks), block_frames)


def _frame_grid(chunks: Iterable[FloatArray]) -> Iterator[FloatArray]:
    """Spectrogram rows, ``_FRAMES_AT_ONCE`` at a time, the last time fewer."""
    starts = np.floor(np.arange(_FRAMES_AT_ONCE) * SPEC.hop_size).astype(np.int64)
    step = round(_FRAMES_AT_ONCE * SPEC.hop_size)
    size = int(starts[-1]) + SPEC.frame_size
    held: list[FloatArray] = [np.zeros(SPEC.frame_size // 2, np.float32)]  # the silence before the start
    count, total, done = len(held[0]), 0, 0
    for chunk in chunks:
        held.append(np.asarray(chunk, np.float32))
        total += len(chunk)
        count += len(chunk)
        if count < size:
            continue
        buffer = np.concatenate(held)
        while len(buffer) >= size:
            yield _log_bands(buffer, starts)
            buffer = buffer[step:]
            done += _FRAMES_AT_ONCE
        held, count = [buffer], len(buffer)
    left = math.ceil(total / SPEC.hop_size) - done
    if left > 0:  # never more than one grid step: all else had its samples
        held.append(np.zeros(size, np.float32))
        yield _log_bands(np.concatenate(held), starts)[:left]


def _log_bands(samples: FloatArray, starts: npt.NDArray[np.int64]) -> FloatArray:
    frames = np.lib.stride_tricks.sliding_window_view(samples, SPEC.frame_size)
    magnitudes = np.empty((len(starts), _BINS), np.float32)
    for first in range(0, len(starts), _SPECTRA_AT_ONCE):
        some = slice(first, first + _SPECTRA_AT_ONCE)
        np.abs(np.fft.rfft(frames[starts[some]] * _WINDOW)[:, :_BINS], out=magnitudes[some])
    bands = magnitudes @ _FILTERBANK[:_BINS]
    logarithms: FloatArray = np.log10(1 + bands)
    return logarithms
