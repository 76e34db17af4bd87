"""The figures that the paper reports (Balke et al., ISMIR 2019, Tables 2 and 3): 10 000 candidates, audio → sheet."""

from __future__ import annotations

from dataclasses import dataclass

TEMPI = (0.5, 0.66, 1.0, 1.33, 2.0)


@dataclass(frozen=True)
class Published:
    """One row of Table 2a or 2b: recall in percent, mean reciprocal rank, median rank."""

    recall_at_1: float
    recall_at_5: float
    recall_at_25: float
    mrr: float
    median_rank: int


UNREFINED = {
    "bl1-sc": Published(13.67, 34.62, 57.44, 0.24, 15),
    "bl2-sc": Published(34.25, 54.68, 70.62, 0.44, 4),
    "bl2-mc": Published(36.59, 60.52, 77.21, 0.48, 3),
    "bl2-lc": Published(27.66, 51.79, 70.34, 0.39, 5),
    "bl2-sc-at": Published(38.41, 59.95, 74.36, 0.48, 3),
    "bl2-mc-at": Published(46.54, 68.45, 81.10, 0.57, 2),
    "bl2-lc-at": Published(53.16, 74.42, 85.35, 0.63, 1),
}
REFINED = {
    "bl1-sc": Published(19.12, 44.16, 66.63, 0.31, 8),
    "bl2-sc": Published(48.91, 67.22, 78.27, 0.57, 2),
    "bl2-mc": Published(47.08, 68.19, 80.82, 0.57, 2),
    "bl2-lc": Published(43.46, 68.38, 82.84, 0.55, 2),
    "bl2-sc-at": Published(55.43, 72.64, 81.05, 0.63, 1),
    "bl2-mc-at": Published(58.14, 76.50, 84.60, 0.67, 1),
    "bl2-lc-at": Published(66.71, 84.43, 91.19, 0.75, 1),
}
MRR_BY_TEMPO = {
    "bl1-sc": (0.20, 0.27, 0.31, 0.30, 0.22),
    "bl2-sc": (0.44, 0.52, 0.57, 0.56, 0.46),
    "bl2-mc": (0.46, 0.53, 0.57, 0.55, 0.43),
    "bl2-lc": (0.44, 0.50, 0.55, 0.51, 0.35),
    "bl2-sc-at": (0.55, 0.63, 0.63, 0.64, 0.56),
    "bl2-mc-at": (0.54, 0.61, 0.67, 0.67, 0.62),
    "bl2-lc-at": (0.64, 0.69, 0.75, 0.73, 0.64),
}
"""Table 3: mean reciprocal rank of the refined rows at `TEMPI`."""


def title(row: str) -> str:
    """As the paper prints it: ``bl2-lc-at`` → ``BL2-LC + AT``; other models keep their name."""
    if row not in REFINED:
        return row
    return row.removesuffix("-at").upper() + (" + AT" if row.endswith("-at") else "")
