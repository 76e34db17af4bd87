"""One small file of every kind of sound, and what comes of it: the rows of the table in ``docs/sound.md``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from earmark.schema import FloatArray
from tests.audio.sounds import tone, write

RATE = 44_100
SECONDS = 4.0
Make = Callable[[Path], Path]

# Codec, container, sample rate, channels.
PLAIN = {
    "plain.wav": ("pcm_s16le", "wav", 44_100, 2),
    "24-bit.wav": ("pcm_s24le", "wav", 96_000, 2),
    "32-bit.wav": ("pcm_s32le", "wav", 48_000, 1),
    "float.wav": ("pcm_f32le", "wav", 192_000, 1),
    "double.wav": ("pcm_f64le", "wav", 22_050, 1),
    "8-bit.wav": ("pcm_u8", "wav", 8_000, 1),
    "a-law.wav": ("pcm_alaw", "wav", 8_000, 1),
    "mu-law.wav": ("pcm_mulaw", "wav", 8_000, 1),
    "adpcm-ms.wav": ("adpcm_ms", "wav", 22_050, 1),
    "adpcm-ima.wav": ("adpcm_ima_wav", "wav", 22_050, 1),
    "mp3-in.wav": ("libmp3lame", "wav", 44_100, 2),
    "long.w64": ("pcm_s16le", "w64", 44_100, 2),
    "mac.aiff": ("pcm_s16be", "aiff", 44_100, 2),
    "sun.au": ("pcm_s16be", "au", 44_100, 2),
    "sun-mu-law.au": ("pcm_mulaw", "au", 8_000, 1),
    "core.caf": ("pcm_s16le", "caf", 44_100, 2),
    "core-lossless.caf": ("alac", "caf", 44_100, 2),
    "free.flac": ("flac", "flac", 44_100, 2),
    "high.flac": ("flac", "flac", 96_000, 1),
    "song.mp3": ("libmp3lame", "mp3", 44_100, 2),
    "voice.mp3": ("libmp3lame", "mp3", 16_000, 1),
    "layer-2.mp2": ("mp2", "mp2", 44_100, 2),
    "bare.aac": ("aac", "adts", 44_100, 2),
    "song.m4a": ("aac", "ipod", 44_100, 2),
    "lossless.m4a": ("alac", "ipod", 44_100, 2),
    "film.mov": ("pcm_s16le", "mov", 48_000, 2),
    "phone.3gp": ("aac", "3gp", 44_100, 1),
    "old-phone.amr": ("libopencore_amrnb", "amr", 8_000, 1),
    "vorbis.ogg": ("vorbis", "ogg", 44_100, 2),
    "flac.ogg": ("flac", "ogg", 44_100, 2),
    "chat.opus": ("libopus", "ogg", 48_000, 1),
    "browser.webm": ("libopus", "webm", 48_000, 1),
    "sound.mka": ("flac", "matroska", 44_100, 2),
    "old.avi": ("pcm_s16le", "avi", 44_100, 2),
    "flash.flv": ("libmp3lame", "flv", 44_100, 2),
    "broadcast.ts": ("mp2", "mpegts", 48_000, 2),
    "dvd.mpg": ("mp2", "mpeg", 48_000, 2),
    "windows.wma": ("wmav2", "asf", 44_100, 2),
    "cinema.ac3": ("ac3", "ac3", 48_000, 2),
    "cinema.eac3": ("eac3", "eac3", 48_000, 2),
    "true.tta": ("tta", "tta", 44_100, 2),
    "pack.wv": ("wavpack", "wv", 44_100, 2),
    "blaster.voc": ("pcm_u8", "voc", 11_025, 1),
    "sox.sox": ("pcm_s32le", "sox", 44_100, 1),
    "any.nut": ("flac", "nut", 44_100, 1),
    "real.rm": ("ac3", "rm", 44_100, 2),
}
"""Files of the kinds that FFmpeg writes; all hold `tone` at 440 Hz for `SECONDS`."""


def plain(name: str, folder: Path) -> Path:
    """A file of `PLAIN`."""
    codec, container, rate, channels = PLAIN[name]
    options = {"b": "128000"} if codec == "wmav2" else {}
    return write(folder / name, tone(440, SECONDS, rate, channels), codec, container, rate, options=options)


def _sides(folder: Path) -> Path:
    sound = tone(440, SECONDS, channels=2) * np.array([[1, -1]], np.float32)
    return write(folder / "a.flac", sound, "flac", "flac")


def _channels(folder: Path) -> Path:
    return write(folder / "a.wav", tone(440, SECONDS, channels=9), "pcm_s16le", "wav", layout="9C")


def _late(folder: Path) -> Path:
    sound = tone(440, SECONDS)
    return write(folder / "a.mp4", sound, "aac", "mp4", starts_s=[3.0], picture_s=8)


def _tracks(folder: Path) -> Path:
    sounds = [tone(660, SECONDS), tone(440, SECONDS)]
    return write(folder / "a.mkv", sounds, "flac", "matroska", default=1)


def _silent_track(folder: Path) -> Path:
    sounds: list[FloatArray] = [0 * tone(440, SECONDS), tone(440, SECONDS)]
    return write(folder / "a.mkv", sounds, "flac", "matroska", default=0)


def _chained(folder: Path) -> Path:
    one = write(folder / "1.ogg", tone(440, 2, channels=2), "vorbis", "ogg")
    two = write(folder / "2.ogg", tone(440, 2, 48_000), "libopus", "ogg", 48_000)
    path = folder / "a.ogg"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    return path


def _cut(folder: Path) -> Path:
    path = plain("mac.aiff", folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def _unfinished(folder: Path) -> Path:
    path = plain("song.m4a", folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def _untold(folder: Path) -> Path:
    return plain("song.mp3", folder).rename(folder / "take 3")


def _mute(folder: Path) -> Path:
    return write(folder / "a.mp4", [], "aac", "mp4", picture_s=2)


def _text(folder: Path) -> Path:
    path = folder / "a.mp3"
    path.write_text("This is no recording.\n" * 100)
    return path


def _empty(folder: Path) -> Path:
    path = folder / "a.wav"
    path.touch()
    return path


ODD: dict[str, tuple[Make, str]] = {
    "stereo whose sides cancel each other": (_sides, "heard"),
    "nine channels": (_channels, "heard"),
    "a video whose sound begins 3 s after the picture": (_late, "heard, from 3.0 s on"),
    "several tracks": (_tracks, "heard: the default"),
    "several tracks, of which the default is silent": (_silent_track, "heard: the first that sounds"),
    "an Ogg file of several streams, one after another": (_chained, "heard, all of it"),
    "an AIFF file that was cut off": (_cut, "heard; breaks off after 2.0 s of 4.0 s"),
    "a recording whose name has no ending": (_untold, "heard"),
    "an M4A or MP4 that was never finished": (_unfinished, "is not a recording, or is damaged"),
    "a video without sound": (_mute, "has no sound track"),
    "a text that is called `.mp3`": (_text, "is not a recording, or is damaged"),
    "an empty file": (_empty, "is empty (0 bytes)"),
}
"""What comes of files that are odd or bad: whether they are heard, and what is said."""
