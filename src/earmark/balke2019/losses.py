"""What the rows are trained with: the paper's ranking loss, or what it is compared with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from earmark.training.losses import MAX_LOG_SCALE, contrastive_loss

MARGIN = 0.7


class RankingLoss(nn.Module):
    """Pairwise ranking loss in one direction (the authors' code; Kiros et al. 2014, equation 6).

    The mean of max(0, margin - s(i, i) + s(i, j)) over all wrong pairs: each snippet i against the batch's other audio
    windows j.
    """

    def __init__(self, margin: float = MARGIN) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, audio: Tensor, sheet: Tensor) -> Tensor:
        """Unit embeddings [n, d], row i of one belonging to row i of the other → scalar."""
        similarity = sheet @ audio.T
        hinge = (self.margin - similarity.diagonal()[:, None] + similarity).clamp(min=0)
        right = torch.eye(len(hinge), dtype=torch.bool, device=hinge.device)
        return hinge.masked_fill(right, 0).sum() / (len(hinge) * (len(hinge) - 1))


class CrossEntropyLoss(nn.Module):
    """Symmetric cross-entropy over the batch with a learned temperature, at least 0.01 (CLIP's)."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(3.0))

    def forward(self, audio: Tensor, sheet: Tensor) -> Tensor:
        """Unit embeddings [n, d], row i of one belonging to row i of the other → scalar."""
        itself_alone = torch.eye(len(audio), dtype=torch.bool, device=audio.device)
        return contrastive_loss(audio, sheet, self.log_scale.clamp(max=MAX_LOG_SCALE).exp(), itself_alone)


LOSSES = {"ranking": RankingLoss, "cross-entropy": CrossEntropyLoss}
