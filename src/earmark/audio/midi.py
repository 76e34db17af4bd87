"""A MIDI file → the sound of a plain plucked string, so that it can be a question like a recording.

Every note is a sum of ``PARTIALS`` sines at whole multiples of its pitch (equal temperament, A4 = 440 Hz), the k-th
with amplitude 1 / k, which falls k times as fast as the first; a damped note fades in ``RELEASE_S``. No soundfont
and no system package is needed, and equal files give equal samples. Velocities, the damper pedal and tempo changes
are followed, the percussion channel is left out.

The work is bounded by the length of what is played: a note rings ``RING_S`` at most, and of more than ``VOICES`` at
once the oldest ends, as in synthesizers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.audio.smf import Message, read_messages
from earmark.errors import EMPTY, BadInput
from earmark.schema import AudioSpec, FloatArray

Times = npt.NDArray[np.float64]

RATE_HZ = AudioSpec().sample_rate_hz
PARTIALS = 10
DECAY_S = 1.2
"""Time in which the lowest partial of A4 falls to 1 / e; 1.5 times that an octave lower."""
RELEASE_S = 0.1
LOUDNESS = 0.08
"""Amplitude of the lowest partial at full velocity."""
BLOCK_S = 10.0
RING_S = 20.0
VOICES = 256
LONGEST_S = 6 * 3600.0
"""What comes later is not played."""
MOST_NOTES = 500_000
MOST_BYTES = 64_000_000
_DECAYS = 8
"""After so many decay times a note is as quiet as the noise of 16 bits."""
_PERCUSSION = 9
_DAMPER = 64
_NOTE_OFF, _NOTE_ON, _CONTROL = 0x80, 0x90, 0xB0


@dataclass(frozen=True, slots=True)
class Note:
    """One note: seconds from the file's start, MIDI pitch, velocity 1–127."""

    onset_s: float
    end_s: float
    pitch: int
    velocity: int


def play(
    path: str | Path, start_s: float = 0.0, end_s: float | None = None, remark: Callable[[str], None] | None = None
) -> Iterator[FloatArray]:
    """The sound of a MIDI file from ``start_s`` to ``end_s`` (None: the end), like `earmark.audio.decode.read_samples`:
    mono float32 chunks at 22 050 Hz; ``remark`` is told what is amiss with the file.

    Raises BadInput when the file is none or has no note in the range.
    """
    notes = read_notes(path, remark)
    strings = _Strings(notes)
    end = strings.end if end_s is None else min(round(end_s * RATE_HZ), strings.end)
    first = round(start_s * RATE_HZ)
    if not strings.any_between(first, end):
        raise BadInput(path, "has no note in the range", "give another start and end")
    step = round(BLOCK_S * RATE_HZ)
    for begin in range(first, end, step):
        yield strings.sound(begin, min(begin + step, end))


def duration_s(path: str | Path) -> float:
    """How long a MIDI file sounds; raises BadInput as `read_notes` does."""
    return _Strings(read_notes(path)).end / RATE_HZ


def read_notes(path: str | Path, remark: Callable[[str], None] | None = None) -> list[Note]:
    """The notes of a MIDI file, by onset; a note held by the damper pedal lasts until the pedal is up.

    ``remark`` is told what is amiss. Raises BadInput when the file cannot be read, is none, or has no notes to play.
    """
    tell = remark or (lambda told: None)
    messages = read_messages(_content(path), str(path), tell)
    if _struck(message for message in messages if message[0] > LONGEST_S) - {_PERCUSSION}:
        tell(f"goes on after {LONGEST_S / 3600:.0f} hours, which is not played")
    notes: list[Note] = []
    for found in _notes(messages):
        if len(notes) == MOST_NOTES:
            tell(f"has more than {MOST_NOTES} notes; the later are not played")
            break
        notes.append(found)
    if not notes:
        if _struck(messages) - {_PERCUSSION}:
            raise BadInput(path, f"is silent for its first {LONGEST_S / 3600:.0f} hours", "cut its start")
        if _struck(messages):
            raise BadInput(path, "has percussion only, which is not played", "give a MIDI file with pitches")
        raise BadInput(path, "has no notes", "give a MIDI file with notes")
    return sorted(notes, key=lambda note: (note.onset_s, note.pitch))


def _struck(messages: Iterable[Message]) -> set[int]:
    """The channels with keys that are struck."""
    return {status & 0x0F for _, status, _, velocity in messages if status & 0xF0 == _NOTE_ON and velocity}


def _content(path: str | Path) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise BadInput(path, "does not exist", "check the name") from error
    except OSError as error:
        raise BadInput(path, f"cannot be read ({error.strerror})", "check its permissions") from error
    if not content:
        raise BadInput(path, *EMPTY)
    if len(content) > MOST_BYTES:
        raise BadInput(path, f"is larger than {MOST_BYTES // 10**6} MB", "cut it")
    return content


def _notes(messages: Iterable[Message]) -> Iterator[Note]:
    """The notes of all channels but percussion's, each when it has ended, `LONGEST_S` at the latest."""
    now_s = 0.0
    sounding: dict[tuple[int, int], tuple[float, int]] = {}
    held: dict[int, set[tuple[int, int]]] = {}  # keys up, by the channels whose pedal is down
    for now_s, status, data, value in messages:
        if now_s > LONGEST_S:
            now_s = LONGEST_S
            break
        kind, channel = status & 0xF0, status & 0x0F
        if channel == _PERCUSSION:
            continue
        ended: set[tuple[int, int]] = set()
        struck = kind == _NOTE_ON and value > 0
        if kind == _CONTROL and data == _DAMPER:
            if value >= 64:
                held.setdefault(channel, set())
            else:
                ended = held.pop(channel, set())
        elif kind in (_NOTE_ON, _NOTE_OFF):
            key = channel, data
            if channel in held and not struck:
                held[channel].add(key)
            else:
                ended = {key}
                held.get(channel, set()).discard(key)
        for key in ended & sounding.keys():
            onset_s, velocity = sounding.pop(key)
            yield Note(onset_s, now_s, key[1], velocity)
        if struck:
            sounding[channel, data] = now_s, value
    for (_, pitch), (onset_s, velocity) in sounding.items():
        yield Note(onset_s, now_s, pitch, velocity)


class _Strings:
    """What notes sound like: a string for every pitch, plucked once and heard from every note."""

    def __init__(self, notes: list[Note]) -> None:
        """``notes`` by onset, at least one."""
        self._pitches = np.array([note.pitch for note in notes])
        self._loudness = np.array([LOUDNESS * note.velocity / 127 for note in notes], np.float32)
        onsets_s = np.array([note.onset_s for note in notes])
        ends_s = np.minimum(np.array([note.end_s for note in notes]), onsets_s + _ring_s(self._pitches))
        ends_s[:-VOICES] = np.minimum(ends_s[:-VOICES], onsets_s[VOICES:])
        self._onsets = np.round(onsets_s * RATE_HZ).astype(np.int64)
        self._damped = np.round(ends_s * RATE_HZ).astype(np.int64)
        self._release = round(RELEASE_S * RATE_HZ)
        self._fade = 1 - np.arange(self._release, dtype=np.float32) / self._release
        self._longest = int((self._damped - self._onsets).max()) + self._release
        self._waves: dict[int, FloatArray] = {}
        self.end = int(self._damped.max()) + self._release
        """The sample after which all is silent."""

    def any_between(self, first: int, stop: int) -> bool:
        """Whether a note sounds from one sample to another."""
        return len(self._between(first, stop)) > 0

    def sound(self, first: int, stop: int) -> FloatArray:
        """Samples ``first`` to ``stop``, float32 in [-1, 1]."""
        sound = np.zeros(stop - first, np.float32)
        for i in self._between(first, stop):
            onset, damped = int(self._onsets[i]), int(self._damped[i])
            start, end = max(onset, first), min(damped + self._release, stop)
            wave = self._wave(int(self._pitches[i]))[start - onset : end - onset] * self._loudness[i]
            fading = max(damped, start)
            if fading < end:
                wave[fading - start :] *= self._fade[fading - damped : end - damped]
            sound[start - first : end - first] += wave
        return np.clip(sound, -1.0, 1.0)

    def _between(self, first: int, stop: int) -> npt.NDArray[np.int64]:
        """The notes that sound from one sample to another."""
        begin, end = np.searchsorted(self._onsets, [first - self._longest, stop])
        found: npt.NDArray[np.int64] = np.arange(begin, end)
        audible: npt.NDArray[np.int64] = found[self._damped[begin:end] + self._release > first]
        return audible

    def _wave(self, pitch: int) -> FloatArray:
        """A plucked string, as long as any note of this pitch."""
        if pitch not in self._waves:
            longest = (self._damped - self._onsets)[self._pitches == pitch].max() + self._release
            self._waves[pitch] = _plucked(pitch, int(longest))
        return self._waves[pitch]


def _decay_s(pitch: npt.ArrayLike) -> Times:
    decay_s: Times = DECAY_S * 1.5 ** ((69 - np.asarray(pitch)) / 12)
    return decay_s


def _ring_s(pitch: npt.ArrayLike) -> Times:
    """How long a note that nobody damps is heard."""
    return np.minimum(RING_S, _DECAYS * _decay_s(pitch))


def _plucked(pitch: int, length: int) -> FloatArray:
    """A string of amplitude 1 from its onset on, float32 [length]; the sum over z^k / k by Horner's rule."""
    hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    z = np.exp((2j * np.pi * hz - 1 / float(_decay_s(pitch))) * np.arange(length) / RATE_HZ)
    wave = np.zeros_like(z)
    for k in range(min(PARTIALS, int(RATE_HZ / 2 / hz)), 0, -1):
        wave = (wave + 1 / k) * z
    string: FloatArray = wave.imag.astype(np.float32)
    return string
