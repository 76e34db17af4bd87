"""Recordings of corpus pieces whose every moment is known on the page.

The sound is rendered from the piece's MIDI file with ``earmark.corpus.render``, as the corpus's is; where it is on the
page says ``noteheads.npz``.
"""

from __future__ import annotations

import json
import random
import wave
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
import numpy.typing as npt

from benchmarks.support.pieces import Piece
from earmark.corpus.render import render
from earmark.results.findings import Hit
from earmark.schema import AudioSpec, FloatArray

PIANO = "musescore-0-0"  # the test piano: never trained or validated on
RATE_HZ = AudioSpec().sample_rate_hz


class Score:
    """When the notes of a piece sound and where they stand: arrays of one entry per notehead with an onset.

    ``onset_s`` float64, ascending; ``page`` int64, from 1; ``x``, ``y`` float64, the notehead's centre in fractions of
    the page's width and the middle of its system in fractions of the page's height.
    """

    def __init__(self, piece: Piece) -> None:
        about = json.loads((piece.folder / "piece.json").read_text())
        size = {page["number"]: (page["width_px"], page["height_px"]) for page in about["pages"]}
        page_of = np.array([system["page"] for system in about["systems"]])
        middle = np.array([(system["box"][1] + system["box"][3]) / 2 for system in about["systems"]])
        with np.load(piece.folder / "noteheads.npz") as noteheads:
            onset_s, system, x_px = (noteheads[key] for key in ("onset_s", "system", "x_px"))
        order = np.argsort(onset_s, kind="stable")[: int(np.isfinite(onset_s).sum())]  # NaN comes last
        self.onset_s: npt.NDArray[np.float64] = onset_s[order]
        self.page: npt.NDArray[np.int64] = page_of[system[order]]
        width, height = np.array([size[int(page)] for page in self.page]).T
        self.x: npt.NDArray[np.float64] = x_px[order] / width
        self.y: npt.NDArray[np.float64] = middle[system[order]] / height

    def pages_between(self, start_s: float, end_s: float) -> set[int]:
        """The pages on which notes begin in this stretch."""
        return set(self.page[(self.onset_s >= start_s) & (self.onset_s <= end_s)].tolist())

    def shows(self, page: int, box: tuple[float, float, float, float], time_s: float) -> bool:
        """Whether ``box`` (fractions) of ``page`` shows a note of the onset nearest to ``time_s``, in its system."""
        nearest = self.onset_s[np.abs(self.onset_s - time_s).argmin()]
        now = (self.onset_s == nearest) & (self.page == page)
        x0, y0, x1, y1 = box
        inside = (self.x >= x0) & (self.x <= x1) & (self.y >= y0) & (self.y <= y1)
        return bool((now & inside).any())


@dataclass(frozen=True)
class Clip:
    """A file with seconds ``start_s`` to ``end_s`` of a piece."""

    piece: Piece
    score: Score
    path: Path
    start_s: float
    end_s: float

    def is_right(self, hit: Hit) -> bool:
        """Whether a hit is of the clip's piece."""
        return hit.source == str(self.piece.pdf)

    def is_right_page(self, hit: Hit) -> bool:
        """Whether it is also on a page that the clip plays from."""
        return self.is_right(hit) and hit.page in self.score.pages_between(self.start_s, self.end_s)

    def is_right_place(self, hit: Hit) -> bool:
        """Whether it also shows the very notes that are played at its ``query_time_s``."""
        if hit.query_time_s is None:
            return False
        return self.is_right(hit) and self.score.shows(hit.page, hit.box, self.start_s + hit.query_time_s)


def cut_clip(piece: Piece, folder: Path, length_s: float, seed: int) -> Clip:
    """Writes ``length_s`` seconds from a random place between the first and the last note (all if it is shorter)."""
    score = Score(piece)
    latest = max(0.0, float(score.onset_s[-1]) - length_s)
    start_s = round(random.Random(f"{seed} {piece.name}").uniform(0.0, latest), 2)
    samples = play(piece)[round(start_s * RATE_HZ) :][: round(length_s * RATE_HZ)]
    path = write_wav(folder / f"{piece.name}.wav", samples)
    return Clip(piece, score, path, start_s, start_s + len(samples) / RATE_HZ)


def play(piece: Piece) -> FloatArray:
    """The whole piece on the test piano: mono float32 [samples] at 22 050 Hz."""
    return render(mido.MidiFile(piece.midi), PIANO)


def write_wav(path: Path, samples: FloatArray) -> Path:
    """Mono, 16 bits, 22 050 Hz; ``samples`` in -1..1."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path
