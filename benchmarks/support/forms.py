"""Performances that do not go through the printed score once from start to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mido
import numpy as np
import numpy.typing as npt

from benchmarks.support.clips import RATE_HZ
from earmark.corpus.render import is_played, timed
from earmark.schema import FloatArray

BAR_TICKS = 4 * 384  # four quarters of the corpus' MIDI files

_STATED = ("set_tempo", "time_signature")

Part = tuple[int, int]
Ticks = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Form:
    """``order`` names the parts of a piece as they are played: ``A`` up to the system that begins nearest to its
    middle, ``B`` from there on, ``a`` as ``A`` without the last bar or so. Silence and applause are seconds before
    and after."""

    name: str
    order: str = "AB"
    silence_s: float = 0.0
    applause_s: float = 0.0

    def parts(self, tick: Ticks, system: Ticks, end: int) -> list[Part]:
        """The stretches, in ticks, of a score with these onsets that ends at ``end``."""
        begins = np.array([tick[system == number].min() for number in np.unique(system)])
        middle = int(begins[np.abs(begins - end / 2).argmin()])
        if self.order == "AB" or middle in (0, end):
            return [(0, end)]
        first_ending = int(tick[tick <= max(0, middle - BAR_TICKS)].max())
        named = {"A": (0, middle), "B": (middle, end), "a": (0, first_ending)}
        return [named[name] for name in self.order]


FORMS = (
    Form("a repeat (A A B)", "AAB"),
    Form("a repeat with two endings (A a B)", "AaB"),
    Form("a da capo (A B A)", "ABA"),
    Form("from the middle, silence before, applause after (B)", "B", silence_s=6.0, applause_s=8.0),
)


def unfold(score: mido.MidiFile, parts: Sequence[Part]) -> mido.MidiFile:
    """A MIDI file of the parts of ``score`` one after the other; notes end where their part ends."""
    messages = list(timed(score))
    track, now, start = mido.MidiTrack(), 0, 0
    for first, stop in parts:
        tempi = [message for tick, message in messages if tick <= first and message.type == "set_tempo"]
        events = [(start, message) for message in tempi[-1:]]
        sounding = set[tuple[int, int]]()
        for tick, message in messages:
            if not first <= tick <= stop or not (is_played(message) or message.type in _STATED):
                continue
            if _ends(message):
                if (message.channel, message.note) not in sounding:
                    continue
                sounding.remove((message.channel, message.note))
            elif tick == stop:
                continue
            elif message.type == "note_on":
                sounding.add((message.channel, message.note))
            events.append((start + tick - first, message))
        end = start + stop - first
        events += [(end, mido.Message("note_off", channel=channel, note=note)) for channel, note in sorted(sounding)]
        for tick, message in events:
            track.append(message.copy(time=tick - now))
            now = tick
        start = end
    return mido.MidiFile(ticks_per_beat=score.ticks_per_beat, tracks=[track])


def pad(samples: FloatArray, form: Form) -> tuple[FloatArray, float]:
    """The samples with the form's silence (faint hiss) before and its applause after; the seconds before."""
    rng = np.random.default_rng(1)
    before = rng.normal(0, 1e-4, round(form.silence_s * RATE_HZ))
    after = applause(rng, round(form.applause_s * RATE_HZ))
    return np.concatenate([before, samples, after]).astype(np.float32), form.silence_s


def applause(rng: np.random.Generator, count: int) -> FloatArray:
    """Soft claps at random moments, 55 a second: float32 [count]."""
    claps = np.zeros(count, np.float32)
    envelope = np.exp(-np.arange(RATE_HZ // 40) / (RATE_HZ / 400))
    for at in rng.integers(0, max(1, count - len(envelope)), count // 400):
        claps[at : at + len(envelope)] += rng.normal(0, 0.004, len(envelope)) * envelope
    return claps


def _ends(message: mido.Message) -> bool:
    return bool(message.type == "note_off" or (message.type == "note_on" and not message.velocity))
