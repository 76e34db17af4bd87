"""Train one row of the paper as its recipe says; refine its CCA layer.

Step ``i`` draws everything from a generator seeded with (seed, i), so a run that is stopped and resumed from its
checkpoint ends in the same weights as one that was not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.balke2019.cca import CCALayer
from earmark.balke2019.losses import LOSSES
from earmark.balke2019.networks import Network
from earmark.balke2019.recipe import Recipe
from earmark.balke2019.windows import CPU, Music, Windows
from earmark.corpus.format import read_splits
from earmark.errors import BadInput, Mismatch
from earmark.files import replacing
from earmark.schema import AudioSpec, FloatArray, SheetSpec
from earmark.training.data.dataset import read_pieces
from earmark.training.evaluation import metrics
from earmark.training.loop import RECORD, Progress, best_device, bfloat16_is_fast, drive, hardware, revision

WINDOWS_AT_ONCE = 100
REFINED_ON = 25_000
"""Pairs that the CCA layer is refined on (the authors' code)."""
SCHEDULE = ("best_mrr", "best_epoch", "halved")
Pairs = npt.NDArray[np.int64]


def network_of(recipe: Recipe) -> Network:
    """The network that a recipe trains, freshly initialised."""
    return Network(recipe.network, AudioSpec(), SheetSpec(), dimension=recipe.dimension, projection=recipe.projection)


@lru_cache(maxsize=2)
def read_music(corpus: Path, split: str, renderings: tuple[str, ...], device: torch.device) -> Music:
    """A split of a corpus on a device; recipes that are trained one after the other share it.

    Raises BadInput or Mismatch when the corpus does not hold it.
    """
    audio, sheet = AudioSpec(), SheetSpec()
    return Music(read_pieces(corpus, read_splits(corpus)[split], renderings, audio, sheet), audio, sheet, device)


def read_windows(recipe: Recipe, split: str, renderings: tuple[str, ...], device: torch.device = CPU) -> Windows:
    """The pairs of a split of the recipe's corpus. Raises BadInput or Mismatch when the corpus does not hold them."""
    return Windows(read_music(Path(recipe.corpus), split, renderings, device), recipe.network.context)


@torch.no_grad()
def views(network: Network, windows: Windows, pairs: Pairs, *, bf16: bool | None = None) -> tuple[Tensor, Tensor]:
    """Views of some pairs, not augmented: of the audio and of the sheet music, float32 [n, dimension].

    The towers run in bfloat16 or in float32; if it is not said, as in training on this device.
    """
    device = next(network.parameters()).device
    bf16 = bfloat16_is_fast(device) if bf16 is None else bf16
    network.eval()
    audio, sheet = [], []
    for start in range(0, len(pairs), WINDOWS_AT_ONCE):
        excerpts, snippets = windows.cut(pairs[start : start + WINDOWS_AT_ONCE])
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            audio.append(network.view_audio(excerpts)[0])
            sheet.append(network.view_sheet(snippets))
    return torch.cat(audio), torch.cat(sheet)


def evenly(windows: Windows, count: int) -> Pairs:
    """``count`` pairs taken evenly from all, or all when they are fewer."""
    return np.unique(np.linspace(0, len(windows) - 1, count).astype(np.int64))


def validate(network: Network, windows: Windows, count: int) -> metrics.Scores:
    """Retrieval audio → sheet among ``count`` pairs taken evenly, with the last batch's projection."""
    audio, sheet = views(network, windows, evenly(windows, count))
    with torch.no_grad():
        queries, candidates = network.projection.audio(audio), network.projection.sheet(sheet)
    return metrics.scores(metrics.ranks(_unit(queries), _unit(candidates)))


def _unit(x: Tensor) -> FloatArray:
    out: FloatArray = torch.nn.functional.normalize(x, dim=1).cpu().numpy()
    return out


def capture(network: Network, recipe: Recipe, device: torch.device) -> None:
    """Record the network's forward and backward pass as CUDA graphs, which its calls in training then replay.

    A batch of so small networks is hundreds of short kernels, which take longer to launch than to run. Weights and
    statistics stay as they are.
    """
    torch.backends.cudnn.benchmark = True
    state = {key: value.clone() for key, value in network.state_dict().items()}
    audio, sheet = AudioSpec(), SheetSpec()
    windows = torch.rand(recipe.batch, recipe.network.context, audio.bands, device=device)
    snippets = torch.rand(recipe.batch, sheet.strip_height_px, sheet.window_px, device=device)
    with torch.autocast(device.type, torch.bfloat16, cache_enabled=False):
        torch.cuda.make_graphed_callables(network.train(), (windows, snippets), allow_unused_input=True)
    network.load_state_dict(state)


class Run:
    """Network, loss, optimiser, the best weights so far and counters of one run, and their checkpoint."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.device = recipe, device
        self.network = network_of(recipe).to(device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if device.type == "cuda":
            capture(self.network, recipe, device)
        self.loss = LOSSES[recipe.loss]().to(device)
        weights = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in (*self.network.parameters(), *self.loss.parameters()) if p.ndim <= 1]
        # Adam's weight decay is added to the gradient: the gradient of l2 * |w|^2 is 2 * l2 * w.
        self.optimiser = torch.optim.Adam(
            [{"params": weights, "weight_decay": 2 * recipe.l2}, {"params": others, "weight_decay": 0.0}],
            lr=recipe.learning_rate,
            fused=True,
        )
        self.step, self.pairs, self.minutes = 0, 0, 0.0
        self.hardware, self.revision = hardware(device), revision()
        self.best: dict[str, Tensor] = {}
        self.best_mrr, self.best_epoch, self.halved = 0.0, 0, 0

    @property
    def epoch_steps(self) -> int:
        return self.recipe.epoch_pairs // self.recipe.batch

    @property
    def steps(self) -> int:
        """The length of the run; while it depends on what is still to come, the least that it can be."""
        recipe = self.recipe
        if recipe.epochs is not None:
            return recipe.epochs * self.epoch_steps
        return self.epoch_steps * (self.best_epoch + recipe.patience * (1 + recipe.halvings - self.halved))

    @property
    def due(self) -> bool:
        return self.step % self.epoch_steps == 0

    def train_step(self, windows: Windows) -> Tensor:
        """Draw batch ``step`` and descend. Returns the loss."""
        started = time.monotonic()
        recipe = self.recipe
        rng = np.random.default_rng([recipe.seed, self.step])
        excerpts, snippets = windows.draw(rng, recipe.batch, recipe.augmentation)
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.learning_rate * 0.5**self.halved
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bfloat16_is_fast(self.device)):
            audio, sheet = self.network(excerpts, snippets)
        loss: Tensor = self.loss(*self.network.project(audio, sheet))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.step += 1
        self.pairs += recipe.batch
        self.minutes += (time.monotonic() - started) / 60
        return loss.detach()

    def judge(self, scores: metrics.Scores) -> metrics.Scores:
        """After an epoch: keep the weights when they are the best so far, halve the rate when it is time."""
        recipe, epoch = self.recipe, self.step // self.epoch_steps
        if scores.mrr > self.best_mrr:
            self.best_mrr, self.best_epoch = scores.mrr, epoch
            self.best = {key: value.clone() for key, value in self.network.state_dict().items()}
        if recipe.epochs is not None:
            progress = epoch / recipe.epochs
            self.halved = max(0, int((progress - 2 / 3) * 3 * (recipe.halvings + 1)))
        elif epoch - self.best_epoch >= recipe.patience and self.halved < recipe.halvings:
            self.network.load_state_dict(self.best)
            self.halved, self.best_epoch = self.halved + 1, epoch
        return scores

    def save(self, path: Path) -> None:
        """Write the checkpoint; of a run that is at its end only the best weights, a quarter of it."""
        state: dict[str, Any] = {
            "recipe": json.dumps(self.recipe.to_dict()),
            "best": self.best,
            "record": {key: getattr(self, key) for key in (*RECORD, *SCHEDULE)},
        }
        if self.step < self.steps:
            state |= {
                "model": self.network.state_dict(),
                "loss": self.loss.state_dict(),
                "optimiser": self.optimiser.state_dict(),
            }
        with replacing(path) as file:
            torch.save(state, file)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint. Raises Mismatch when it belongs to another recipe."""
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        if Recipe.from_dict(json.loads(state["recipe"])) != self.recipe:
            raise Mismatch(f"{path}: made by a different recipe; move the run's folder away to start anew")
        if "model" in state:
            self.network.load_state_dict(state["model"])
            self.loss.load_state_dict(state["loss"])
            self.optimiser.load_state_dict(state["optimiser"])
        self.best = state["best"]
        for key, value in state["record"].items():
            setattr(self, key, value)


def train(recipe: Recipe, folder: Path, report: Callable[[Progress], None], deadline: float = math.inf) -> Path:
    """Train to the recipe's end or the ``deadline`` (`drive`), resuming where ``folder`` stands.

    Returns the checkpoint's path. Raises BadInput or Mismatch when the corpus does not hold what the recipe asks for.
    """
    device = best_device()
    trained_on = read_windows(recipe, "train", recipe.renderings, device)
    held_out = read_windows(recipe, "valid", (recipe.validation_rendering,), device)
    run = Run(recipe, device)
    return drive(
        run,
        lambda: run.train_step(trained_on),
        lambda: run.judge(validate(run.network, held_out, recipe.validation_pairs)),
        folder,
        report,
        deadline,
    )


def is_row(checkpoint: Path) -> bool:
    """Whether a checkpoint is one of a row of the paper."""
    return "recipe" in torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)


def read_checkpoint(path: Path) -> tuple[Recipe, Network, dict[str, Any]]:
    """A row's recipe, its best network by validation, ready to encode, and its record.

    Raises BadInput when the run was cut off before its first validation.
    """
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if not state["best"]:
        raise BadInput(path, "has no validated weights yet", "train on with the same recipe")
    recipe = Recipe.from_dict(json.loads(state["recipe"]))
    network = network_of(recipe)
    network.load_state_dict(state["best"])
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return recipe, network.eval(), state["record"]


def refine(checkpoint: Path, pairs: int = REFINED_ON) -> Path:
    """Write ``refined.pt`` beside a row's checkpoint: the same network, its CCA layer fitted on ``pairs`` pairs instead
    of the last batch's (the paper, Section 3.1).

    The pairs are taken evenly from all of the training split, not augmented, and spread over the recipe's renderings.
    Raises BadInput when the row has no CCA layer.
    """
    recipe, network, record = read_checkpoint(checkpoint)
    if not isinstance(network.projection, CCALayer):
        raise BadInput(checkpoint, "has no CCA layer", "use it as it is")
    device = best_device()
    windows = read_windows(recipe, "train", recipe.renderings, device)
    network.projection.fit(*views(network.to(device), windows, evenly(windows, pairs)))
    out = checkpoint.with_name("refined.pt")
    state = {
        "recipe": json.dumps(recipe.to_dict()),
        "best": network.state_dict(),
        "record": {**record, "refined_pairs": min(pairs, len(windows))},
    }
    with replacing(out) as file:
        torch.save(state, file)
    return out
