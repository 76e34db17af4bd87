"""Any recording, or a video's sound → mono samples: float32 in [-1, 1] at 22 050 Hz, the mean of its channels.

Samples come in chunks: the memory that is needed does not depend on the length of the recording.
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
from av.container import InputContainer

from earmark.errors import BadInput, reading
from earmark.schema import AudioSpec, FloatArray

SPEC = AudioSpec()

# Decoders of lossy codecs are exact only some way behind the place they were dropped at (Opus asks for 80 ms,
# MP3's bit reservoir reaches back about 250 ms).
_SEEK_MARGIN_S = 2.0

# Decoders give about a thousand samples at a time.
_SAMPLES_AT_ONCE = 1 << 15


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
    with reading(path):
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
    with reading(path):
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
        # Channels side by side: PyAV reads beyond the memory of frames that hold more than eight one after the other.
        resampler = av.AudioResampler(format="flt", rate=SPEC.sample_rate_hz)
        for gathered in chain(_gathered(alike), [None]):
            for part in resampler.resample(gathered):
                if part.samples:
                    yield part.to_ndarray().reshape(part.samples, -1).mean(axis=1)


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
