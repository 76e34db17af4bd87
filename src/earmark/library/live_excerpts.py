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

from earmark.audio.spectrogram import spectrogram
from earmark.embed.recording import sounding
from earmark.embed.windows import QUERY_HOP_FRAMES, centres_between
from earmark.model.encoders import Model
from earmark.schema import AudioSpec

AHEAD_S = 1.0
REMEMBERED_S = 20.0
"""Sound that has a say: longer is surer, shorter follows sooner into the next piece."""
LEVEL_S = 0.5
SPEC = AudioSpec()
PCM = npt.NDArray[np.int16]


class LiveExcerpts:
    """What has been heard of mono sound of ``rate_hz`` samples a second.

    ``embeddings`` float32 [n, dimension] are the excerpts of the last `REMEMBERED_S`, ``times_s`` float64 [n] their
    moments since listening began.
    """

    def __init__(self, model: Model, rate_hz: int) -> None:
        self.embeddings = np.zeros((0, model.dimension), np.float32)
        self.times_s = np.zeros(0)
        self._model = model
        self._rate_hz = rate_hz
        self._resampler = av.AudioResampler(format="fltp", layout="mono", rate=SPEC.sample_rate_hz)
        self._samples = np.zeros(0, np.float32)
        self._start = 0  # which sample of the session the first one kept is
        self._next = QUERY_HOP_FRAMES / 2  # the centre of the next excerpt to read, in frames

    @property
    def heard_s(self) -> float:
        """Seconds of sound heard so far."""
        return (self._start + len(self._samples)) / SPEC.sample_rate_hz

    @property
    def level(self) -> float:
        """How loud the last `LEVEL_S` are: the root mean square, 0..1."""
        latest = self._samples[-round(LEVEL_S * SPEC.sample_rate_hz) :]
        return round(float(np.sqrt(np.mean(latest**2))), 4) if len(latest) else 0.0

    def hear(self, pcm: PCM) -> None:
        """Takes the next samples, int16 [n], n > 0."""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm)[None], format="s16", layout="mono")
        frame.sample_rate = self._rate_hz
        parts = [part.to_ndarray()[0] for part in self._resampler.resample(frame)]
        self._samples = np.concatenate([self._samples, *parts])

    def read(self) -> int:
        """Embeds the excerpts that have become old enough, and lets go of those that have no say any more: so many."""
        rate = SPEC.frames_per_second
        centres = centres_between(self._next, (self.heard_s - AHEAD_S) * rate, QUERY_HOP_FRAMES)
        if len(centres):
            self._next = float(centres[-1]) + QUERY_HOP_FRAMES
            first = round(self._start / SPEC.hop_size)
            frames = spectrogram(self._samples)
            centres = centres[sounding(frames, centres - first, SPEC.window_frames)]
            embeddings, _ = self._model.embed_audio(frames, centres - first)
            self.embeddings = np.concatenate([self.embeddings, embeddings])
            self.times_s = np.concatenate([self.times_s, centres / rate])
        return self._drop()

    def _drop(self) -> int:
        # In frames, of which two are a whole number of samples; the first of a spectrogram is not whole.
        needed = int(self._next - SPEC.window_frames / 2 - 1) // 2 * 2
        past = max(0, round(needed * SPEC.hop_size) - self._start)
        self._samples, self._start = self._samples[past:], self._start + past
        old = int(np.searchsorted(self.times_s, self.heard_s - REMEMBERED_S))
        self.times_s, self.embeddings = self.times_s[old:], self.embeddings[old:]
        return old

    def forget(self) -> None:
        """Begins anew; the time goes on."""
        self.embeddings, self.times_s = self.embeddings[:0], self.times_s[:0]
        cells = np.ceil(self.heard_s * SPEC.frames_per_second / QUERY_HOP_FRAMES)
        self._next = float(cells + 0.5) * QUERY_HOP_FRAMES
