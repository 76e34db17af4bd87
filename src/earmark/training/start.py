"""An experiment file -> the training that it describes: one of the paper's rows, or a model of Earmark's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from earmark.paper import train as rows
from earmark.paper.recipe import Recipe
from earmark.training import train as own
from earmark.training.experiment import Experiment, read_settings
from earmark.training.loop import Progress


def read(path: Path) -> Experiment | Recipe:
    """A file that names a ``row`` is a recipe. Raises BadInput with the offending key."""

    def made(values: Mapping[str, Any]) -> Experiment | Recipe:
        return Recipe.from_dict(values) if "row" in values else Experiment.from_dict(values)

    return read_settings(path, made)


def train(settings: Experiment | Recipe, folder: Path, report: Callable[[Progress], None]) -> Path:
    """Train to the end, resuming where ``folder`` stands. Returns the checkpoint's path.

    Raises BadInput or Mismatch when the corpus does not hold what is asked for.
    """
    if isinstance(settings, Recipe):
        return rows.train(settings, folder, report)
    return own.train(settings, folder, report)
