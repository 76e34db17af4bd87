"""A recording → the embeddings of its excerpts, with their times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.audio.rate import raised, speed
from earmark.audio.sound import read_sound, read_tags
from earmark.audio.spectrogram import spectrogram, spectrogram_blocks
from earmark.audio.texture import textures
from earmark.embed.windows import BLOCK, QUERY_HOP_FRAMES, windowed
from earmark.model.encoders import Model, Positions
from earmark.schema import AudioSpec, FloatArray

SILENCE = 1e-3
"""Spectrogram values below this are silence (16-bit rounding noise reaches about 2e-4)."""


@dataclass(frozen=True)
class EmbeddedRecording:
    """A recording's excerpts: ``embeddings`` float32 [n, dimension], ``times_s`` float64 [n], ascending.

    Times count from the start of the stretch that was read, as long as ``duration_s``. Excerpts whose whole
    window is silent are left out, so ``n`` may be 0. ``remarks`` say what was amiss with the file, a clause each;
    ``title`` and ``composer`` are the file's own, "" where it says nothing. ``textures`` [n, 3] are those of
    `earmark.audio.texture`; [0, 3] where the sound itself is not at hand.
    """

    embeddings: FloatArray
    times_s: npt.NDArray[np.float64]
    duration_s: float
    remarks: tuple[str, ...] = ()
    title: str = ""
    composer: str = ""
    textures: FloatArray = field(default_factory=lambda: np.zeros((0, 3), np.float32))


@dataclass(frozen=True)
class Block:
    """A stretch of a spectrogram, ``frames`` float32 [n, bands]; ``heard_s`` seconds of sound have been read so far,
    and are played ``speed`` times as fast.

    The last has no frames, but what is then known of the file; these fields are those of `EmbeddedRecording`.
    """

    frames: FloatArray
    heard_s: float
    speed: float
    remarks: tuple[str, ...] = ()
    title: str = ""
    composer: str = ""


def warm_up() -> None:
    """Makes a short spectrogram: what is slow the first time is done before processes that read fork."""
    spectrogram(np.zeros(AudioSpec().frame_size, np.float32))


def read_blocks(path: Path, start_s: float = 0.0, end_s: float | None = None, semitones: int = 0) -> Iterator[Block]:
    """The spectrogram of the recording at ``path``, or of its stretch ``start_s``..``end_s``, a minute at a time; at
    last a block without frames. A MIDI file is played first. The sound is ``semitones`` higher than it was.

    Raises BadInput as `earmark.audio.sound.read_sound` does.
    """
    spec = AudioSpec()
    samples = 0

    def counted(chunks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        nonlocal samples
        for chunk in chunks:
            samples += len(chunk)
            yield chunk

    remarks: list[str] = []
    sound, faster = read_sound(path, start_s, end_s, remarks.append), speed(semitones)
    for frames in spectrogram_blocks(raised(counted(sound), semitones), BLOCK):
        yield Block(frames, samples / spec.sample_rate_hz, faster)
    tags, nothing = read_tags(path), np.zeros((0, spec.bands), np.float32)
    yield Block(nothing, samples / spec.sample_rate_hz, faster, tuple(remarks), tags.title, tags.composer)


def embed_recording(
    blocks: Iterable[Block], model: Model, report: Callable[[float], None] | None = None
) -> EmbeddedRecording:
    """Excerpts every ``QUERY_HOP_FRAMES`` of the recording that `read_blocks` gave.

    ``report`` is told now and then how many seconds have been heard.
    """
    spec = AudioSpec()
    last = Block(np.zeros((0, spec.bands), np.float32), 0.0, 1.0)

    def timed() -> Iterator[FloatArray]:
        nonlocal last
        for last in blocks:
            if len(last.frames):
                yield last.frames

    embeddings, frames = [np.zeros((0, model.dimension), np.float32)], [np.zeros(0)]
    heard_as = [np.zeros((0, 3), np.float32)]
    for stretch, first, centres in windowed(timed(), spec.window_frames, QUERY_HOP_FRAMES):
        heard = centres[sounding(stretch, centres - first, spec.window_frames)]
        embeddings.append(model.embed_audio(stretch, heard - first)[0])
        frames.append(heard)
        heard_as.append(textures(stretch, heard - first))
        if report:
            report(last.heard_s)
    times_s = np.concatenate(frames) / spec.frames_per_second * last.speed
    told = (last.heard_s, last.remarks, last.title, last.composer)
    return EmbeddedRecording(np.concatenate(embeddings), times_s, *told, np.concatenate(heard_as))


def sounding(stretch: FloatArray, centres: Positions, window: int) -> npt.NDArray[np.bool_]:
    """Whether there is sound in the windows around ``centres``, rows of ``stretch`` [frames, bands]; bool [n]."""
    loud = np.concatenate([[0], np.cumsum(stretch.max(axis=1) > SILENCE)])
    start = np.clip(centres - window / 2, 0, len(stretch)).astype(np.int64)
    end = np.clip(centres + window / 2, 0, len(stretch)).astype(np.int64)
    sounding: npt.NDArray[np.bool_] = loud[end] > loud[start]
    return sounding
