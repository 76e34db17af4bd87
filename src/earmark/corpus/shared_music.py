"""Held-out pieces whose music is trained on, too, in another edition: found by their notes, for names do not tell.

A *phrase* is how the highest or the lowest notes go on for `STEPS` steps, in whatever key and rhythm.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.corpus.format import NO_PITCH, NOTEHEADS, piece_folder

STEPS = 9
DIFFERENT = 4
"""So many different steps a phrase has at least: repeated notes and scales are everybody's."""
SHARE, PHRASES = 0.12, 3
"""A piece that has this share of its phrases, and so many, in common with another is likely to be of its work."""
HELD_OUT = ("valid", "test")
"""How the names of splits end that are not trained on."""

Phrase = tuple[int, ...]


@dataclass(frozen=True)
class Shared:
    """A held-out piece, the piece of a training split that shares most of its phrases, and what ``share``."""

    held_out: str
    trained: str
    share: float


def shared_music(corpus: Path, splits: Mapping[str, Sequence[str]]) -> Iterator[Shared]:
    """The pieces of held-out ``splits`` of a corpus that share music with one that is trained on.

    What has not been built is passed over.
    """
    kept = {name for split, names in splits.items() if split.endswith(HELD_OUT) for name in names}
    having = defaultdict[Phrase, set[str]](set)
    for name in {name for names in splits.values() for name in names} - kept:
        for phrase in _phrases_of(corpus, name):
            having[phrase].add(name)
    for name in sorted(kept):
        phrases = _phrases_of(corpus, name)
        common = Counter(other for phrase in phrases for other in having.get(phrase, ()))
        for other, count in common.most_common(1):
            if count >= PHRASES and count / len(phrases) > SHARE:
                yield Shared(name, other, count / len(phrases))


def _phrases_of(corpus: Path, piece: str) -> set[Phrase]:
    path = piece_folder(corpus, piece) / NOTEHEADS
    if not path.is_file():
        return set()
    with np.load(path) as noteheads:
        onset_s, pitch = noteheads["onset_s"], noteheads["pitch"].astype(np.int64)
    sounding = ~np.isnan(onset_s) & (pitch != NO_PITCH)
    return phrases(onset_s[sounding], pitch[sounding])


def phrases(onset_s: npt.NDArray[np.float64], pitch: npt.NDArray[np.int64]) -> set[Phrase]:
    """The phrases of notes that begin at ``onset_s`` [n] with MIDI numbers ``pitch`` [n], in any order."""
    order = np.lexsort((pitch, np.round(onset_s, 3)))
    onset, pitch = np.round(onset_s, 3)[order], pitch[order]
    first = np.flatnonzero(np.diff(onset, prepend=-np.inf))
    last = np.append(first[1:], len(onset)) - 1
    found = set()
    for line in (np.diff(pitch[first]), np.diff(pitch[last])):
        for start in range(len(line) - STEPS + 1):
            phrase = tuple(line[start : start + STEPS].tolist())
            if len(set(phrase)) >= DIFFERENT:
                found.add(phrase)
    return found
