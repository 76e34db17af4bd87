"""A long recording: ``python -m benchmarks.support.concert CORPUS MINUTES FILE.mp3``.

Pieces of the corpus one after the other on the test piano, stereo MP3 at 44.1 kHz, so that all the work of decoding is
there. What is longer than `ORIGINAL_MINUTES` repeats them: an MP3 may be played on by appending one.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import av
import numpy as np

from benchmarks.support.clips import RATE_HZ, play
from benchmarks.support.pieces import read_pieces
from earmark.schema import FloatArray

ORIGINAL_MINUTES = 10.0


def perform(corpus: Path, minutes: float) -> FloatArray:
    """This much of the corpus's pieces, mono float32 at 22 050 Hz."""
    played, samples, wanted = [], 0, round(minutes * 60 * RATE_HZ)
    for piece in read_pieces(corpus):
        played.append(play(piece))
        samples += len(played[-1])
        if samples >= wanted:
            break
    return np.resize(np.concatenate(played), wanted)


def mp3(samples: FloatArray) -> bytes:
    """Both channels alike, 128 kbit/s, without the header that states a length."""
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as file:
        stream = file.add_stream("libmp3lame", rate=44_100, layout="stereo", bit_rate=128_000)
        for start in range(0, len(samples), RATE_HZ):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + RATE_HZ], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE_HZ, start
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return memory.getvalue()


def main() -> None:
    corpus, minutes, path = Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    original = min(minutes, ORIGINAL_MINUTES)
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_bytes(mp3(perform(corpus, original)) * round(minutes / original))
    os.replace(unfinished, path)


if __name__ == "__main__":
    main()
