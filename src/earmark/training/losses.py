"""What is minimised: cross-entropy over all pairs of a batch, and note detection as a teacher for the trunks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

MAX_LOG_SCALE = 4.6  # the least temperature: 0.01


def contrastive_loss(audio: Tensor, sheet: Tensor, scale: Tensor, same: Tensor, own: Tensor | None = None) -> Tensor:
    """Mean of the cross-entropies audio -> sheet and sheet -> audio over the batch (InfoNCE; CLIP's symmetric form).

    ``audio`` [n, d] and ``sheet`` [m, d] are unit embeddings; the snippet in row i belongs to the sound in row
    ``own[i]``, or without ``own`` [m] to that in row i. Sound that no snippet belongs to is a negative of them all.
    ``scale`` is the inverse temperature. ``same`` bool [n, m] is true where sound i fits snippet j as well as its own:
    nobody could tell such a negative from the right answer, so it is left out.
    """
    snippet = torch.arange(len(sheet), device=sheet.device)
    own = snippet if own is None else own
    left_out = same.clone()
    left_out[own, snippet] = False
    logits = (scale * audio @ sheet.T).masked_fill(left_out, float("-inf"))
    return (F.cross_entropy(logits[own], snippet) + F.cross_entropy(logits.T, own)) / 2


def pitch_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of "pitch p begins at token j", summed over pitches, mean over tokens.

    ``logits`` and ``labels`` [batch, pitches, tokens]. Dense and cheap, it teaches each trunk what a note is long
    before the contrastive loss could.
    """
    return F.binary_cross_entropy_with_logits(logits.float(), labels, reduction="sum") / (
        labels.shape[0] * labels.shape[2]
    )
