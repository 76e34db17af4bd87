"""Ways in which a recording gets worse between the piano and the file, each the same at every call.

Every way reads a file and writes another, which plays `Way.speed` times as fast and is otherwise as long.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.filter import Graph

from benchmarks.support.clips import RATE_HZ, write_wav
from earmark.audio.decode import read_samples
from earmark.schema import FloatArray

TALKERS = 12
SIGNAL_TO_NOISE_DB = 10.0
# Two second-order filters at each end of the band that a telephone passes.
TELEPHONE = 2 * ("highpass=f=300",) + 2 * ("lowpass=f=3400",)
# A WAV file need not name its layout, and what has none is not filtered.
LAYOUTS = "aformat=channel_layouts=mono|stereo"
VOWELS_HZ = np.array(  # first three formants of vowels (Peterson and Barney 1952, men)
    [
        (730, 1090, 2440),
        (660, 1720, 2410),
        (530, 1840, 2480),
        (270, 2290, 3010),
        (570, 840, 2410),
        (300, 870, 2240),
    ]
)
FORMANT_GAINS, FORMANT_WIDTHS_HZ = (1.0, 0.5, 0.25), (80.0, 110.0, 160.0)


@dataclass(frozen=True)
class Way:
    """``make(recording, target)`` writes ``target`` + ``suffix``; None: the recording itself."""

    make: Callable[[Path, Path], None] | None = None
    suffix: str = ".wav"
    speed: float = 1.0

    def disturb(self, recording: Path, folder: Path) -> Path:
        """The disturbed recording, a file in ``folder``."""
        if self.make is None:
            return recording
        target = (folder / recording.stem).with_suffix(self.suffix)
        self.make(recording, target)
        return target


def cafe(recording: Path, target: Path) -> None:
    """Babble of many voices, 10 dB below the music (root mean square of the whole recording)."""
    music = np.concatenate(list(read_samples(recording)))
    voices = babble(len(music), np.random.default_rng(zlib.crc32(recording.stem.encode())))
    level = np.sqrt(np.mean(music**2) / np.mean(voices**2)) * 10 ** (-SIGNAL_TO_NOISE_DB / 20)
    mixed = music + np.float32(level) * voices
    write_wav(target, mixed / max(1.0, float(np.abs(mixed).max())))


def babble(samples: int, rng: np.random.Generator, talkers: int = TALKERS) -> FloatArray:
    """``talkers`` voices near and far, float32 [samples]: syllables of wandering pitch through the formants of vowels,
    noise between them, pauses."""
    mixed = np.zeros(samples, np.float32)
    for _ in range(talkers):
        near, pitch_hz, now = rng.uniform(0.3, 1.0), rng.uniform(95, 230), int(rng.integers(RATE_HZ))
        while now < samples:
            syllable = near * _syllable(rng, pitch_hz * rng.uniform(0.85, 1.2))[: samples - now]
            mixed[now : now + len(syllable)] += syllable
            pause_s = rng.uniform(0.3, 1.2) if rng.random() < 0.12 else rng.uniform(0.0, 0.06)
            now += len(syllable) + round(pause_s * RATE_HZ)
    return mixed


def _syllable(rng: np.random.Generator, pitch_hz: float) -> FloatArray:
    """A consonant's noise and a vowel's pulses, through the vowel's formants."""
    size = round(rng.uniform(0.12, 0.3) * RATE_HZ)
    time_s = np.arange(size) / RATE_HZ
    turns = np.cumsum(pitch_hz * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(1, 4) * time_s))) / RATE_HZ
    pulses = np.diff(np.floor(turns), prepend=0.0)
    hiss = rng.normal(0, 0.15, size) * np.exp(-time_s / 0.05)
    spectrum = np.fft.rfft(pulses + hiss)
    frequency_hz = np.fft.rfftfreq(size, 1 / RATE_HZ)[:, None]
    formants = FORMANT_GAINS / (1 + ((frequency_hz - rng.choice(VOWELS_HZ)) / FORMANT_WIDTHS_HZ) ** 2)
    voice: npt.NDArray[np.float64] = np.fft.irfft(spectrum * formants.sum(axis=1), size) * np.hanning(size)
    return voice.astype(np.float32)


def convert(
    recording: Path,
    target: Path,
    codec: str,
    filters: tuple[str, ...] = (),
    rate_hz: int = 44_100,
    layout: str | None = None,
    bit_rate: int | None = None,
) -> None:
    """Writes ``recording`` through FFmpeg's ``filters`` (``name=options``) and a codec, in ``layout`` or its own."""
    with av.open(str(recording)) as source, av.open(str(target), "w") as file:
        own = "mono" if source.streams.audio[0].channels == 1 else "stereo"
        stream = cast(av.AudioStream, file.add_stream(codec, rate=rate_hz, layout=layout or own))
        if bit_rate:
            stream.bit_rate = bit_rate
        for frame in _filtered(source, filters):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def _filtered(source: InputContainer, filters: tuple[str, ...]) -> Iterator[av.AudioFrame]:
    graph = Graph()
    last = graph.add_abuffer(template=source.streams.audio[0])
    for text in (LAYOUTS, *filters, "abuffersink="):
        name, _, arguments = text.partition("=")
        following = graph.add(name, arguments)
        last.link_to(following)
        last = following
    graph.configure()
    for frame in chain(source.decode(audio=0), [None]):
        graph.push(frame)
        while True:
            try:
                yield cast(av.AudioFrame, graph.pull())
            except (av.error.BlockingIOError, av.error.EOFError):
                break


def _at_speed(speed: float) -> Way:
    return Way(partial(convert, codec="pcm_s16le", filters=(f"atempo={speed}",)), speed=speed)


WAYS = {
    "as recorded": Way(),
    "telephone": Way(partial(convert, codec="pcm_mulaw", filters=TELEPHONE, rate_hz=8000, layout="mono")),
    "café at 10 dB": Way(cafe),
    "MP3 at 48 kbit/s": Way(partial(convert, codec="libmp3lame", bit_rate=48_000), ".mp3"),
    **{f"{speed} × speed": _at_speed(speed) for speed in (0.8, 0.9, 1.1, 1.25)},
}
