"""Validation pieces → questions about them, and the editions of them that a library may hold.

A piece is heard as its rendering, as that is recorded badly (`earmark.training.data.augment_audio`), and as a take of a
piano player in a room, with its own codec (`earmark.corpus.takes`). Of each there are clips of every length and the
whole, and both between talking and applause. Its pages are as they were engraved, and degraded in three ways, from
little to as bad as one can read (`earmark.training.data.augment_sheet`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import mido
import numpy as np
import torch

from earmark.audio.noise import SAMPLE_RATE_HZ as RATE_HZ
from earmark.audio.noise import applause, babble
from earmark.audio.spectrogram import spectrogram
from earmark.corpus.takes import perform, record_take
from earmark.embed.recording import EmbeddedRecording, sounding
from earmark.embed.windows import PLACE_HOP_PX, QUERY_HOP_FRAMES, centres_between
from earmark.model.encoders import GRID, Model
from earmark.schema import AudioSpec, FloatArray, Image, Ink
from earmark.search.query import Query, query_of
from earmark.sheet.strips import heads_of
from earmark.training.data.augment_audio import augment_audio
from earmark.training.data.augment_sheet import augment_sheet
from earmark.training.data.chances import Chances
from earmark.training.data.dataset import TrainingPiece

CLIP_LENGTHS_S = (5.0, 10.0, 20.0, 40.0)
AMONG_NOISE_S = 20.0
"""Length of the clips that are also questions between talking and applause."""
MOST_NOISE_S = 60.0
TAKE = 101
"""Number of the take; those of training begin at 1."""
WORST = (0.3, 0.6, 1.0)
"""How bad the degraded editions are at most, of what a musician can just read."""
STRETCH_PX = 3000
"""Of a strip that is degraded at once."""


@dataclass(frozen=True)
class Question:
    """What is asked about the piece number ``own``; ``kind`` says how long it is, for people to read."""

    own: int
    kind: str
    query: Query


def ask_about(model: Model, own: int, name: str, heard: FloatArray, midi: Path, rendering: str) -> Iterator[Question]:
    """All questions about a piece: of ``heard``, its rendering's spectrogram, and of a take where there is ``midi``."""
    rng = np.random.default_rng(crc32(name.encode()))
    performances = [heard, _badly_recorded(rng, heard)]
    if midi.exists():
        performance, _ = perform(mido.MidiFile(midi), name, TAKE)
        piano = re.split("[~@]", rendering)[0]
        performances.append(spectrogram(record_take(performance, piano, name, TAKE)))
    for number, whole in enumerate(performances):
        for kind, clip in _clips(rng, whole, (number + 0.5) / len(performances)):
            yield Question(own, kind, _query(model, clip))


def editions(model: Model, piece: TrainingPiece) -> list[FloatArray]:
    """The places of a piece as engraved and degraded, each float32 [n, dimension]."""
    clean = piece.ink()
    return [embed_places(model, clean), *(embed_places(model, _worse(clean, piece.name, worst)) for worst in WORST)]


def embed_places(model: Model, ink: Ink) -> FloatArray:
    """All places of a strip: float32 [n, dimension]."""
    return model.embed_strip(ink, centres_between(0, ink.columns, PLACE_HOP_PX))[0]


def _worse(clean: Ink, name: str, worst: float) -> Ink:
    """A degraded strip, with its heads."""
    strip = _degraded(clean.strip, name, worst)
    pixels: Image = np.round(255 * (1 - strip)).astype(np.uint8)
    return Ink(strip, heads_of(pixels, clean.heads.begins))


def _degraded(strip: FloatArray, name: str, worst: float) -> FloatArray:
    """A whole strip, printed and scanned in one way; what is beside and behind it is the strip elsewhere."""
    seed, width = crc32(f"{name} {worst}".encode()), strip.shape[2]
    padded = np.pad(strip, ((0, 0), (0, 0), (0, -width % GRID)))
    elsewhere = np.roll(padded, padded.shape[2] // 2, axis=2)
    degraded = [
        augment_sheet(
            Chances(np.random.default_rng(seed)),
            torch.from_numpy(np.stack([lane[:, part], other[:, part]])),
            torch.ones(2),
            worst,
        )[0].numpy()
        for lane, other in zip(padded, elsewhere, strict=True)
        for start in range(0, padded.shape[2], STRETCH_PX)
        for part in [slice(start, start + STRETCH_PX)]
    ]
    lanes = np.array_split(np.arange(len(degraded)), len(strip))
    whole: FloatArray = np.stack([np.concatenate([degraded[i] for i in lane], axis=1) for lane in lanes])
    return whole[:, :, :width]


def _clips(rng: np.random.Generator, whole: FloatArray, where: float) -> Iterator[tuple[str, FloatArray]]:
    """Clips of every length that fits, ``where`` (0..1) between start and end, and all of it: [frames, bands]."""
    for length_s in CLIP_LENGTHS_S:
        frames = round(length_s * AudioSpec().frames_per_second)
        if frames > len(whole):
            continue
        start = round(where * (len(whole) - frames))
        clip = whole[start : start + frames]
        yield f"{length_s:g} s", clip
        if length_s == AMONG_NOISE_S:
            yield f"{length_s:g} s among noise", _among_noise(rng, clip)
    yield "whole", whole
    yield "whole among noise", _among_noise(rng, whole)


def _among_noise(rng: np.random.Generator, clip: FloatArray) -> FloatArray:
    """Talking before and applause after, up to a minute of each, soft or loud."""
    kinds = (babble, applause)
    before, after = (
        spectrogram(rng.uniform(0.01, 0.3) * _to_unit(make(rng, round(rng.uniform(1, MOST_NOISE_S) * RATE_HZ))))
        for make in kinds
    )
    return np.concatenate([before, clip, after])


def _to_unit(samples: FloatArray) -> FloatArray:
    """The same with a root mean square of 1."""
    scaled: FloatArray = samples / np.sqrt(np.mean(samples**2))
    return scaled


def _badly_recorded(rng: np.random.Generator, spectrogram: FloatArray) -> FloatArray:
    clip = torch.from_numpy(spectrogram[None])
    out: FloatArray = augment_audio(Chances(rng), clip, clip)[0].numpy()
    return out


def _query(model: Model, spectrogram: FloatArray) -> Query:
    """What `earmark.search.query` makes of a recording with this spectrogram."""
    spec = AudioSpec()
    centres = centres_between(0, len(spectrogram), QUERY_HOP_FRAMES)
    centres = centres[sounding(spectrogram, centres, spec.window_frames)]
    embeddings, _ = model.embed_audio(spectrogram, centres)
    rate = spec.frames_per_second
    return query_of(EmbeddedRecording(embeddings, centres / rate, len(spectrogram) / rate))
