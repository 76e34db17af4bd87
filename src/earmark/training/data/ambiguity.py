"""Which places of the music nobody could tell apart, so that training does not treat them as wrong answers.

Two places of a piece often agree for a bar or two before they part. Whether a search can tell them apart depends on
its windows: it can if they part inside both the excerpt and the snippet, and it cannot if they part beyond either.
Leaving out more than the latter (a fixed number of onsets, say) would mean never to teach the former.

So the music before and after every onset is put into numbers that are equal where the music is (`Context`), and
`indistinguishable` compares them as far as both windows reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from earmark.schema import FloatArray

Counts = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

REACH = 40  # onsets that are compared to each side, at most
STEP_S = 0.01
"""Distances in time are equal when they are to this."""
_EVEN = 1e-3  # of a step: half steps are rounded one way, whatever the last digits of a sum of durations
_BASE, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


@dataclass(frozen=True)
class Context:
    """The music about onsets as numbers, equal where the music is.

    ``before`` and ``after`` uint64 [onsets, `REACH` + 1]: column k stands for the music from k onsets before, or to
    k after. Pitches and the distances in time between onsets count; so does that a piece begins or ends.
    """

    before: Hashes
    after: Hashes


def chords_and_steps(
    onset_s: npt.NDArray[np.float64], note_s: npt.NDArray[np.float64], pitch: npt.NDArray[np.int64]
) -> tuple[list[bytes], Counts]:
    """The pitches of every onset, and the steps of `STEP_S` from each onset to the next (int64 [onsets - 1]).

    ``onset_s`` [onsets], rising; ``note_s`` and ``pitch`` [notes], every note at one of the onsets to the millisecond.
    """
    stamp, order = (np.round(at * 1000).astype(np.int64) for at in (note_s, onset_s))
    pitches: list[set[int]] = [set() for _ in order]
    for onset, key in zip(np.searchsorted(order, stamp), pitch, strict=True):
        pitches[onset].add(int(key))
    steps = np.round(np.diff(onset_s) / STEP_S + _EVEN).astype(np.int64)
    return [np.array(sorted(chord), np.int16).tobytes() for chord in pitches], steps


def context_of(
    onset_s: npt.NDArray[np.float64], note_s: npt.NDArray[np.float64], pitch: npt.NDArray[np.int64]
) -> Context:
    """The context of every onset of a piece, which is given as for `chords_and_steps`."""
    chords, steps = chords_and_steps(onset_s, note_s, pitch)
    codes = np.array([int.from_bytes(blake2b(chord, digest_size=8).digest(), "big") for chord in chords], np.uint64)
    gap = steps.astype(np.uint64) * _MIX
    zero = np.zeros(1, np.uint64)
    # An item of the way back is a chord and the step that leads away from it, of the way on one and the step to it.
    back = _rolling(codes, codes + np.concatenate([gap, zero]))
    on = _rolling(codes[::-1], (codes + np.concatenate([zero, gap]))[::-1])[::-1]
    return Context(back, on)


def _rolling(codes: Hashes, items: Hashes) -> Hashes:
    """Column k: the code of an onset and the items of the k before it; beyond the beginning every item is 1."""
    padded = np.concatenate([np.ones(REACH, np.uint64), items])
    columns = np.empty((len(codes), REACH + 1), np.uint64)
    columns[:, 0] = codes
    for k in range(1, REACH + 1):
        columns[:, k] = columns[:, k - 1] * _BASE + padded[REACH - k : len(padded) - k] * _MIX
    return columns


def within(at: FloatArray | npt.NDArray[np.float64], half: float) -> Counts:
    """How many of the places ``at`` [n] (rising) lie up to ``half`` before and after each: int64 [n, 2]."""
    numbers = np.arange(len(at))
    low, high = np.searchsorted(at, at - half), np.searchsorted(at, at + half, side="right") - 1
    return np.stack([numbers - low, high - numbers], axis=1).clip(0, REACH)


@dataclass(frozen=True)
class Windows:
    """Excerpts or snippets about some onsets.

    ``context`` has these onsets' rows of their pieces' contexts; ``onsets`` int64 [windows, 2] says how many onsets
    before and after its own a window holds.
    """

    context: Context
    onsets: Counts

    def __len__(self) -> int:
        return len(self.onsets)

    def at(self, rows: npt.NDArray[np.int64]) -> Windows:
        """Some of them, by number."""
        return Windows(Context(self.context.before[rows], self.context.after[rows]), self.onsets[rows])

    @classmethod
    def joined(cls, parts: Sequence[Windows]) -> Windows:
        """Those of several pieces, one after the other."""
        before, after = (
            np.concatenate([getattr(part.context, side) for part in parts]) for side in ("before", "after")
        )
        return cls(Context(before, after), np.concatenate([part.onsets for part in parts]))


def snippet_music(snippets: Windows) -> Hashes:
    """A number for what each snippet shows, equal where that is: uint64 [snippets]."""
    numbers = np.arange(len(snippets))
    (before, after), (back, on) = snippets.onsets.T, snippets.onsets.astype(np.uint64).T
    left, right = snippets.context.before[numbers, before] + back, snippets.context.after[numbers, after] + on
    out: Hashes = left * _BASE + right * _MIX
    return out


def indistinguishable(excerpts: Windows, snippets: Windows) -> npt.NDArray[np.bool_]:
    """Whether excerpt i fits snippet j as well as its own: bool [excerpts, snippets], true for what is of one onset.

    It fits when the music is the same as far as both the one and the other reach.
    """
    out = np.ones((len(excerpts), len(snippets)), np.bool_)
    rows, columns = np.ogrid[: len(excerpts), : len(snippets)]
    for side, name in enumerate(("before", "after")):
        both = np.minimum(excerpts.onsets[:, None, side], snippets.onsets[None, :, side])
        out &= getattr(excerpts.context, name)[rows, both] == getattr(snippets.context, name)[columns, both]
    return out
