"""Several runs from the same start → one set of weights: the mean of what learned, each encoder of its own runs.

Runs that go on from the same weights and differ by their seed err differently but stay in one valley of the loss; the
mean of their weights errs less than any of them and costs no more to search with (Wortsman et al. 2022, "Model soups").
Where one encoder learns alone, the other stays what it was (`earmark.training.whole_pieces`): what an ear and an eye
have learned apart, from the same weights, goes together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from earmark.networks import Encoders
from earmark.schema import Mismatch
from earmark.training.experiment import Experiment, Side
from earmark.training.train import read_checkpoint

Read = tuple[Experiment, Encoders, dict[str, Any]]


def read_average(checkpoints: Sequence[Path]) -> Read:
    """The first run's experiment, the encoders with the mean of all parameters and statistics, and a record of all.

    Of one checkpoint, what `read_checkpoint` gives. Steps, pairs and minutes are those of all runs together; ``runs``
    and ``seeds`` list theirs. Of runs in which one side learned alone, each side is that of its own runs, and so is its
    size in the experiment. What was frozen does the same in all runs, with statistics of each run's own batches: it is
    the first run's. Raises Mismatch when runs of one side differ by more than their names, seeds and lengths, when they
    did not go on from the same weights, or from any: such weights have no meaningful mean.
    """
    reads = [read_checkpoint(path) for path in checkpoints]
    if len(reads) == 1:
        return reads[0]
    experiment = reads[0][0]
    for path, (other, _, _) in zip(checkpoints[1:], reads[1:], strict=True):
        if not experiment.start or other.start != experiment.start:
            raise Mismatch(
                f"{path}: not begun from the same weights as {checkpoints[0]}; "
                "average only runs that go on from the same weights"
            )
    by_side: dict[Side | None, list[int]] = {}
    for number, (other, _, _) in enumerate(reads):
        by_side.setdefault(other.whole_pieces, []).append(number)
    if len(by_side) > 1 and None in by_side:
        raise Mismatch(f"{checkpoints[by_side[None][0]]}: both encoders learned; average it with its like alone")
    means = {
        side: _mean([checkpoints[i] for i in numbers], [reads[i] for i in numbers]) for side, numbers in by_side.items()
    }
    encoders = means[experiment.whole_pieces]
    if len(means) > 1:
        ear, eye = means["audio"], means["sheet"]
        encoders.audio, encoders.sheet = ear.audio, eye.sheet
        encoders.config = replace(encoders.config, audio=ear.config.audio, sheet=eye.config.sheet)
    records = [record for _, _, record in reads]
    together = {key: sum(one[key] for one in records) for key in ("step", "pairs", "minutes")}
    every = {"runs": [other.name for other, _, _ in reads], "seeds": [other.seed for other, _, _ in reads]}
    return replace(experiment, network=encoders.config), encoders, {**records[0], **together, **every}


def _mean(checkpoints: Sequence[Path], reads: Sequence[Read]) -> Encoders:
    """The mean of runs of one experiment."""
    (experiment, encoders, _), *others = reads
    for path, (other, _, _) in zip(checkpoints[1:], others, strict=True):
        if not experiment.same_run(replace(other, name=experiment.name, seed=experiment.seed)):
            raise Mismatch(
                f"{path}: not of the same experiment as {checkpoints[0]}; average only runs that differ by their seed"
            )
    states = [run.state_dict() for _, run, _ in reads]
    frozen = tuple(f"{name}." for name in experiment.frozen)
    mean = {
        name: torch.stack([state[name] for state in states]).mean(0)
        if value.is_floating_point() and not name.startswith(frozen)
        else value
        for name, value in states[0].items()
    }
    encoders.load_state_dict(mean)
    return encoders
