"""Why a search answers as it does: what the audio encoder sees and attends to, and the snippets that look alike to it.

The picture is Figure 2 of Balke et al. (2019): attention over the spectrogram, beside the snippet.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.audio.rate import raised, speed
from earmark.audio.sound import read_sound
from earmark.audio.spectrogram import spectrogram
from earmark.embed.windows import QUERY_HOP_FRAMES, centres_between
from earmark.model.encoders import Model
from earmark.sandbox.sandbox import Sandbox
from earmark.schema import AudioSpec, FloatArray

SPEC = AudioSpec()


@dataclass(frozen=True)
class Excerpts:
    """Excerpts of a recording: ``times_s`` float64 [n] their centres, ``embeddings`` float32 [n, dimension].

    ``attention`` float32 [n, positions]; each row sums to 1 and belongs to the moments ``times_s + offsets_s``,
    ``offsets_s`` float64 [positions].
    """

    times_s: npt.NDArray[np.float64]
    embeddings: FloatArray
    attention: FloatArray
    offsets_s: npt.NDArray[np.float64]


def hear(path: Path, start_s: float, end_s: float, semitones: int = 0) -> tuple[FloatArray, float]:
    """The log spectrogram float32 [frames, 92] of a stretch of a recording, and the second it really begins at.

    The sound is ``semitones`` higher than it was. The second is at most 0.1 s before ``start_s``, where a frame begins
    on a whole sample. Raises BadInput as `earmark.audio.sound.read_sound` does.
    """
    grid_s = 2 / SPEC.frames_per_second  # two frames are a whole number of samples apart
    first_s = max(0.0, int(start_s / grid_s + 1e-9) * grid_s)
    return spectrogram(raised(read_sound(path, first_s, end_s), semitones)), first_s


def attend(
    path: str | Path, model: Model, start_s: float, end_s: float, sandbox: Sandbox, semitones: int = 0
) -> Excerpts:
    """The excerpts centred between ``start_s`` and ``end_s``, on the grid of a search that raises the recording by
    ``semitones``; BadInput as `hear`."""
    rate = SPEC.frames_per_second / speed(semitones)  # frames in a second of the file
    margin_s = SPEC.window_frames / rate / 2
    frames, first_s = sandbox.call(hear, path, max(0.0, start_s - margin_s), end_s + margin_s, semitones)
    stop = min(end_s * rate, first_s * rate + len(frames))
    centres = centres_between(start_s * rate, stop, QUERY_HOP_FRAMES)
    embeddings, attention = model.embed_audio(frames, centres - first_s * rate)
    reach = model.attention_reach_frames
    offsets = np.linspace(-reach, reach, attention.shape[1])
    return Excerpts(centres / rate, embeddings, attention, offsets / rate)
