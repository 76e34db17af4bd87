"""The reliability diagram: of the answers that were so sure, how many were right? By library and kind of question."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from earmark.training.evaluation.confidence import Trial

EDGES = np.linspace(0.0, 1.0, 11)
FEWEST = 10
"""Answers, the mean over the halvings, that make a point."""
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")  # of Okabe and Ito


def draw_reliability(trial: Trial, path: Path) -> None:
    """Draw the diagram of answers judged by calibrations fitted on other pieces into an SVG (or another) file.

    Above, the share of right answers against the mean confidence, in bins of a tenth, for every size of library and for
    every kind of question; below, how many answers a bin has (the mean over the halvings; logarithmic).
    """
    sizes = [answer.among for answer in trial.answers]
    kinds = [answer.kind for answer in trial.answers]
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "earmark"}):
        figure = Figure(figsize=(8.4, 5.2), layout="constrained")
        axes = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(3, 1))
        _draw(axes[0, 0], axes[1, 0], trial, [f"{size} pieces" for size in sizes])
        _draw(axes[0, 1], axes[1, 1], trial, kinds)
        axes[0, 0].set(xlim=(0, 1), ylim=(0, 1), ylabel="share of right answers")
        axes[1, 0].set(ylabel="answers")
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw(above: Axes, below: Axes, trial: Trial, names: Sequence[str]) -> None:
    """A line for every name; ``names`` has one for every answer."""
    right = np.broadcast_to([[answer.right] for answer in trial.answers], trial.confidences.shape)
    bins = np.clip(np.digitize(trial.confidences, EDGES) - 1, 0, len(EDGES) - 2)
    above.plot((0, 1), (0, 1), color="0.6", linewidth=0.8, linestyle=":")
    for name, colour in zip(dict.fromkeys(names), COLOURS, strict=False):
        rows = np.array([one == name for one in names])
        counts = np.array([(bins[rows] == number).sum() / bins.shape[1] for number in range(len(EDGES) - 1)])
        filled = np.flatnonzero(counts >= FEWEST)
        said = [trial.confidences[rows][bins[rows] == number].mean() for number in filled]
        true = [right[rows][bins[rows] == number].mean() for number in filled]
        above.plot(said, true, color=colour, marker="o", markersize=3, linewidth=1, label=name)
        below.plot(EDGES[:-1] + 0.05, np.maximum(counts, 0.1), color=colour, linewidth=1)
    above.legend(fontsize=7)
    below.set(yscale="log", xlabel="confidence")
