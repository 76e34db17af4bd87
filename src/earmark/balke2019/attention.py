"""Attention weights, and the onsets within the window that they weigh."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.errors import BadInput
from earmark.model.encoders import Model
from earmark.schema import AudioSpec, FloatArray, SheetSpec
from earmark.sheet.strips import ink
from earmark.training.data.dataset import TrainingPiece, evenly_taken


@dataclass(frozen=True)
class Excerpt:
    """One query and what it is to find.

    ``spectrogram`` float32 [frames, 92] is the audio window, ``attention`` float32 [positions] its
    weights, which sum to 1, ``offset_s`` float64 [positions] their times about the centre; ``snippet`` float32
    [80, 100] is ink, 0 = paper; ``x_px`` its place on the strip; ``onsets`` how many the window holds.
    """

    time_s: float
    spectrogram: FloatArray
    attention: FloatArray
    offset_s: npt.NDArray[np.float64]
    snippet: FloatArray
    x_px: float
    onsets: int


def has_attention(attention: FloatArray) -> bool:
    """Whether weights [n, positions] are anything but even."""
    return bool(np.ptp(attention) > 1e-6)


def entropy(attention: FloatArray) -> npt.NDArray[np.float64]:
    """Entropy in nats of weights [n, positions] that sum to 1: [n], from 0 (one position) to log(positions) (even)."""
    a = attention.astype(np.float64)
    found: npt.NDArray[np.float64] = -(a * np.log(np.maximum(a, 1e-30))).sum(axis=1)
    return found


def onsets_within(time_s: npt.NDArray[np.float64], at: npt.NDArray[np.int64], reach_s: float) -> npt.NDArray[np.int64]:
    """How many of the onsets at ``time_s`` are within ``reach_s`` of each of those numbered ``at``: int64 [n]."""
    low, high = (np.searchsorted(time_s, time_s[at] + step) for step in (-reach_s, reach_s))
    return (high - low).astype(np.int64)


def excerpts(encoders: Model, piece: TrainingPiece, rendering: str, onsets: Sequence[int]) -> list[Excerpt]:
    """Excerpts of a piece about some of its onsets (their numbers)."""
    audio, sheet = AudioSpec(), SheetSpec()
    at = np.array(onsets, np.int64)
    spectrum = piece.audio[rendering].astype(np.float32)
    onsets_s = piece.audio_s(rendering, piece.onsets.time_s)
    frame = onsets_s[at] * audio.frames_per_second
    _, attention = encoders.embed_audio(spectrum, frame)
    reach = encoders.attention_reach_frames
    offset_s = np.linspace(-reach, reach, attention.shape[1]) / audio.frames_per_second
    counted = onsets_within(onsets_s, at, reach / audio.frames_per_second)
    strip = ink(piece.strip[0])
    half_px = sheet.window_px // 2
    made = []
    for number, (centre, weights) in enumerate(zip(np.rint(frame).astype(int), attention, strict=True)):
        x_px = float(piece.onsets.x_px[at[number]])
        left, start = round(x_px), centre - int(reach + 0.5)
        made.append(
            Excerpt(
                time_s=float(frame[number] / audio.frames_per_second),
                spectrogram=spectrum[max(0, start) : centre + int(reach + 0.5)],
                attention=weights,
                offset_s=offset_s,
                snippet=strip[:, max(0, left - half_px) : left + half_px],
                x_px=x_px,
                onsets=int(counted[number]),
            )
        )
    return made


def nearest_onset(piece: TrainingPiece, time_s: float) -> int:
    """The number of the onset nearest to a time at tempo 1."""
    return int(np.abs(piece.onsets.time_s - time_s).argmin())


def typical_onset(piece: TrainingPiece, usable: npt.NDArray[np.bool_], reach_s: float) -> int:
    """Among the usable onsets (boolean [onsets]) the one about which the piece is as dense as it mostly is.

    Raises BadInput when none is usable.
    """
    at = np.flatnonzero(usable)
    if not len(at):
        raise BadInput(piece.name, "is shorter than the window", "choose a longer piece")
    density = onsets_within(piece.onsets.time_s, at, reach_s)
    return int(at[np.argsort(density, kind="stable")[len(at) // 2]])


def entropies(
    encoders: Model,
    pieces: Sequence[TrainingPiece],
    rendering: str,
    pairs: int,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Number of onsets and entropy of the attention (nats) of ``pairs`` windows taken evenly (Figure 4).

    ``report`` gets pieces done and in all. Raises BadInput when the encoders have no attention.
    """
    audio = AudioSpec()
    reach_s = encoders.attention_reach_frames / audio.frames_per_second
    counts, found = [], []
    taken = evenly_taken(pieces, [rendering] * len(pieces), pairs, audio, SheetSpec())
    for number, (piece, onsets) in enumerate(zip(pieces, taken, strict=True)):
        report(number, len(pieces))
        if not len(onsets):
            continue
        onsets_s = piece.audio_s(rendering, piece.onsets.time_s)
        frame = onsets_s[onsets] * audio.frames_per_second
        _, attention = encoders.embed_audio(piece.audio[rendering].astype(np.float32), frame)
        if not has_attention(attention):
            raise BadInput(encoders.model_id, "has no attention", "choose a model with attention, such as bl2-lc-at")
        counts.append(onsets_within(onsets_s, onsets, reach_s))
        found.append(entropy(attention))
    report(len(pieces), len(pieces))
    return np.concatenate(counts), np.concatenate(found)
