"""What a training step costs, part by part, and how many steps and pairs that makes a second.

    python -m experiments.analysis.step_parts experiments/earmark-2/recipe.toml --steps 20
    python -m experiments.analysis.step_parts experiments/earmark-2/recipe.toml --stretches 24 --steps 3

The batches are those of the recipe, from its corpora, on the device that would train. Parts are timed one after the
other, each to its end; the last row is the step as training does it, with both encoders at the same time.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.support.results import describe, machine, table
from earmark.training.both import half_the_cores
from earmark.training.data.augment_audio import augment_audio
from earmark.training.data.augment_sheet import augment_sheet
from earmark.training.data.batches import PairBatch, PairSampler
from earmark.training.data.chances import Chances
from earmark.training.experiment import Experiment, read_settings
from earmark.training.gradients import read_audio, read_sheet
from earmark.training.loop import best_device, bfloat16_is_fast, hardware
from earmark.training.losses import MAX_LOG_SCALE, contrastive_loss
from earmark.training.train import Batches, TrainingRun, sampler_of


class Clock:
    """Seconds of each part, all steps together."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.seconds = device, defaultdict[str, float](float)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        self._wait()
        started = time.perf_counter()
        yield
        self._wait()
        self.seconds[name] += time.perf_counter() - started

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def draw(sampler: PairSampler, rng: np.random.Generator, clock: Clock) -> PairBatch:
    """One batch, its parts timed; what it is made of is drawn twice, once to be timed alone."""
    with clock.part("plan (processor)"):
        plan = sampler.plan(rng)
    chance = Chances(rng, clock.device)
    with clock.part("cut lanes"):
        lanes = sampler.cut_lanes(plan)
    with clock.part("augment lanes"):
        augment_sheet(chance, lanes, chance.send(plan.scale[plan.lane_row]))
    with clock.part("cut audio"):
        heard = sampler.cut_audio(plan)
    with clock.part("augment audio"):
        augment_audio(chance, *heard)
    with clock.part("whole batch but its plan"):
        return sampler.make(plan, chance)


def descend(run: TrainingRun, batch: PairBatch, clock: Clock) -> None:
    """One step of training, its parts timed; as `TrainingRun.train_step`."""
    model, fast = run.model.train(), bfloat16_is_fast(clock.device)
    with torch.autocast(clock.device.type, torch.bfloat16, enabled=fast):
        with clock.part("audio encoder"):
            heard = read_audio(model, batch)
        with clock.part("sheet encoder"):
            seen = read_sheet(model, batch)
    with clock.part("loss"):
        audio, sheet = (read.embeddings.detach().requires_grad_() for read in (heard, seen))
        scale = model.log_scale.clamp(max=MAX_LOG_SCALE).exp()
        contrastive_loss(audio, sheet, scale, batch.indistinguishable).backward()  # type: ignore[no-untyped-call]
    with clock.part("audio encoder, backward"):
        heard.backward(audio, run.experiment.pitch_weight)
    with clock.part("sheet encoder, backward"):
        seen.backward(sheet, run.experiment.pitch_weight)
    with clock.part("optimiser and average"):
        torch.nn.utils.clip_grad_norm_(model.parameters(), run.experiment.gradient_norm)
        run.optimiser.step(run.experiment.learning_rate)
        run._follow()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--steps", type=int, default=20, help="that are timed, after as many that are not")
    parser.add_argument("--stretches", type=int, help="in a batch, in place of the recipe's")
    given = parser.parse_args()
    before, device = machine(), best_device()
    experiment = read_settings(given.recipe, Experiment.of_each_seed)[0]
    experiment = replace(experiment, stretches=given.stretches or experiment.stretches)
    started = time.monotonic()
    sampler = sampler_of(experiment, device)
    print(f"{len(sampler.music)} pieces on the device in {time.monotonic() - started:.0f} s")
    run, clock = TrainingRun(experiment, device), Clock(device)
    lanes = pairs = 0
    for step in range(2 * given.steps):
        if step == given.steps:
            clock, lanes, pairs = Clock(device), 0, 0
        batch = draw(sampler, np.random.default_rng([0, step]), clock)
        descend(run, batch, clock)
        lanes, pairs = lanes + len(batch.sheet), pairs + len(batch.row)
    batches = Batches(run, sampler)
    whole = Clock(device)
    with half_the_cores(), whole.part("a step as training does it"):
        for _ in range(given.steps):
            batches.train_step()
    took = {**clock.seconds, **whole.seconds}
    rows = [[name, f"{1000 * seconds / given.steps:.1f}"] for name, seconds in took.items()]
    per_second = given.steps / whole.seconds["a step as training does it"]
    held = f"{lanes / given.steps:.0f} lanes and {pairs / given.steps:.0f} pairs"
    print(f"{hardware(device)}; {describe(before)}")
    print(f"{experiment.stretches} stretches, {held} a step")
    print(table(["part", "ms"], rows))
    print(f"{per_second:.2f} steps/s, {per_second * pairs / given.steps:.0f} pairs/s")


if __name__ == "__main__":
    main()
