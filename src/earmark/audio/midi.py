"""A MIDI file → the sound of a plain plucked string, so that it can be a question like a recording.

Every note is a sum of ``PARTIALS`` sines at whole multiples of its pitch (equal temperament, A4 = 440 Hz), the k-th
with amplitude 1 / k, which falls k times as fast as the first; a damped note fades in ``RELEASE_S``. No soundfont
and no system package is needed, and equal files give equal samples. Velocities, the damper pedal and tempo changes
are followed, the percussion channel is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
import numpy.typing as npt

from earmark.errors import BadInput
from earmark.schema import AudioSpec, FloatArray

Samples = npt.NDArray[np.float64]

RATE_HZ = AudioSpec().sample_rate_hz
PARTIALS = 10
DECAY_S = 1.2
"""Time in which the lowest partial of A4 falls to 1 / e; 1.5 times that an octave lower."""
RELEASE_S = 0.1
LOUDNESS = 0.08
"""Amplitude of the lowest partial at full velocity."""
BLOCK_S = 10.0
MAX_S = 6 * 3600.0
_PERCUSSION = 9
_DAMPER = 64


@dataclass(frozen=True)
class Note:
    """One note: seconds from the file's start, MIDI pitch, velocity 1–127."""

    onset_s: float
    end_s: float
    pitch: int
    velocity: int


def play(path: str | Path, start_s: float = 0.0, end_s: float | None = None) -> Iterator[FloatArray]:
    """The sound of a MIDI file from ``start_s`` to ``end_s`` (None: the end), like `earmark.audio.decode.read_samples`:
    mono float32 chunks at 22 050 Hz.

    Raises BadInput when the file is damaged, longer than ``MAX_S``, or has no note in the range.
    """
    notes = [note for note in read_notes(path) if note.end_s > start_s and (end_s is None or note.onset_s < end_s)]
    if not notes:
        raise BadInput(path, "has no note in the range", "give a MIDI file with notes, or another start and end")
    stop_s = max(note.end_s for note in notes) + RELEASE_S
    stop = round(min(stop_s, stop_s if end_s is None else end_s) * RATE_HZ)
    step = round(BLOCK_S * RATE_HZ)
    for first in range(round(start_s * RATE_HZ), stop, step):
        yield _block(notes, first, min(first + step, stop))


def read_notes(path: str | Path) -> list[Note]:
    """The notes of a MIDI file, by onset; a note held by the damper pedal lasts until the pedal is up."""
    try:
        file = mido.MidiFile(path, clip=True)
        notes = sorted(_notes(file), key=lambda note: (note.onset_s, note.pitch))
    except FileNotFoundError as error:
        raise BadInput(path, "does not exist", "check the name") from error
    except Exception as error:  # mido lists none
        raise BadInput(path, "is a damaged MIDI file", "export it again") from error
    if notes and max(note.end_s for note in notes) > MAX_S:
        raise BadInput(path, f"lasts longer than {MAX_S / 3600:.0f} hours", "cut it")
    return notes


def _notes(file: mido.MidiFile) -> Iterator[Note]:
    now_s = 0.0
    sounding: dict[tuple[int, int], tuple[float, int]] = {}
    held: dict[int, set[tuple[int, int]]] = {}  # keys up, by the channels whose pedal is down
    for message in file:
        now_s += message.time
        if message.is_meta or getattr(message, "channel", _PERCUSSION) == _PERCUSSION:
            continue
        channel, ended = message.channel, set()
        if message.type == "control_change" and message.control == _DAMPER:
            if message.value >= 64:
                held.setdefault(channel, set())
            else:
                ended = held.pop(channel, set())
        elif message.type in ("note_on", "note_off"):
            key = (channel, message.note)
            struck = message.type == "note_on" and message.velocity > 0
            if channel in held and not struck:
                held[channel].add(key)
            else:
                ended = {key}
                held.get(channel, set()).discard(key)
        for key in ended & sounding.keys():
            onset_s, velocity = sounding.pop(key)
            yield Note(onset_s, now_s, key[1], velocity)
        if message.type == "note_on" and message.velocity > 0:
            sounding[channel, message.note] = now_s, message.velocity
    for (_, pitch), (onset_s, velocity) in sounding.items():
        yield Note(onset_s, now_s, pitch, velocity)


def _block(notes: list[Note], first: int, stop: int) -> FloatArray:
    """Samples ``first`` to ``stop``."""
    sound = np.zeros(stop - first)
    for note in notes:
        start, end = round(note.onset_s * RATE_HZ), round((note.end_s + RELEASE_S) * RATE_HZ)
        inside = slice(max(start, first), min(end, stop))
        if inside.start < inside.stop:
            time_s = np.arange(inside.start - start, inside.stop - start) / RATE_HZ
            sound[inside.start - first : inside.stop - first] += _sound(note, time_s)
    return np.clip(sound, -1.0, 1.0).astype(np.float32)


def _sound(note: Note, time_s: Samples) -> Samples:
    """A note at ``time_s`` after its onset; the sum over z^k / k by Horner's rule."""
    hz = 440.0 * 2.0 ** ((note.pitch - 69) / 12)
    decay_s = DECAY_S * 1.5 ** ((69 - note.pitch) / 12)
    z = np.exp((2j * np.pi * hz - 1 / decay_s) * time_s)
    wave = np.zeros_like(z)
    for k in range(min(PARTIALS, int(RATE_HZ / 2 / hz)), 0, -1):
        wave = (wave + 1 / k) * z
    fade = np.clip(1 - (time_s - (note.end_s - note.onset_s)) / RELEASE_S, 0.0, 1.0)
    sound: Samples = LOUDNESS * note.velocity / 127 * wave.imag * fade
    return sound
