"""How a search puts what it found: a word for how sure it is, and a sentence that says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from earmark.results.findings import Hit, RecordingHit
from earmark.results.places import Said
from earmark.search.rank import Ranked

PROBABLE, POSSIBLE = 0.5, 0.1
"""Confidences from which an answer is called probable, and possible."""
SHORT_S = 10.0
"""A shorter recording is the likeliest reason for not being sure."""
SMALL_SHARE = 0.5
"""Of the query: less than that is not what it is about."""
FEW = 0.5
"""Of the excerpts: when fewer have their nearest place on the path, the piece does not fit."""


@dataclass(frozen=True)
class Verdict:
    """What is said of an answer; the fields are those of `earmark.results.findings.Findings`."""

    confident: bool
    said: Said
    why: str


NOTHING = Verdict(False, "not in this library", "Nothing in it resembles a piece of this library.")


def verdict(first: Ranked, hits: Sequence[Hit | RecordingHit], heard_s: float | None) -> Verdict:
    """Of an answer whose best piece is ``first``, and whose ``hits`` are told.

    ``heard_s`` is how long the query is, None where it is sheet music.
    """
    if first.sure:
        same = ", ".join(hit.piece for hit in hits if hit.same_as == 1)
        what = "edition" if isinstance(hits[0], Hit) else "recording"
        return Verdict(True, "surely", f"It fits this {what} best; the same music: {same}." if same else "")
    likely: Said = "perhaps" if first.confidence >= POSSIBLE else "not in this library"
    return Verdict(False, "probably" if first.confidence >= PROBABLE else likely, _doubt(first, heard_s))


def _doubt(first: Ranked, heard_s: float | None) -> str:
    """Why an answer is not sure: the first of these reasons that holds."""
    if heard_s is not None and heard_s < SHORT_S:
        return "It is short; 20 s are nearly always enough."
    if first.end - first.start < SMALL_SHARE * len(first.path):
        return "Only a small part of it resembles music that is here."
    if first.signs.focus < FEW:
        return "It resembles several places a little, and none well."
    return "Other music fits nearly as well."
