"""Refine a trained row: fit its CCA layer on many pairs instead of the last batch's (the paper, Section 3.1)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from earmark.balke2019.cca import CCALayer
from earmark.balke2019.networks import Network
from earmark.balke2019.recipe import Recipe
from earmark.balke2019.train import evenly, network_of, read_windows, views
from earmark.errors import BadInput
from earmark.files import replacing
from earmark.training.loop import best_device

PAIRS = 25_000


def is_row(checkpoint: Path) -> bool:
    """Whether a checkpoint is one of a row of the paper."""
    return "recipe" in torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)


def read_checkpoint(path: Path) -> tuple[Recipe, Network, dict[str, Any]]:
    """A row's recipe, its best network by validation, ready to encode, and its record."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    recipe = Recipe.from_dict(json.loads(state["recipe"]))
    network = network_of(recipe)
    network.load_state_dict(state["best"])
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return recipe, network.eval(), state["record"]


def refine(checkpoint: Path, pairs: int = PAIRS) -> Path:
    """Write ``refined.pt`` beside a row's checkpoint: the same network, its projection fitted on ``pairs`` pairs.

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
