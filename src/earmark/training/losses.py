"""What is minimised: cross-entropy over all pairs of a batch, and note detection as a teacher for the trunks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

MAX_LOG_SCALE = 4.6  # the least temperature: 0.01


def contrastive_loss(audio: Tensor, sheet: Tensor, scale: Tensor, same: Tensor) -> Tensor:
    """Mean of the cross-entropies audio -> sheet and sheet -> audio over the batch (InfoNCE; CLIP's symmetric form).

    ``audio`` and ``sheet`` are unit embeddings [n, d], row i of one belonging to row i of the other; ``scale`` is the
    inverse temperature. ``same`` bool [n, n] is true where the sound of pair i fits the snippet of pair j as well as
    its own: nobody could tell such a negative from the right answer, so it is left out.
    """
    logits = scale * audio @ sheet.T
    own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill(same & ~own, float("-inf"))
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def pitch_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of "pitch p begins at token j", summed over pitches, mean over tokens.

    ``logits`` and ``labels`` [batch, pitches, tokens]. Dense and cheap, it teaches each trunk what a note is long
    before the contrastive loss could.
    """
    return F.binary_cross_entropy_with_logits(logits.float(), labels, reduction="sum") / (
        labels.shape[0] * labels.shape[2]
    )
