"""MIDI → the sound of a piano or of the score's own instruments, through FluidSynth.

The soundfonts are Debian packages; a piano is a soundfont, a bank and a preset: ``fluidr3-0-0``. ``fluidr3-score`` is a
soundfont with the instruments that the score names, ``fluidr3-family`` with others of their families
(`earmark.corpus.instruments`). FluidSynth renders at 22 050 Hz directly, without reverb and chorus: rooms are a matter
of augmentation, not of the corpus.
"""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import c_float, c_int, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import mido
import numpy as np
import numpy.typing as npt

from earmark.corpus.instruments import Player, as_written, varied
from earmark.errors import BadInput
from earmark.schema import AudioSpec, FloatArray

SAMPLE_RATE_HZ = AudioSpec().sample_rate_hz
RELEASE_S = 2.0  # rendered after the last note ends
_PEDALS = (64, 66, 67)  # controllers: damper, sostenuto, soft
PERCUSSION = 9  # the channel of General MIDI's drums
CHANNELS = 16
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


_ATTACK = 34  # SoundFont 2's number of the generator attackVolEnv
_MODULATION_WHEEL = 1
SCORE, FAMILY = "score", "family"


@dataclass(frozen=True)
class Piano:
    """One preset of a soundfont; ``package`` is the Debian package that has it.

    Where ``plays`` is `SCORE` or `FAMILY`, bank and preset mean nothing: every channel has an instrument of its own.
    """

    name: str
    soundfont: Path
    package: str
    bank: int
    preset: int
    plays: str = ""


PIANOS = {
    f"{font}-{bank}-{preset}": Piano(f"{font}-{bank}-{preset}", Path(path), package, bank, preset)
    for font, (path, package) in _SOUNDFONTS.items()
    for bank, preset in _PRESETS[font]
}
"""All that can be asked for by name. MuseScore General plays no families: it is for measuring only."""
PIANOS |= {
    f"{font}-{plays}": Piano(f"{font}-{plays}", Path(path), package, 0, 0, plays)
    for font, (path, package) in _SOUNDFONTS.items()
    for plays in (SCORE, FAMILY)
    if (font, plays) != ("musescore", FAMILY)
}


def find_piano(name: str) -> Piano:
    """The piano ``name``. Raises BadInput for an unknown one and for a soundfont not installed."""
    piano = PIANOS.get(name)
    if piano is None:
        raise BadInput(name, "is no piano", f"choose from {', '.join(PIANOS)}")
    if not piano.soundfont.is_file():
        raise BadInput(piano.soundfont, "is missing", f"apt-get install {piano.package}")
    return piano


def render(
    performance: mido.MidiFile, piano: str, tempo: float = 1.0, cents: float = 0.0, draw: str = ""
) -> FloatArray:
    """Play ``performance`` on ``piano`` at ``tempo`` times its own speed: mono float32 [samples] at 22 050 Hz.

    The piano is tuned ``cents`` (at most 100 either way) above 440 Hz. ``draw`` is what instruments of the same family
    are drawn from: equal texts give equal ones.

    Notes with their velocities and pedals are played, every channel but the percussion's. They are on the same piano,
    or on the instruments of the score or their families. The sound
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
    players = _players(played, performance, draw)
    for channel in range(CHANNELS):
        _set_up(synth, channel, players.get(channel), cents)
    chunks, done = [], 0
    for sample, (_, message) in zip(at_sample.astype(np.int64), events, strict=True):
        if sample > done:
            chunks.append(synth.get_samples(int(sample) - done))
            done = int(sample)
        if message.type == "control_change":
            if message.channel in players and not players[message.channel].has_pedal:
                continue
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


def _players(piano: Piano, performance: mido.MidiFile, draw: str) -> dict[int, Player]:
    """Channel → what plays it; empty where the same piano plays all."""
    if piano.plays == FAMILY:
        return varied(performance, np.random.default_rng(crc32(f"{piano.name} {draw}".encode())))
    return as_written(performance) if piano.plays == SCORE else {}


def _set_up(synth: Any, channel: int, player: Player | None, cents: float) -> None:
    import fluidsynth

    if player is None:
        synth.pitch_bend(channel, round(cents * _BEND_PER_CENT))
        return
    synth.program_change(channel, player.program)
    synth.pitch_bend(channel, round((cents + player.cents) * _BEND_PER_CENT))
    synth.cc(channel, _MODULATION_WHEEL, player.vibrato)
    # pyfluidsynth wraps no generators.
    set_generator = fluidsynth.cfunc(
        "fluid_synth_set_gen",
        c_int,
        ("synth", c_void_p, 1),
        ("channel", c_int, 1),
        ("generator", c_int, 1),
        ("value", c_float, 1),
    )
    set_generator(synth.synth, channel, _ATTACK, player.attack_timecents)


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
    if message.is_meta or getattr(message, "channel", PERCUSSION) == PERCUSSION:
        return False
    if message.type == "control_change":
        return message.control in _PEDALS
    return message.type in ("note_on", "note_off")


def _new_synth(piano: Piano) -> Any:
    import fluidsynth

    synth = fluidsynth.Synth(samplerate=SAMPLE_RATE_HZ, channels=CHANNELS, **_QUICK)
    soundfont = synth.sfload(str(piano.soundfont))
    for channel in range(CHANNELS):
        synth.program_select(channel, soundfont, piano.bank, piano.preset)
    return synth


@cache
def _keep_samples(piano: Piano) -> Any:
    """Keep the piano's samples in FluidSynth's cache for as long as the process runs: decoding them takes a second."""
    return _new_synth(piano)
