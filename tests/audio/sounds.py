"""Small recordings of every kind, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from earmark.schema import FloatArray


def tone(hz: float, seconds: float, rate: int = 44_100, channels: int = 1) -> FloatArray:
    """A sine at 0.3 of full scale, float32 [n, channels]."""
    time_s = np.arange(round(seconds * rate)) / rate
    sine: FloatArray = (0.3 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)
    return np.repeat(sine[:, None], channels, axis=1)


def write(
    path: Path,
    tracks: FloatArray | Sequence[FloatArray],
    codec: str,
    container: str,
    rate: int = 44_100,
    *,
    layout: str = "",
    starts_s: Sequence[float] = (),
    default: int | None = None,
    picture_s: float = 0.0,
    tags: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """A file of sound tracks float32 [n, channels], with a film of ``picture_s`` beside them.

    Track ``default`` is marked as that, and track ``i`` begins at ``starts_s[i]``.
    """
    sounds = [tracks] if isinstance(tracks, np.ndarray) else tracks
    with av.open(str(path), "w", format=container, options=container_options or {}) as file:
        file.metadata.update(tags or {})
        film: Any = None
        if picture_s:
            film = file.add_stream("mpeg4", rate=10)
            film.width, film.height, film.pix_fmt = 32, 32, "yuv420p"
        streams: list[Any] = []
        for number, sound in enumerate(sounds):
            stream: Any = file.add_stream(codec, rate=rate, options={"strict": "experimental", **(options or {})})
            stream.layout = layout or {1: "mono", 2: "stereo"}[sound.shape[1]]
            if default is not None:
                stream.disposition = stream.disposition.default if number == default else type(stream.disposition)(0)
            streams.append(stream)
        for number in range(round(picture_s * 10)):
            picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 10)
            file.mux(film.encode(picture))
        if film:
            file.mux(film.encode())
        for number, (stream, sound) in enumerate(zip(streams, sounds, strict=True)):
            begin = round((starts_s[number] if starts_s else 0.0) * rate)
            for at in range(0, len(sound), 1024):
                part = np.ascontiguousarray(sound[at : at + 1024])
                frame = av.AudioFrame(format="flt", layout=stream.layout.name, samples=len(part))
                frame.planes[0].update(part.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
                frame.sample_rate, frame.pts, frame.time_base = rate, begin + at, Fraction(1, rate)
                file.mux(stream.encode(frame))
            file.mux(stream.encode())
    return path
