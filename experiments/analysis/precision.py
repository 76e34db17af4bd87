"""Is bfloat16 exact enough to train the paper's rows? A trained row in both precisions, on pairs it was not trained on.

    python -m experiments.analysis.precision runs/bl2-sc/checkpoint.pt

Prints how the embeddings, the retrieval among the validation pairs and a training step's gradient differ from float32.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.support.results import table
from earmark.balke2019.losses import LOSSES
from earmark.balke2019.networks import Network
from earmark.balke2019.recipe import Recipe
from earmark.balke2019.train import evenly, read_checkpoint, read_windows, views
from earmark.balke2019.windows import Windows
from earmark.training.evaluation import metrics

CANDIDATES = 1000


def unit(x: Tensor) -> Tensor:
    return torch.nn.functional.normalize(x, dim=1)


def embeddings(network: Network, windows: Windows, bf16: bool) -> tuple[Tensor, Tensor]:
    """Unit embeddings of both sides of `CANDIDATES` pairs."""
    with torch.no_grad():
        audio, sheet = views(network, windows, evenly(windows, CANDIDATES), bf16=bf16)
        return unit(network.projection.audio(audio)), unit(network.projection.sheet(sheet))


def gradient(network: Network, recipe: Recipe, windows: Windows, bf16: bool) -> Tensor:
    """All gradients of one augmented batch, as one vector."""
    heard, seen = windows.draw(np.random.default_rng(0), recipe.batch, recipe.augmentation)
    network.train().zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        audio, sheet = network.view_audio(heard)[0], network.view_sheet(seen)
    LOSSES[recipe.loss]()(*network.project(audio, sheet)).backward()
    found = [parameter.grad.flatten() for parameter in network.parameters() if parameter.grad is not None]
    return torch.cat(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    recipe, network, _ = read_checkpoint(parser.parse_args().checkpoint)
    windows = read_windows(recipe, "valid", (recipe.validation_rendering,))
    found = {bf16: embeddings(network, windows, bf16) for bf16 in (False, True)}
    rows = []
    for side, name in enumerate(("audio", "sheet")):
        cosine = (found[False][side] * found[True][side]).sum(dim=1)
        rows.append([f"cosine of {name} embeddings, float32 and bfloat16: median", f"{float(cosine.median()):.5f}"])
        rows.append([f"cosine of {name} embeddings, float32 and bfloat16: least", f"{float(cosine.min()):.5f}"])
    for bf16, (audio, sheet) in found.items():
        scores = metrics.scores(metrics.ranks(audio.numpy(), sheet.numpy()))
        precision = "bfloat16" if bf16 else "float32"
        rows.append([f"{precision}: R@1, MRR of {scores.candidates}", f"{scores.recall_at_1:.2f}, {scores.mrr:.4f}"])
    one, other = (gradient(network, recipe, windows, bf16) for bf16 in (False, True))
    cosine = torch.nn.functional.cosine_similarity(one, other, dim=0)
    rows.append(["cosine of one batch's gradients", f"{float(cosine):.4f}"])
    print(table([recipe.name, ""], rows))


if __name__ == "__main__":
    main()
