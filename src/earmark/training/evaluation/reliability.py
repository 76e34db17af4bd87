"""The reliability diagram: of the answers that were so sure, how many were right?"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from earmark.training.evaluation.confidence import Trial

EDGES = np.linspace(0.0, 1.0, 11)
COLOUR = "#0072B2"  # of Okabe and Ito, like the paper's figures


def draw_reliability(trial: Trial, path: Path) -> None:
    """Draw the diagram of answers judged by calibrations fitted on other pieces into an SVG (or another) file.

    Above, the share of right answers against the mean confidence, in bins of a tenth; below, how many answers a bin has
    (the mean over the halvings; logarithmic).
    """
    right = np.broadcast_to([[answer.right] for answer in trial.answers], trial.confidences.shape)
    bins = np.clip(np.digitize(trial.confidences, EDGES) - 1, 0, len(EDGES) - 2)
    filled = [number for number in range(len(EDGES) - 1) if (bins == number).any()]
    said = [trial.confidences[bins == number].mean() for number in filled]
    true = [right[bins == number].mean() for number in filled]
    counts = [(bins == number).sum() / bins.shape[1] for number in filled]
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "earmark"}):
        figure = Figure(figsize=(4.6, 5.2), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        above.plot((0, 1), (0, 1), color="0.6", linewidth=0.8, linestyle=":")
        above.plot(said, true, color=COLOUR, marker="o", markersize=4)
        above.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of right answers")
        bars = below.bar(EDGES[filled] + 0.05, counts, width=0.09, color=COLOUR)
        below.bar_label(bars, [f"{count:.0f}" if count >= 1 else f"{count:.1f}" for count in counts], fontsize=7)
        below.set(yscale="log", ylim=(0.1, 4 * max(counts)), xlabel="confidence", ylabel="answers")
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
