"""Recordings in every container that is written here, plain and odd: excerpts of real music."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.signal

from benchmarks.support.made import Made
from earmark.audio.decode import read_samples
from earmark.schema import AudioSpec, FloatArray
from tests.audio.kinds import PLAIN
from tests.audio.sounds import write

SECONDS = 12.0
_LATE_S = 3.0
_PLAIN, _ODD = "recordings", "odd recordings"
# Containers that are heard as far as they go when their end is missing, and those of which nothing can be read then.
_STREAMS = (
    *("song.mp3", "plain.wav", "mac.aiff", "sun.au", "free.flac", "vorbis.ogg", "chat.opus", "bare.aac"),
    *("sound.mka", "broadcast.ts", "browser.webm", "windows.wma", "cinema.ac3", "core.caf"),
)
_UNFINISHED = ("song.m4a", "lossless.m4a", "film.mov", "phone.3gp")
_RENAMED = ("song.mp3", "free.flac", "vorbis.ogg", "song.m4a", "sound.mka", "plain.wav")


class Sounds:
    """Makes files of excerpts of ``recordings``, another for each file; their stems name what is played."""

    def __init__(self, recordings: list[Path], rng: np.random.Generator) -> None:
        self._rng = rng
        self._whole = {path.stem: np.concatenate(list(read_samples(path))) for path in recordings}

    def _drawn(self, rate: int) -> tuple[str, FloatArray]:
        """What is played, and `SECONDS` of it, float32 [n, 1]."""
        piece = list(self._whole)[self._rng.integers(len(self._whole))]
        samples, own = self._whole[piece], AudioSpec().sample_rate_hz
        begin = int(self._rng.integers(max(1, len(samples) - round(SECONDS * own))))
        excerpt = samples[begin : begin + round(SECONDS * own)]
        excerpt = scipy.signal.resample_poly(excerpt, rate, own).astype(np.float32)
        return piece, (0.7 * excerpt / np.abs(excerpt).max())[:, None]

    def plain(self) -> Iterator[Made]:
        """Every codec and container."""
        for name in PLAIN:
            yield self._file(_PLAIN, name, name)

    def odd(self) -> Iterator[Made]:
        """Channels, tracks, starts, levels, ends and names that are odd."""
        for channels in (3, 4, 5, 6, 7, 8, 9, 12):
            yield self._made(f"{channels}-channels.wav", partial(_channels, channels=channels))
        for name, codec, container in (
            ("a.flac", "flac", "flac"),
            ("a.wv", "wavpack", "wv"),
            ("a.mka", "flac", "matroska"),
        ):
            yield self._made(f"cancelling-{name}", partial(_sides, codec=codec, container=container, gains=(1, -1)))
            yield self._made(f"one-side-{name}", partial(_sides, codec=codec, container=container, gains=(1, 0)))
            yield self._made(f"low-{name}", partial(_sides, codec=codec, container=container, gains=(0.01, 0.01)))
        for name, container in (("a.mp4", "mp4"), ("a.mov", "mov"), ("a.mkv", "matroska")):
            late = partial(_late, container=container)
            yield self._made(f"late-{name}", late, seconds=SECONDS + _LATE_S)
            yield self._made(f"two-tracks-{name}", partial(_tracks, container=container, first=0.5))
            yield self._made(f"silent-track-{name}", partial(_tracks, container=container, first=0.0))
        yield self._made("loud.wav", lambda path, sound: write(path, np.clip(8 * sound, -1, 1), "pcm_s16le", "wav"))
        yield self._made("offset.wav", lambda path, sound: write(path, 0.5 * sound + 0.4, "pcm_s16le", "wav"))
        yield self._made("no-numbers.wav", _no_numbers)
        yield self._made("tagged.mp3", lambda path, sound: write(path, sound, "libmp3lame", "mp3", tags={"title": "Ä"}))
        yield self._made("chained.ogg", _chained)
        for name in _STREAMS:
            share = float(self._rng.uniform(0.4, 0.8))
            made = self._file(_ODD, name, f"cut-{name}", seconds=None)
            yield Made(_ODD, made.name, partial(_cut, made.write, share), asks=made.asks)
        for name in _UNFINISHED:
            made = self._file(_ODD, name, f"cut-{name}", seconds=None)
            yield Made(
                _ODD, made.name, partial(_cut, made.write, 0.5), pieces=0, says="is not a recording, or is damaged"
            )
        for number, name in enumerate(_RENAMED):
            ending = (".mp3", "", ".dat", ".wav", ".WAV", ".ogg")[number]
            yield self._file(_ODD, name, f"renamed-{number}{ending}")
        yield Made(
            _ODD, "no-sound.mp4", lambda path: write(path, [], "aac", "mp4", picture_s=2), 0, says="no sound track"
        )
        silence = np.zeros((44_100, 1), np.float32)
        yield Made(_ODD, "silence.wav", lambda path: write(path, silence, "pcm_s16le", "wav"), 0, says="is silent")

    def _file(self, kind: str, model: str, name: str, seconds: float | None = SECONDS) -> Made:
        """A file as ``model`` of `PLAIN`, of any name."""
        codec, container, rate, channels = PLAIN[model]
        piece, sound = self._drawn(rate)
        options = {"b": "128000"} if codec == "wmav2" else {}
        sound = np.repeat(sound, channels, axis=1)
        make = partial(_plain, sound, codec, container, rate, options)
        return Made(kind, name, make, seconds=seconds, asks=piece)

    def _made(self, name: str, make: Callable[[Path, FloatArray], object], seconds: float = SECONDS) -> Made:
        piece, sound = self._drawn(44_100)
        return Made(_ODD, name, partial(_with_sound, make, sound), seconds=seconds, asks=piece)


def _plain(sound: FloatArray, codec: str, container: str, rate: int, options: dict[str, str], path: Path) -> None:
    write(path, sound, codec, container, rate, options=options)


def _with_sound(make: Callable[[Path, FloatArray], object], sound: FloatArray, path: Path) -> None:
    make(path, sound)


def _channels(path: Path, sound: FloatArray, channels: int) -> None:
    write(path, np.repeat(sound, channels, axis=1), "pcm_s16le", "wav", layout=f"{channels}C")


def _sides(path: Path, sound: FloatArray, codec: str, container: str, gains: tuple[float, float]) -> None:
    write(path, sound * np.array([gains], np.float32), codec, container)


def _late(path: Path, sound: FloatArray, container: str) -> None:
    write(path, sound, "aac", container, starts_s=[_LATE_S], picture_s=SECONDS + _LATE_S)


def _tracks(path: Path, sound: FloatArray, container: str, first: float) -> None:
    """The first track, marked as the default, is ``first`` times as loud; the other holds the music as it is."""
    write(path, [first * sound, sound], "aac", container, default=0)


def _no_numbers(path: Path, sound: FloatArray) -> None:
    holes = sound.copy()
    holes[::10_000] = np.nan
    holes[5_000] = np.inf
    write(path, holes, "pcm_f32le", "wav")


def _chained(path: Path, sound: FloatArray) -> None:
    half = len(sound) // 2
    links = []
    for number, part in enumerate((sound[:half], sound[half:])):
        link = path.with_name(f".link-{number}")
        links.append(write(link, np.repeat(part, 2, axis=1), "vorbis", "ogg").read_bytes())
        link.unlink()
    path.write_bytes(b"".join(links))


def _cut(make: Callable[[Path], Any], share: float, path: Path) -> None:
    make(path)
    content = path.read_bytes()
    path.write_bytes(content[: round(share * len(content))])
