"""Any recording, or a video's sound → mono samples: float32 in [-1, 1] at 22 050 Hz, the mean of its channels.

`earmark.audio.track` says which track is heard, `earmark.audio.mix` what is done with channels that cancel each other.
Samples come in chunks: the memory that is needed does not depend on the length of the recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import av
import numpy as np

from earmark.audio.mix import mixed
from earmark.audio.rate import to_rate
from earmark.audio.track import Tags, Track, explained, nothing_heard, tracks
from earmark.errors import BadInput, reading
from earmark.schema import AudioSpec, FloatArray

SPEC = AudioSpec()
_Format = tuple[int, str, str]
"""Sample rate, channels, kind of samples."""

PAUSE_S = 1.0
"""A longer step forward of a track's clock is a pause in it; a shorter one is a clock that is not exact."""
LONGEST_PAUSE_S = 3600.0
"""A longer one is a clock that is wrong."""
_RATES_HZ = range(1_000, 768_001)
_MISSING_S = 1.0
"""So much less sound than a file says it has is no rounding."""

# Decoders give about a thousand samples at a time.
_SAMPLES_AT_ONCE = 1 << 15


def read_samples(
    path: str | Path, start_s: float = 0.0, end_s: float | None = None, remark: Callable[[str], None] | None = None
) -> Iterator[FloatArray]:
    """The sound of any file that FFmpeg reads, also a video's, from ``start_s`` to ``end_s`` (None: the end).

    Times are the file's: a sound track that begins after the picture, or pauses, is silent until then. Yields chunks,
    float32 [n], n > 0, which joined are exactly samples ``round(22050 * start_s)`` up to (not including)
    ``round(22050 * end_s)`` of the whole file's. What a file's container declares as encoder delay is left out. A
    damaged packet is skipped, as players do, and a file that breaks off is read as far as it goes; ``remark`` is told.

    Raises BadInput when the file is missing, unreadable, empty or not a recording, or holds nothing in the
    range.
    """
    first = round(start_s * SPEC.sample_rate_hz)
    stop = None if end_s is None else round(end_s * SPEC.sample_rate_hz)
    if first < 0 or (stop is not None and stop <= first):
        raise BadInput(path, f"no sound from {start_s} s to {end_s} s", "give a start before the end")
    position, found = 0, False
    with reading(path), explained(path):
        for position, samples in _sound(path, start_s, remark):
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
        raise nothing_heard(path)


def stated_duration_s(path: str | Path) -> float | None:
    """How long the file says its sound is; None when it does not say. Nothing is decoded but to choose a track.

    Raises BadInput when the file cannot be opened or has no sound.
    """
    with reading(path), explained(path):
        stated = [track.stated_s for track in tracks(path)]
    return None if None in stated else sum(filter(None, stated))


def read_tags(path: str | Path) -> Tags:
    """What a recording says of itself; BadInput as `stated_duration_s`."""
    with reading(path), explained(path):
        return next(track.tags() for track in tracks(path))


def _sound(path: str | Path, start_s: float, remark: Callable[[str], None] | None) -> Iterator[tuple[int, FloatArray]]:
    """Mono chunks at 22 050 Hz from somewhere before ``start_s`` on, each with its first sample's index."""
    end = 0
    for track in tracks(path):
        link = end
        for position, chunk in _placed(track, start_s):
            yield link + position, chunk
            end = link + position + len(chunk)
        stated_s, least = track.stated_end_s, (end - link) / SPEC.sample_rate_hz + _MISSING_S
        is_short = stated_s is not None and least < stated_s
        is_broken = track.broke_off and least < (track.stated_s or least + 1)  # some demuxers err at the very end
        if remark and end > link and (is_broken or is_short):
            whole = f" of {stated_s:.1f} s" if is_short else ""
            remark(f"breaks off after {end / SPEC.sample_rate_hz:.1f} s{whole}")


def _placed(track: Track, start_s: float) -> Iterator[tuple[int, FloatArray]]:
    """The same of one track, counted from the beginning of its file or link."""
    begins_s, skipped, frames = track.frames(start_s)
    position = 0
    for (time_s, rate), run in groupby(_timed(frames, track.path, begins_s, skipped), lambda timed: timed[0]):
        blocks = _blocks(frame for _, frame in run)
        if skipped:
            # Whole seconds are mixed. From one on all is as it is when the file is read from its start, also the phase
            # of the resampler.
            cut = -skipped % rate
            blocks = _without_start(blocks, cut)
            position = round((begins_s + (skipped + cut) / rate) * SPEC.sample_rate_hz)
            skipped = 0
        pause = round(time_s * SPEC.sample_rate_hz) - position
        for chunk in chain(_silence(pause), to_rate(mixed(blocks, rate), rate)):
            yield position, chunk
            position += len(chunk)


def _timed(
    frames: Iterable[av.AudioFrame], path: str | Path, begins_s: float, skipped: int
) -> Iterator[tuple[tuple[float, int], av.AudioFrame]]:
    """Every frame with its run's beginning in seconds and its sample rate.

    A run is of one format and has no pause. Within it samples are counted, not timed, for clocks are coarse.
    """
    run: _Format | None = None
    run_s, samples, clock_s = begins_s, 0, None
    for frame in frames:
        if frame.sample_rate not in _RATES_HZ:
            raise BadInput(path, f"has {frame.sample_rate} samples a second", "convert it to WAV or FLAC and try again")
        found = frame.sample_rate, frame.layout.name, frame.format.name
        if run is None:
            run, run_s = found, begins_s + skipped / frame.sample_rate
        elapsed_s, pause_s = samples / run[0], 0.0
        if frame.time is not None:
            if clock_s is not None and PAUSE_S < frame.time - clock_s - elapsed_s < LONGEST_PAUSE_S:
                pause_s = frame.time - clock_s - elapsed_s
            elif clock_s is None or abs(frame.time - clock_s - elapsed_s) > PAUSE_S:  # a clock that was set anew
                clock_s = frame.time - elapsed_s
        if pause_s or found != run:
            run, run_s, samples, clock_s = found, run_s + elapsed_s + pause_s, 0, frame.time
        samples += frame.samples
        yield (run_s, frame.sample_rate), frame


def _blocks(frames: Iterable[av.AudioFrame]) -> Iterator[FloatArray]:
    """Frames of one format → samples float32 [n, channels]."""
    # Channels side by side: PyAV reads beyond the memory of frames that hold more than eight one after the other.
    converter = av.AudioResampler(format="flt")
    for gathered in chain(_gathered(frames), [None]):
        for part in converter.resample(gathered):
            if part.samples:
                samples: Any = part.to_ndarray()
                yield samples.reshape(part.samples, -1)


def _gathered(frames: Iterable[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """The same sound in fewer frames: converting a short one takes nearly as long as a long one."""
    queue = av.AudioFifo()
    for frame in frames:
        frame.pts = None  # samples are counted, not timed
        queue.write(frame)
        yield from queue.read_many(_SAMPLES_AT_ONCE)
    rest = queue.read()
    if rest is not None:
        yield rest


def _without_start(blocks: Iterable[FloatArray], cut: int) -> Iterator[FloatArray]:
    """Drops the first ``cut`` samples."""
    for block in blocks:
        yield block[cut:]
        cut = max(0, cut - len(block))


def _silence(samples: int) -> Iterator[FloatArray]:
    """So many samples of silence; none if it is negative."""
    for start in range(0, samples, _SAMPLES_AT_ONCE):
        yield np.zeros(min(_SAMPLES_AT_ONCE, samples - start), np.float32)
