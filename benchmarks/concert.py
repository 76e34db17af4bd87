"""A long recording: ``python -m benchmarks.concert CORPUS MINUTES FILE.mp3``.

Pieces of the corpus one after the other on the test piano, stereo MP3 at 44.1 kHz, so that all the work of decoding is
there. Three hours repeat the same twenty minutes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import av
import numpy as np
from benchmarks.clips import RATE_HZ, play
from benchmarks.pieces import read_pieces

from earmark.schema import FloatArray

ORIGINAL_S = 20 * 60


def perform(corpus: Path, seconds: float) -> FloatArray:
    """``seconds`` of the corpus's pieces, mono float32 at 22 050 Hz."""
    played, samples = [], 0
    for piece in read_pieces(corpus):
        played.append(play(piece))
        samples += len(played[-1])
        if samples >= min(seconds, ORIGINAL_S) * RATE_HZ:
            break
    return np.resize(np.concatenate(played), round(seconds * RATE_HZ))


def write_mp3(path: Path, samples: FloatArray) -> None:
    """Both channels alike, 128 kbit/s."""
    unfinished = path.with_name(f".{path.name}")
    with av.open(str(unfinished), "w", format="mp3") as file:
        stream = file.add_stream("libmp3lame", rate=44_100, layout="stereo", bit_rate=128_000)
        for start in range(0, len(samples), RATE_HZ):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + RATE_HZ], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE_HZ, start
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    os.replace(unfinished, path)


if __name__ == "__main__":
    write_mp3(Path(sys.argv[3]), perform(Path(sys.argv[1]), float(sys.argv[2]) * 60))
