"""Record the demo's pieces with players, rooms and pianos of its own, none of which a model was trained on.

Run ``python -m demo.make_recordings`` from the root of the project. Every piece of ``demo/scores`` and
``demo/absent`` is performed (``performance.py``) on a piano, placed in a room (``room.py``), cut to an excerpt from
inside the piece and written as Opus to ``demo/recordings``. ``demo/queries.json`` says what each recording is and
which system is heard when. All that is random is drawn from the piece's name, so that a second run makes the same
performances.

Needs the ``corpus`` extra and the Debian packages ``libfluidsynth3`` and ``musescore-general-soundfont``.
"""

from __future__ import annotations

import json
import os
import re
import sys
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import mido
import numpy as np

from demo.layout import printed_systems
from demo.performance import Performance, perform
from demo.room import Room, in_room
from earmark.corpus.render import SAMPLE_RATE_HZ, render
from earmark.schema import FloatArray

HERE = Path(__file__).parent
PIANOS = ("musescore-8-0", "musescore-0-1")
SLOWER, FASTER = (0.75, 0.93), (1.08, 1.3)  # tempo over the score's: never the score's own
REVERBERATION_S, DIRECT_DB, NOISE_DB = (0.3, 0.9), (2.0, 9.0), (42.0, 55.0)
DURATION_S = (22.0, 32.0)
BEFORE_S = 0.2  # heard before the excerpt's first bar
BIT_RATE = 40_000


def main() -> None:
    sources = [source for folder in ("scores", "absent") for source in sorted((HERE / folder).glob("*.ly"))]
    queries = [record(source) for source in sources]
    scratch = HERE / "queries.json.tmp"
    scratch.write_text(json.dumps({"queries": queries}, indent=1) + "\n")
    os.replace(scratch, HERE / "queries.json")


def record(source: Path) -> dict[str, Any]:
    """Write the recording of the piece ``source`` (LilyPond, MIDI and PDF beside it); return its query."""
    rng = np.random.default_rng(zlib.crc32(source.stem.encode()))
    tempo = float(rng.uniform(*(SLOWER if rng.random() < 0.5 else FASTER)))
    piano = str(rng.choice(PIANOS))
    room = Room(*(round(float(rng.uniform(*span)), 2) for span in (REVERBERATION_S, DIRECT_DB, NOISE_DB)))
    score = mido.MidiFile(source.with_suffix(".mid"))
    performance = perform(score, _pickup_ticks(source, score), tempo, rng)
    sound = in_room(render(performance.midi, piano), room, SAMPLE_RATE_HZ, rng)

    start_bar, start_s, duration_s = _excerpt(performance, rng)
    first, last = (round(at_s * SAMPLE_RATE_HZ) for at_s in (start_s, start_s + duration_s))
    recording = HERE / "recordings" / f"{source.stem}.ogg"
    recording.parent.mkdir(exist_ok=True)
    _write_opus(recording, _faded(sound[first:last]))
    print(f"{recording.name}: from bar {start_bar}, tempo {tempo:.2f}, {piano}, {room}", file=sys.stderr)
    in_library = source.parent.name == "scores"
    return {
        "recording": str(recording.relative_to(HERE)),
        "plays": source.stem,
        "in_library": in_library,
        "start_bar": start_bar,
        "duration_s": round(duration_s, 2),
        "tempo": round(tempo, 3),
        "piano": piano,
        "room": asdict(room),
        "systems": list(_heard(source.with_suffix(".pdf"), performance, start_s, duration_s)) if in_library else [],
    }


def _pickup_ticks(source: Path, score: mido.MidiFile) -> int:
    r"""Return the length of an incomplete first bar, which MIDI does not tell: LilyPond's ``\partial 4.``."""
    partial = re.search(r"\\partial (\d+)(\.?)", source.read_text())
    if partial is None:
        return 0
    quarters = Fraction(4, int(partial[1])) * (Fraction(3, 2) if partial[2] else 1)
    return int(quarters * score.ticks_per_beat)


def _excerpt(performance: Performance, rng: np.random.Generator) -> tuple[int, float, float]:
    """Return the first bar, the start [s] and the duration [s] of an excerpt from inside the piece."""
    bars_s = performance.seconds_at(performance.bar_ticks)
    duration_s = min(float(rng.uniform(*DURATION_S)), 0.8 * float(bars_s[-1]))
    last = int(np.searchsorted(bars_s, bars_s[-1] - duration_s))
    bar = int(rng.integers(2, last + 1))
    return bar, float(bars_s[bar - 1]) - BEFORE_S, duration_s


def _heard(pdf: Path, performance: Performance, start_s: float, duration_s: float) -> Iterator[dict[str, float]]:
    """Yield the systems played within ``duration_s`` from ``start_s`` on, timed from ``start_s``."""
    printed = list(printed_systems(pdf))
    begin_ticks = performance.bar_ticks[[system.bar - 1 for system in printed]]
    begin_s = performance.seconds_at(begin_ticks) - start_s
    begin_s[0] = -start_s  # a pick-up stands in the first system too
    for system, from_s, to_s in zip(printed, begin_s, [*begin_s[1:], np.inf], strict=True):
        if from_s < duration_s and to_s > 0:
            yield {"from_s": max(0.0, round(float(from_s), 2)), **asdict(system)}


def _faded(samples: FloatArray) -> FloatArray:
    """Fade ``samples`` [n] in over 30 ms and out over half a second."""
    rise, fall = round(0.03 * SAMPLE_RATE_HZ), round(0.5 * SAMPLE_RATE_HZ)
    gain = np.ones(len(samples), np.float32)
    gain[:rise] = np.linspace(0, 1, rise)
    gain[-fall:] = np.linspace(1, 0, fall)
    return samples * gain


def _write_opus(path: Path, samples: FloatArray) -> None:
    """Write mono ``samples`` float32 [n] at 22 050 Hz to ``path``, Opus in Ogg."""
    scratch = path.with_suffix(".tmp")
    with av.open(str(scratch), "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono", bit_rate=BIT_RATE)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = SAMPLE_RATE_HZ
        for resampled in (*resampler.resample(frame), *resampler.resample(None), None):
            container.mux(stream.encode(resampled))
    os.replace(scratch, path)


if __name__ == "__main__":
    main()
