"""How fast the paper's rows train: pairs a second, on noise in place of music.

    python -m experiments.analysis.training_speed bl2-sc bl2-lc-at --steps 5

With MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=500000000 in the environment glibc keeps the
large blocks that it otherwise gives back and takes anew at every step.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from benchmarks.support.results import describe, machine, table
from earmark.balke2019.networks import ROWS
from earmark.balke2019.recipe import Recipe
from earmark.balke2019.train import Run
from earmark.balke2019.windows import Augmentation, Windows
from earmark.schema import AudioSpec, SheetSpec
from earmark.training.loop import best_device


class Noise(Windows):
    """Pairs of the right shape that cost nothing to draw."""

    def __init__(self, context: int, device: torch.device) -> None:
        self.context, self.device = context, device

    def draw(self, rng: np.random.Generator, count: int, augmentation: Augmentation) -> tuple[Tensor, Tensor]:
        audio, sheet = AudioSpec(), SheetSpec()
        heard = torch.rand(count, self.context, audio.bands, device=self.device)
        return heard, torch.rand(count, sheet.strip_height_px, sheet.window_px, device=self.device)


def pairs_per_second(row: str, steps: int, warm_up: int, threads: int) -> float:
    """After ``warm_up`` steps, the mean of ``steps``."""
    torch.set_num_threads(threads)
    device = best_device()
    recipe = replace(Recipe(row=row), epochs=1)
    run, noise = Run(recipe, device), Noise(recipe.network.context, device)
    for _ in range(warm_up):
        run.train_step(noise)
    started = time.monotonic()
    for _ in range(steps):
        run.train_step(noise)
    return steps * recipe.batch / (time.monotonic() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", default=list(ROWS), metavar="ROW", help="rows of the paper [default: all]")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    before = machine()
    rows = [
        [row, f"{pairs_per_second(row, arguments.steps, arguments.warm_up, arguments.threads):.1f}"]
        for row in arguments.rows
    ]
    print(describe(before))
    print(table(["row", "pairs/s"], rows))


if __name__ == "__main__":
    main()
