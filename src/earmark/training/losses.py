"""What is minimised: cross-entropy over all pairs of a batch, and note detection as a teacher for the trunks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

MAX_LOG_SCALE = 4.6  # the least temperature: 0.01


def contrastive_loss(audio: Tensor, sheet: Tensor, scale: Tensor, indistinguishable: Tensor) -> Tensor:
    """Mean of the cross-entropies audio → sheet and sheet → audio over the batch (InfoNCE; CLIP's symmetric form).

    ``audio`` and ``sheet`` are unit embeddings [n, d], row i of one belonging to row i of the other; ``scale`` is the
    inverse temperature. ``indistinguishable`` bool [n, n] is true where the audio of pair i fits the snippet of pair j
    as well as its own: nobody could tell such a negative from the right answer, so it is left out.
    """
    own = torch.arange(len(audio), device=audio.device)
    to_sheet = retrieval_loss(audio, sheet, own, indistinguishable, scale)
    to_audio = retrieval_loss(sheet, audio, own, indistinguishable.T, scale)
    return (to_sheet + to_audio) / 2


def retrieval_loss(queries: Tensor, candidates: Tensor, own: Tensor, is_positive: Tensor, scale: Tensor) -> Tensor:
    """Mean cross-entropy of finding candidate ``own[i]`` for query i among all that do not fit it as well.

    ``queries`` [n, d] and ``candidates`` [m, d] are unit embeddings, ``own`` int64 [n], ``is_positive`` bool [n, m]
    true where a candidate fits a query as well as the own one, which need not be marked; ``scale`` is the inverse
    temperature. Positives other than the own one are left out.
    """
    left_out = is_positive.scatter(1, own[:, None], False)
    return F.cross_entropy((scale * queries @ candidates.T).masked_fill(left_out, float("-inf")), own)


def pitch_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of "pitch p begins at token j", summed over pitches, mean over tokens.

    ``logits`` and ``labels`` [batch, pitches, tokens]. Dense and cheap, it teaches each trunk what a note is long
    before the contrastive loss could.
    """
    return F.binary_cross_entropy_with_logits(logits.float(), labels, reduction="sum") / (
        labels.shape[0] * labels.shape[2]
    )
