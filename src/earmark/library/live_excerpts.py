"""Sound as it comes → excerpts, embedded once each; what is past is let go.

An excerpt is centred in a window of 8.4 s, but the encoder understands it nearly as well when only the first
`AHEAD_S` after its centre are there and the rest is silence (85 % of the excerpts of unseen pieces found their place
among all of their piece's with 1 s, 88 % with the whole window, 75 % with 0.6 s). So an excerpt is read, once, when it
is that old.

No threads, no clock, no devices.
"""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt

from earmark.audio.rate import speed
from earmark.audio.spectrogram import spectrogram
from earmark.embed.recording import sounding
from earmark.embed.windows import QUERY_HOP_FRAMES, centres_between
from earmark.model.encoders import Model
from earmark.schema import AudioSpec, FloatArray

AHEAD_S = 1.0
REMEMBERED_S = 20.0
"""Sound that has a say: longer is surer, shorter follows sooner into the next piece."""
LEVEL_S = 0.5
REST_S = 0.2
REST_DB = -25.0
LOUD_S = 10.0
"""The music rests where `REST_S` of sound are so much softer than the loudest of the last `LOUD_S`."""
SPEC = AudioSpec()
PCM = npt.NDArray[np.int16]


class LiveExcerpts:
    """What has been heard of mono sound of ``rate_hz`` samples a second, which is raised by ``semitones``.

    ``embeddings`` float32 [n, dimension] are the excerpts of the last `REMEMBERED_S`, ``times_s`` float64 [n] their
    moments since listening began, ``levels`` float64 [n] how loud these are: the root mean square, 0..1.
    """

    def __init__(self, model: Model, rate_hz: int, semitones: int = 0) -> None:
        self.embeddings = np.zeros((0, model.dimension), np.float32)
        self.times_s, self.levels = np.zeros(0), np.zeros(0)
        self._model = model
        # Raised sound is played faster: a second of it is so many samples and frames of what the model hears.
        self._rate_hz = round(rate_hz * speed(semitones))
        self._samples_per_s = SPEC.sample_rate_hz * rate_hz / self._rate_hz
        self._frames_per_s = SPEC.frames_per_second * rate_hz / self._rate_hz
        self._resampler = av.AudioResampler(format="fltp", layout="mono", rate=SPEC.sample_rate_hz)
        self._samples = np.zeros(0, np.float32)
        self._start = 0  # which sample of the session the first one kept is
        self._next = QUERY_HOP_FRAMES / 2  # the centre of the next excerpt to read, in frames

    @property
    def heard_s(self) -> float:
        """Seconds of sound heard so far."""
        return (self._start + len(self._samples)) / self._samples_per_s

    @property
    def level(self) -> float:
        """How loud the last `LEVEL_S` are: the root mean square, 0..1."""
        return round(_level(self._samples[-round(LEVEL_S * self._samples_per_s) :]), 4)

    @property
    def rests(self) -> npt.NDArray[np.bool_]:
        """At which excerpts the music rests, bool [n]."""
        since = np.searchsorted(self.times_s, self.times_s - LOUD_S)
        loudest = [self.levels[start : i + 1].max() for i, start in enumerate(since)]
        resting: npt.NDArray[np.bool_] = self.levels < 10 ** (REST_DB / 20) * np.array(loudest)
        return resting

    def hear(self, pcm: PCM) -> None:
        """Takes the next samples, int16 [n], n > 0."""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm)[None], format="s16", layout="mono")
        frame.sample_rate = self._rate_hz
        parts = [part.to_ndarray()[0] for part in self._resampler.resample(frame)]
        self._samples = np.concatenate([self._samples, *parts])

    def read(self) -> int:
        """Embeds the excerpts that have become old enough, and lets go of those that have no say any more: so many."""
        rate = self._frames_per_s
        centres = centres_between(self._next, (self.heard_s - AHEAD_S) * rate, QUERY_HOP_FRAMES)
        if len(centres):
            self._next = float(centres[-1]) + QUERY_HOP_FRAMES
            first = round(self._start / SPEC.hop_size)
            frames = spectrogram(self._samples)
            centres = centres[sounding(frames, centres - first, SPEC.window_frames)]
            embeddings, _ = self._model.embed_audio(frames, centres - first)
            self.embeddings = np.concatenate([self.embeddings, embeddings])
            self.times_s = np.concatenate([self.times_s, centres / rate])
            self.levels = np.concatenate([self.levels, [self._level_at(time_s) for time_s in centres / rate]])
        return self._drop()

    def _level_at(self, time_s: float) -> float:
        start, end = (round((time_s + side * REST_S / 2) * self._samples_per_s) - self._start for side in (-1, 1))
        return _level(self._samples[max(0, start) : end])

    def _drop(self) -> int:
        # In frames, of which two are a whole number of samples; the first of a spectrogram is not whole.
        needed = int(self._next - SPEC.window_frames / 2 - 1) // 2 * 2
        past = max(0, round(needed * SPEC.hop_size) - self._start)
        self._samples, self._start = self._samples[past:], self._start + past
        old = int(np.searchsorted(self.times_s, self.heard_s - REMEMBERED_S))
        self.times_s, self.levels, self.embeddings = self.times_s[old:], self.levels[old:], self.embeddings[old:]
        return old

    def forget(self) -> None:
        """Begins anew; the time goes on."""
        self.times_s, self.levels, self.embeddings = self.times_s[:0], self.levels[:0], self.embeddings[:0]
        cells = np.ceil(self.heard_s * self._frames_per_s / QUERY_HOP_FRAMES)
        self._next = float(cells + 0.5) * QUERY_HOP_FRAMES


def _level(samples: FloatArray) -> float:
    """The root mean square of samples, 0 of none."""
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
