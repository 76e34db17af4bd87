"""From a recording to what the audio encoder sees: file → mono samples → log spectrogram.

Samples are mono float32 in [-1, 1] at 22 050 Hz: the mean of the file's channels. The spectrogram is the one
of Balke et al. (2019), Section 3, as madmom computes it: 20 frames per second, each the magnitude spectrum
of 2048 Hann-windowed samples, summed into 92 triangular bands (16 per octave, 30–6000 Hz), then log10(1 + x).
Frame ``i`` is centred on ``i / 20`` s (madmom's origin 0); before the start and after the end is silence.

Everything streams: the memory that is needed does not depend on the length of the recording.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.container import InputContainer

from earmark.schema import AudioSpec, BadInput, FloatArray

SPEC = AudioSpec()

AUDIO_SUFFIXES = frozenset(
    {".aac", ".aif", ".aiff", ".flac", ".m4a", ".mka", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma"}
)

# Decoders of lossy codecs are exact only some way behind the place they were dropped at (Opus asks for 80 ms,
# MP3's bit reservoir reaches back about 250 ms).
_SEEK_MARGIN_S = 2.0

# Decoders give about a thousand samples at a time.
_SAMPLES_AT_ONCE = 1 << 15

# Frames per FFT. The grid is fixed, so that a frame's values never depend on how the caller cuts the sound.
_FRAMES_AT_ONCE = 128


def is_audio_file(path: Path) -> bool:
    """Whether a name's ending is a recording's; `read_samples` tries files of any name."""
    return path.suffix.lower() in AUDIO_SUFFIXES


def read_samples(path: str | Path, start_s: float = 0.0, end_s: float | None = None) -> Iterator[FloatArray]:
    """The sound of any file that FFmpeg reads, also a video's, from ``start_s`` to ``end_s`` (None: the end).

    Yields chunks, float32 [n], n > 0, which joined are exactly samples ``round(22050 * start_s)`` up to (not
    including) ``round(22050 * end_s)`` of the whole file's. What a file's container declares as encoder
    delay is left out. A damaged packet is skipped, as players do, and a file that was cut off is read as far
    as it goes.

    Raises BadInput when the file is missing, unreadable, empty or not a recording, or holds nothing in the
    range.
    """
    first = round(start_s * SPEC.sample_rate_hz)
    stop = None if end_s is None else round(end_s * SPEC.sample_rate_hz)
    if first < 0 or (stop is not None and stop <= first):
        raise BadInput(path, f"no sound from {start_s} s to {end_s} s", "give a start before the end")
    position, found = 0, False
    for position, samples in _resampled(path, start_s):
        wanted = samples[max(0, first - position) : None if stop is None else max(0, stop - position)]
        if len(wanted):
            found = True
            yield wanted
        position += len(samples)
        if stop is not None and position >= stop:
            break
    if not found and position > 0:
        length_s = position / SPEC.sample_rate_hz
        what = f"ends at {length_s:.1f} s, before the start at {start_s} s"
        raise BadInput(path, what, "give an earlier start")
    if not found:
        raise BadInput(path, "holds no sound that can be decoded", "convert it to WAV or FLAC and try again")


def stated_duration_s(path: str | Path) -> float | None:
    """How long the file says its sound is; None when it does not say. Nothing is decoded.

    Raises BadInput when the file cannot be opened or has no sound.
    """
    try:
        with _opened(path) as container:
            stream = container.streams.audio[0]
            if stream.duration and stream.time_base:
                return float(stream.duration * stream.time_base)
            return container.duration / av.time_base if container.duration else None
    except (av.error.FFmpegError, OSError) as error:
        raise BadInput(path, *_explain(Path(path), error)) from error


def _resampled(path: str | Path, start_s: float) -> Iterator[tuple[int, FloatArray]]:
    """Mono chunks at 22 050 Hz from somewhere before ``start_s`` on, each with its first sample's index."""
    try:
        container, rate, skipped, frames = _open_before(path, start_s)
        with container:
            # Output samples fall on whole input samples once in `period`: from there the resampler's phase
            # is the one it has when the file is read from its start.
            period = rate // math.gcd(rate, SPEC.sample_rate_hz)
            cut = -skipped % period
            position = (skipped + cut) * SPEC.sample_rate_hz // rate
            for chunk in _to_rate(_without_start(frames, cut)):
                yield position, chunk
                position += len(chunk)
    except (av.error.FFmpegError, OSError) as error:
        raise BadInput(path, *_explain(Path(path), error)) from error


def _open_before(path: str | Path, start_s: float) -> tuple[InputContainer, int, int, Iterator[av.AudioFrame]]:
    """Opens a file well before ``start_s``: container, sample rate, samples skipped, frames from there on."""
    container = _opened(path)
    stream = container.streams.audio[0]
    frames = _decoded(container, stream)
    origin = next(frames, None)
    if origin is None:
        container.close()
        raise BadInput(path, "holds no sound that can be decoded", "convert it to WAV or FLAC and try again")
    rate, clock = origin.sample_rate, stream.time_base
    # Where the container's clock is coarser than a sample (Matroska's is 1 ms) a seek cannot be exact.
    exact = clock is not None and clock <= Fraction(1, rate)
    if start_s <= _SEEK_MARGIN_S or not exact or clock is None or origin.pts is None:
        return container, rate, 0, chain([origin], frames)
    container.seek(origin.pts + int((start_s - _SEEK_MARGIN_S) / clock), stream=stream)
    frames = _decoded(container, stream)
    landing = next(frames, None)
    if landing is not None and landing.pts is not None:
        skipped = round((landing.pts - origin.pts) * clock * rate)
        if 0 <= skipped <= (start_s - _SEEK_MARGIN_S / 2) * rate:
            return container, rate, skipped, chain([landing], frames)
    container.close()
    return _open_before(path, 0.0)


def _opened(path: str | Path) -> InputContainer:
    """The file, which has sound."""
    # "file:" and the whitelist keep a name such as "http://…", or a playlist, from reaching beyond this file.
    container = av.open(f"file:{path}", options={"protocol_whitelist": "file"})
    if not container.streams.audio:
        container.close()
        raise BadInput(path, "has no sound track", "give a recording, or a video with sound")
    return container


def _decoded(container: InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def _without_start(frames: Iterable[av.AudioFrame], cut: int) -> Iterator[av.AudioFrame]:
    """Drops the first ``cut`` samples."""
    for frame in frames:
        if cut >= frame.samples > 0:
            cut -= frame.samples
            continue
        if cut:
            values = 1 if frame.format.is_planar else frame.layout.nb_channels
            rest: Any = np.ascontiguousarray(frame.to_ndarray()[:, cut * values :])
            shorter = av.AudioFrame.from_ndarray(rest, format=frame.format.name, layout=frame.layout.name)
            shorter.sample_rate, shorter.time_base = frame.sample_rate, frame.time_base
            frame, cut = shorter, 0
        yield frame


def _to_rate(frames: Iterable[av.AudioFrame]) -> Iterator[FloatArray]:
    """Frames of any format, also one that changes on the way, → mono float32 chunks at 22 050 Hz."""
    for _, alike in groupby(frames, lambda frame: (frame.sample_rate, frame.layout.name, frame.format.name)):
        resampler = av.AudioResampler(format="fltp", rate=SPEC.sample_rate_hz)
        for gathered in chain(_gathered(alike), [None]):
            for part in resampler.resample(gathered):
                if part.samples:
                    yield part.to_ndarray().mean(axis=0)


def _gathered(frames: Iterable[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """The same sound in fewer frames: resampling a short one takes nearly as long as a long one."""
    queue = av.AudioFifo()
    for frame in frames:
        frame.pts = None  # samples are counted, not timed
        queue.write(frame)
        yield from queue.read_many(_SAMPLES_AT_ONCE)
    rest = queue.read()
    if rest is not None:
        yield rest


def _explain(path: Path, error: Exception) -> tuple[str, str]:
    """What is wrong with a file that FFmpeg refused, and the remedy."""
    if isinstance(error, FileNotFoundError):
        return "does not exist", "check the name"
    if isinstance(error, PermissionError):
        return "may not be read", "give yourself permission to read it"
    if path.is_dir():
        return "is a folder", "give one recording"
    if path.is_file() and path.stat().st_size == 0:
        return "is empty (0 bytes)", "copy or download it again"
    return "is not a recording, or is damaged", "give a WAV, FLAC, MP3, Ogg, M4A, WebM or a video"


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
    held: list[FloatArray] = []
    count = 0
    for rows in _frame_grid(chunks):
        while len(rows):
            part = rows[: block_frames - count]
            rows = rows[len(part) :]
            held.append(part)
            count += len(part)
            if count == block_frames:
                yield np.concatenate(held)
                held, count = [], 0
    if held:
        yield np.concatenate(held)


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
    frames = np.lib.stride_tricks.sliding_window_view(samples, SPEC.frame_size)[starts]
    spectrum = np.fft.rfft(frames * _WINDOW)[:, :_BINS]
    bands = np.abs(spectrum).astype(np.float32, copy=False) @ _FILTERBANK[:_BINS]
    logarithms: FloatArray = np.log10(1 + bands)
    return logarithms
