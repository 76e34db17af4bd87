"""Several runs of one experiment from the same start → one set of weights, their mean.

Runs that go on from the same weights and differ by their seed err differently but stay in one valley of the loss; the
mean of their weights errs less than any of them and costs no more to search with (Wortsman et al. 2022, "Model soups").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from earmark.networks import Encoders
from earmark.schema import Mismatch
from earmark.training.experiment import Experiment
from earmark.training.train import read_checkpoint


def read_average(checkpoints: Sequence[Path]) -> tuple[Experiment, Encoders, dict[str, Any]]:
    """The first run's experiment, the encoders with the mean of all parameters and statistics, and a record of all.

    Of one checkpoint, what `read_checkpoint` gives. Steps, pairs and minutes are those of all runs together; ``seeds``
    lists theirs. What was frozen does the same in all runs, with statistics of each run's own batches: it is the first
    run's. Raises Mismatch when a run differs from the first by more than its name, seed and length, or when
    they were trained from nothing: such weights have no meaningful mean.
    """
    (experiment, encoders, record), *others = map(read_checkpoint, checkpoints)
    if not others:
        return experiment, encoders, record
    for path, (other, _, _) in zip(checkpoints[1:], others, strict=True):
        if not experiment.start or not experiment.same_run(replace(other, name=experiment.name, seed=experiment.seed)):
            raise Mismatch(
                f"{path}: not of the same experiment as {checkpoints[0]}; "
                "average only runs that differ by their seed and go on from the same weights"
            )
    runs = [encoders, *(other for _, other, _ in others)]
    states = [run.state_dict() for run in runs]
    frozen = tuple(f"{name}." for name in experiment.frozen)
    mean = {
        name: torch.stack([state[name] for state in states]).mean(0)
        if value.is_floating_point() and not name.startswith(frozen)
        else value
        for name, value in states[0].items()
    }
    encoders.load_state_dict(mean)
    records = [record, *(other for _, _, other in others)]
    together = {key: sum(one[key] for one in records) for key in ("step", "pairs", "minutes")}
    seeds = [experiment.seed, *(other.seed for other, _, _ in others)]
    return experiment, encoders, {**record, **together, "seeds": seeds}
