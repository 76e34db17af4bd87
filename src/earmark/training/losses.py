"""What is minimised: cross-entropy over all pairs of a batch, and note detection as a teacher for the trunks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def contrastive_loss(audio: Tensor, sheet: Tensor, scale: Tensor, content: Tensor) -> Tensor:
    """Mean of the cross-entropies audio -> sheet and sheet -> audio over the batch (InfoNCE; CLIP's symmetric form).

    ``audio`` and ``sheet`` are unit embeddings [n, d], row i of one belonging to row i of the other; ``scale`` is the
    inverse temperature. ``content`` int64 [n] names the notes around each pair: a negative with the pair's own content
    could not be told from the right answer, so it is left out.
    """
    logits = scale * audio @ sheet.T
    same = content[:, None] == content[None, :]
    same.fill_diagonal_(False)
    logits = logits.masked_fill(same, float("-inf"))
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
