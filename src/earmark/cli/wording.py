"""What is said of findings and of additions, in sentences."""

from __future__ import annotations

import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from earmark.exports.report import counted
from earmark.results.findings import Findings, Hit, RecordingHit

if TYPE_CHECKING:
    from earmark.library.add import Outcome, Status

LIKELY = 0.1
"""Confidence from which on a piece is listed: what is *perhaps* right."""
NOTHING_LIKELY = "Nothing likely: the piece is probably not in this library."
NOTHING_LIKE = "Nothing in it resembles a piece of this library."
SCREENFUL = 20
"""Lines after which what failed is said again at the end."""
_STATUSES: tuple[Status, ...] = ("added", "replaced", "unchanged", "skipped", "failed")

AnyHit = TypeVar("AnyHit", Hit, RecordingHit)


def sentence(findings: Findings) -> str:
    """The answer to a question in one sentence: where it is and how sure that is, or that nothing is likely."""
    hits, recordings = likely(findings.hits), likely(findings.recordings)
    if not hits and not recordings:
        return NOTHING_LIKELY if findings.hits or findings.recordings else NOTHING_LIKE
    firsts: list[Hit | RecordingHit] = [*hits[:1], *recordings[:1]]
    best = max(firsts, key=lambda hit: hit.confidence)
    if isinstance(best, Hit):
        measure = f" (measure {best.measure})" if best.measure else ""
        where = f"{best.piece}, page {page_of(best)}, system {best.system}{measure}"
    else:
        where = f"{best.piece}, a recording, at {best.time_s:.1f} s"
    return f"{where}, {findings.said}."


def page_of(hit: Hit) -> str:
    """A hit's page; of one half of a double spread also where that is in the file: ``5 (3 left)``."""
    return f"{hit.page} ({hit.image} {hit.side})" if hit.side else str(hit.page)


def likely(hits: Sequence[AnyHit]) -> list[AnyHit]:
    """Those that are worth a look."""
    return [hit for hit in hits if hit.confidence >= LIKELY]


def became(outcome: Outcome) -> str:
    """What became of one source, a line."""
    piece = outcome.piece
    if piece is None:
        return f"{outcome.status}: {outcome.source}: {outcome.reason}"
    counts = f"{counted(piece.pages, 'page')}, {counted(piece.systems, 'system')}"
    what = "recording" if piece.kind == "recording" else counts
    return "; ".join((f"{outcome.status}: {piece.name} ({what})", *outcome.remarks))


def summary(outcomes: Sequence[Outcome], where: str) -> list[str]:
    """What became of everything that was found, and what to do next; ``where`` is the library as it was given."""
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    lines = [became(one) for one in failed] if len(outcomes) > SCREENFUL else []
    reasons = defaultdict(list)
    for outcome in outcomes:
        if outcome.status == "skipped":
            reasons[outcome.reason].append(outcome.source)
    lines += [
        f"skipped: {counted(len(sources), 'file')} ({_endings(sources)}) that {_of_many(reason, len(sources))}"
        for reason, sources in reasons.items()
    ]
    counts = Counter(outcome.status for outcome in outcomes)
    lines.append(", ".join(f"{counts[status]} {status}" for status in _STATUSES if counts[status]))
    kinds = {outcome.piece.kind for outcome in outcomes if outcome.piece}
    if kinds:
        lines.append(f"next: earmark find {shlex.quote(where)} {'RECORDING' if 'score' in kinds else 'PAGE'}")
    return lines


def _of_many(reason: str, count: int) -> str:
    """A reason for so many files."""
    if count == 1:
        return reason
    return re.sub(r"^is( an?\b)?", lambda found: f"are each{found[1]}" if found[1] else "are", reason)


def _endings(sources: Sequence[str]) -> str:
    """The endings of files or, of few without one, their names."""
    endings = Counter(Path(source).suffix.lower() or Path(source).name for source in sources)
    told = [ending for ending, _ in endings.most_common(5)]
    return f"{', '.join(told)}{', …' if len(endings) > 5 else ''}"


def clock(time_s: float) -> str:
    """Minutes and seconds: ``2:05.3``."""
    minutes, tenths = divmod(round(time_s * 10), 600)
    return f"{minutes}:{tenths / 10:04.1f}"
