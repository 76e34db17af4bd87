"""Weights of the rows → which of the paper's claims hold on the rebuilt test set.

A claim says that one row retrieves better than another. What decides is the difference of their MRR, audio → sheet at
tempo 1, and its 95 % bootstrap interval over pieces: both rows are asked the same queries, and every draw takes the
same pieces for both, so what makes a piece easy for both rows does not widen the interval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.balke2019.published import REFINED, title
from earmark.corpus.format import rendering_name
from earmark.errors import BadInput
from earmark.files import replacing, write_json
from earmark.model.encoders import Model
from earmark.training.evaluation import metrics
from earmark.training.evaluation.evaluate import embed_pool, read_pool

RENDERING = rendering_name("musescore-0-0", 1.0)
DRAWS = 10_000
HOLDS, FAILS, OPEN = "holds", "does not hold", "cannot be told"


@dataclass(frozen=True)
class Claim:
    """One row is better than another: both by name, and what the paper concludes of it."""

    better: str
    worse: str
    says: str


CLAIMS = (
    Claim("bl2-sc", "bl1-sc", "a dense layer is better than global average pooling"),
    Claim("bl2-sc-at", "bl2-sc", "attention helps with a short context"),
    Claim("bl2-mc-at", "bl2-mc", "attention helps with a medium context"),
    Claim("bl2-lc-at", "bl2-lc", "attention helps with a long context"),
    Claim("bl2-sc", "bl2-lc", "without attention, a long context is worse than a short one"),
    Claim("bl2-mc-at", "bl2-sc-at", "with attention, a medium context is better than a short one"),
    Claim("bl2-lc-at", "bl2-mc-at", "with attention, a long context is better than a medium one"),
    Claim("bl2-lc-at", "bl2-sc", "a long context with attention is better than a short one without"),
)
"""Conclusions from Table 2b."""


@dataclass(frozen=True)
class Verdict:
    """A claim with the paper's difference of MRR and ours, its 95 % interval, and what follows.

    Our numbers are None where a row was not measured.
    """

    claim: Claim
    published: float
    ours: float | None
    low: float | None
    high: float | None
    verdict: str


@dataclass(frozen=True)
class Measured:
    """A row's queries by piece: their ``count``, and the sum of their ``reciprocal`` ranks; float64 [pieces]."""

    count: npt.NDArray[np.float64]
    reciprocal: npt.NDArray[np.float64]


def measure(model: Model, corpus: Path, report: Callable[[int, int], None]) -> Measured:
    """Ask the test pieces of a corpus. ``report`` gets pieces done and in all.

    Raises BadInput when the corpus lacks the test split or its rendering.
    """
    pool, _ = read_pool(corpus, "test", RENDERING)
    ranks = metrics.ranks(*embed_pool(model, pool, RENDERING, report))
    piece = np.repeat(np.arange(len(pool)), [len(onsets) for _, onsets in pool])
    count, reciprocal = np.bincount(piece), np.bincount(piece, weights=1 / ranks)
    return Measured(count.astype(np.float64), reciprocal.astype(np.float64))


def judge(claim: Claim, measured: Mapping[str, Measured]) -> Verdict:
    """What the rows that were measured, by name, say of a claim."""
    published = REFINED[claim.better].mrr - REFINED[claim.worse].mrr
    if not {claim.better, claim.worse} <= set(measured):
        return Verdict(claim, published, None, None, None, OPEN)
    count = measured[claim.better].count
    gained = measured[claim.better].reciprocal - measured[claim.worse].reciprocal
    chosen = np.random.default_rng(0).integers(len(count), size=(DRAWS, len(count)))
    low, high = np.quantile(gained[chosen].sum(axis=1) / count[chosen].sum(axis=1), [0.025, 0.975])
    verdict = HOLDS if low > 0 else FAILS if high < 0 else OPEN
    return Verdict(claim, published, float(gained.sum() / count.sum()), float(low), float(high), verdict)


def write_claims(
    models: Sequence[Model],
    corpus: Path,
    out: Path,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> list[Path]:
    """Write ``claims.md`` and ``claims.json`` into the folder ``out``.

    A row is known by its weights' name. Raises BadInput when two weights have the same, or when the corpus lacks the
    test split or its rendering.
    """
    measured: dict[str, Measured] = {}
    for model in models:
        row = model.model_id.rpartition("-")[0]
        if row in measured:
            raise BadInput(model.model_id, f"is a second {row}", "give each row once")
        measured[row] = measure(model, corpus, report)
    verdicts = [judge(claim, measured) for claim in CLAIMS]
    out.mkdir(parents=True, exist_ok=True)
    with replacing(out / "claims.md") as file:
        file.write(markdown(verdicts).encode())
    write_json(out / "claims.json", {"claims": [asdict(verdict) for verdict in verdicts]})
    return [out / "claims.md", out / "claims.json"]


def markdown(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as a table."""
    lines = ["| claim | rows | published | here | 95 % | verdict |", "|---|---|---|---|---|---|"]
    for found in verdicts:
        rows = f"{title(found.claim.better)} > {title(found.claim.worse)}"
        here, interval = "not measured", ""
        if found.ours is not None:
            here, interval = f"{found.ours:+.3f}", f"{found.low:+.3f} to {found.high:+.3f}"
        lines.append(
            f"| {found.claim.says} | {rows} | {found.published:+.2f} | {here} | {interval} | {found.verdict} |"
        )
    return "\n".join(lines) + "\n"
