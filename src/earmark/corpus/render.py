"""MIDI → the sound of a piano, through FluidSynth.

The soundfonts are Debian packages; a piano is a soundfont, a bank and a preset: ``fluidr3-0-0``. FluidSynth renders
at 22 050 Hz directly, without reverb and chorus: rooms are a matter of augmentation, not of the corpus.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import mido
import numpy as np
import numpy.typing as npt

from earmark.errors import BadInput
from earmark.schema import AudioSpec, FloatArray

SAMPLE_RATE_HZ = AudioSpec().sample_rate_hz
RELEASE_S = 2.0  # rendered after the last note ends
_PEDALS = (64, 66, 67)  # controllers: damper, sostenuto, soft
_PERCUSSION = 9  # the channel of General MIDI's drums
_CHANNELS = 16
_QUICK = {"synth.reverb.active": 0, "synth.chorus.active": 0, "synth.dynamic-sample-loading": 1}
_BEND_PER_CENT = 8192 / 200  # MIDI's pitch bend reaches two semitones
_MIDI_TEMPO_US = 500_000  # of a quarter, until a file says otherwise
_SOUNDFONTS = {
    "fluidr3": ("/usr/share/sounds/sf2/FluidR3_GM.sf2", "fluid-soundfont-gm"),
    "timgm6mb": ("/usr/share/sounds/sf2/TimGM6mb.sf2", "timgm6mb-soundfont"),
    "musescore": ("/usr/share/sounds/sf3/MuseScore_General_Full.sf3", "musescore-general-soundfont"),
}
_PRESETS = {
    "fluidr3": ((0, 0), (0, 1), (0, 2), (0, 3), (0, 4)),
    "timgm6mb": ((0, 0), (0, 1), (0, 2), (0, 3)),
    "musescore": ((0, 0), (0, 1), (8, 0)),
}


@dataclass(frozen=True)
class Piano:
    """One preset of a soundfont; ``package`` is the Debian package that has it."""

    name: str
    soundfont: Path
    package: str
    bank: int
    preset: int


PIANOS = {
    f"{font}-{bank}-{preset}": Piano(f"{font}-{bank}-{preset}", Path(path), package, bank, preset)
    for font, (path, package) in _SOUNDFONTS.items()
    for bank, preset in _PRESETS[font]
}


def find_piano(name: str) -> Piano:
    """The piano ``name``. Raises BadInput for an unknown one and for a soundfont not installed."""
    piano = PIANOS.get(name)
    if piano is None:
        raise BadInput(name, "is no piano", f"choose from {', '.join(PIANOS)}")
    if not piano.soundfont.is_file():
        raise BadInput(piano.soundfont, "is missing", f"apt-get install {piano.package}")
    return piano


def render(performance: mido.MidiFile, piano: str, tempo: float = 1.0, cents: float = 0.0) -> FloatArray:
    """Play ``performance`` on ``piano`` at ``tempo`` times its own speed: mono float32 [samples] at 22 050 Hz.

    The piano is tuned ``cents`` (at most 200 either way) above 440 Hz.

    Notes with their velocities and pedals are played, every channel but the percussion's on the same piano. The sound
    begins at tick 0 and lasts `RELEASE_S` longer than the performance. A note begins up to 64 samples (3 ms)
    late, FluidSynth's block.

    Raises BadInput as `find_piano` does.
    """
    played = find_piano(piano)
    _keep_samples(played)
    events = [(tick, message) for tick, message in timed(performance) if is_played(message)]
    ticks = [tick for tick, _ in timed(performance)]
    at_sample = np.rint(seconds(performance, [tick for tick, _ in events]) / tempo * SAMPLE_RATE_HZ)
    end_s = seconds(performance, ticks[-1:])[0] / tempo + RELEASE_S if ticks else RELEASE_S
    # A synthesiser of its own for every performance: nothing rings on, and equal input gives equal samples.
    synth = _new_synth(played)
    for channel in range(_CHANNELS):
        synth.pitch_bend(channel, round(cents * _BEND_PER_CENT))
    chunks, done = [], 0
    for sample, (_, message) in zip(at_sample.astype(np.int64), events, strict=True):
        if sample > done:
            chunks.append(synth.get_samples(int(sample) - done))
            done = int(sample)
        if message.type == "control_change":
            synth.cc(message.channel, message.control, message.value)
        elif message.type == "note_on" and message.velocity:
            synth.noteon(message.channel, message.note, message.velocity)
        else:
            synth.noteoff(message.channel, message.note)
    chunks.append(synth.get_samples(round(end_s * SAMPLE_RATE_HZ) - done))
    synth.delete()
    stereo = np.concatenate(chunks).reshape(-1, 2)
    mono: FloatArray = stereo.mean(axis=1, dtype=np.float32) / np.float32(2**15)
    return mono


def timed(performance: mido.MidiFile) -> Iterator[tuple[int, mido.Message]]:
    """Every message of ``performance``, all tracks together, with its tick."""
    tick = 0
    for message in mido.merge_tracks(performance.tracks, skip_checks=True):
        tick += message.time
        yield tick, message


def seconds(performance: mido.MidiFile, ticks: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The seconds at ``ticks`` [n] under the tempo map of ``performance``, float64 [n]."""
    changes = {0: _MIDI_TEMPO_US}
    changes.update({tick: message.tempo for tick, message in timed(performance) if message.type == "set_tempo"})
    at_tick = np.array(sorted(changes), np.float64)
    seconds_per_tick = np.array([changes[tick] for tick in sorted(changes)]) / 1e6 / performance.ticks_per_beat
    at_second = np.concatenate([[0.0], np.cumsum(np.diff(at_tick) * seconds_per_tick[:-1])])
    wanted = np.asarray(ticks, np.float64)
    segment = np.maximum(np.searchsorted(at_tick, wanted, side="right") - 1, 0)
    at: npt.NDArray[np.float64] = at_second[segment] + (wanted - at_tick[segment]) * seconds_per_tick[segment]
    return at


def is_played(message: mido.Message) -> bool:
    """Whether `render` plays ``message``: a note or a pedal of any channel but the percussion's."""
    if message.is_meta or getattr(message, "channel", _PERCUSSION) == _PERCUSSION:
        return False
    if message.type == "control_change":
        return message.control in _PEDALS
    return message.type in ("note_on", "note_off")


def _new_synth(piano: Piano) -> Any:
    import fluidsynth

    synth = fluidsynth.Synth(samplerate=SAMPLE_RATE_HZ, channels=_CHANNELS, **_QUICK)
    soundfont = synth.sfload(str(piano.soundfont))
    for channel in range(_CHANNELS):
        synth.program_select(channel, soundfont, piano.bank, piano.preset)
    return synth


@cache
def _keep_samples(piano: Piano) -> Any:
    """Keep the piano's samples in FluidSynth's cache for as long as the process runs: decoding them takes a second."""
    return _new_synth(piano)
