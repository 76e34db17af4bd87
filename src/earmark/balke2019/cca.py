"""Canonical correlation analysis as a layer: both views of a batch → maximally correlated, uncorrelated dimensions.

The layer of Dorfer et al. (2018, "End-to-end cross-modality retrieval with CCA projections and pairwise ranking loss"),
as the authors' code has it. From centred views X, Y [n, d]::

    Sxx = X'X / (n - 1) + r I      Syy = Y'Y / (n - 1) + r I      Sxy = X'Y / (n - 1)
    T   = Sxx^(-1/2) Sxy Syy^(-1/2)
    E, F = eigenvectors of T T' and of T' T, largest eigenvalue first
    U   = Sxx^(-1/2) E             V   = Syy^(-1/2) F, columns' signs chosen so that diag(U' Sxy V) >= 0

(The code also adds rT I to T T' and T' T, which moves their eigenvalues but neither eigenvectors nor projections.)

Everything is computed in float64: the covariances on the device that holds the views, the rest, on matrices [d, d], on
the processor, which decomposes such small ones faster than a GPU. Gradients exist for every batch: the inverse square
root's is exact also where eigenvalues coincide; the eigenvectors' is damped where they do, since there it is not
defined.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

REGULARISATION = 1e-3
CLOSE = 1e-6
"""Eigenvalues of T T' (squared correlations, 0..1) nearer than this count as coinciding."""


class InverseSquareRoot(torch.autograd.Function):
    """S^(-1/2) of symmetric positive definite S [..., d, d].

    Its derivative in S's eigenbasis is elementwise (Daleckii and Krein): -1 / (a b (a + b)) with a, b the square roots
    of the two eigenvalues; no difference of eigenvalues is ever divided by.
    """

    @staticmethod
    def forward(ctx: Any, symmetric: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(symmetric)
        root = values.sqrt()
        ctx.save_for_backward(root, vectors)
        inverse: Tensor = (vectors / root[..., None, :]) @ vectors.mT
        return inverse

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        root, vectors = ctx.saved_tensors
        one, other = root[..., :, None], root[..., None, :]
        slope = -1 / (one * other * (one + other))
        return symmetrised(vectors @ (slope * (vectors.mT @ gradients[0] @ vectors)) @ vectors.mT)


class Eigenvectors(torch.autograd.Function):
    """Eigenvectors of symmetric matrices [..., d, d] as columns, largest eigenvalue first.

    The derivative divides by differences of eigenvalues; 1 / x becomes x / (x^2 + CLOSE^2).
    """

    @staticmethod
    def forward(ctx: Any, symmetric: Tensor) -> Tensor:
        values, vectors = (found.flip(-1) for found in torch.linalg.eigh(symmetric))
        ctx.save_for_backward(values, vectors)
        found: Tensor = vectors
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        values, vectors = ctx.saved_tensors
        difference = values[..., None, :] - values[..., :, None]
        slope = difference / (difference.square() + CLOSE**2)
        return symmetrised(vectors @ (slope * (vectors.mT @ gradients[0])) @ vectors.mT)


def symmetrised(matrix: Tensor) -> Tensor:
    """The symmetric part: numerically symmetric gradients of symmetric matrices."""
    return (matrix + matrix.mT) / 2


def inverse_square_root(symmetric: Tensor) -> Tensor:
    """`InverseSquareRoot`, applied."""
    out: Tensor = InverseSquareRoot.apply(symmetric)  # type: ignore[no-untyped-call]
    return out


def eigenvectors(symmetric: Tensor) -> Tensor:
    """`Eigenvectors`, applied."""
    out: Tensor = Eigenvectors.apply(symmetric)  # type: ignore[no-untyped-call]
    return out


def projections(x: Tensor, y: Tensor, regularisation: float = REGULARISATION) -> tuple[Tensor, Tensor]:
    """CCA of centred float64 views [n, d] → projections U, V [d, d] beside them, most correlated columns first.

    Raises ValueError for fewer than two pairs, which have no covariance.
    """
    count, dimension = x.shape
    if count < 2:
        raise ValueError(f"{count} pair has no covariance: CCA needs a batch of at least two")
    products = torch.stack([x.T @ x, y.T @ y, x.T @ y]).cpu() / (count - 1)
    cross = products[2]
    whiten_x, whiten_y = inverse_square_root(products[:2] + regularisation * torch.eye(dimension, dtype=x.dtype))
    t = whiten_x @ cross @ whiten_y
    e, f = eigenvectors(torch.stack([t @ t.T, t.T @ t]))
    u, v = whiten_x @ e, whiten_y @ f
    sign = torch.where((u * (cross @ v)).sum(dim=0) < 0, -1.0, 1.0).to(x.dtype)
    u, v = torch.stack([u, v * sign]).to(x.device)
    return u, v


class CCALayer(nn.Module):
    """Projects both views with the CCA of the batch while training, with the last one fitted otherwise.

    "Un-refined" in the paper's Table 2 is the last training batch's projection, "refined" that of `fit` on many pairs.
    """

    audio_mean: Tensor
    audio_projection: Tensor
    sheet_mean: Tensor
    sheet_projection: Tensor

    def __init__(self, dimension: int) -> None:
        super().__init__()
        for modality in ("audio", "sheet"):
            self.register_buffer(f"{modality}_mean", torch.zeros(dimension))
            self.register_buffer(f"{modality}_projection", torch.eye(dimension))

    def forward(self, audio: Tensor, sheet: Tensor) -> tuple[Tensor, Tensor]:
        """A training batch's views [n, d] → its projected views float32 [n, d]; keeps the projection."""
        audio, sheet = audio.double(), sheet.double()
        audio_mean, sheet_mean = audio.mean(dim=0), sheet.mean(dim=0)
        u, v = projections(audio - audio_mean, sheet - sheet_mean)
        with torch.no_grad():
            for buffer, value in (
                (self.audio_mean, audio_mean),
                (self.audio_projection, u),
                (self.sheet_mean, sheet_mean),
                (self.sheet_projection, v),
            ):
                buffer.copy_(value)
        return ((audio - audio_mean) @ u).float(), ((sheet - sheet_mean) @ v).float()

    @torch.no_grad()
    def fit(self, audio: Tensor, sheet: Tensor) -> None:
        """Refine: keep the projection of these views [n, d], which are many more than a batch."""
        self(audio, sheet)

    def audio(self, x: Tensor) -> Tensor:
        """Views of the audio [n, d] → projected with what was kept."""
        return (x - self.audio_mean) @ self.audio_projection

    def sheet(self, x: Tensor) -> Tensor:
        """Views of the sheet music [n, d] → projected with what was kept."""
        return (x - self.sheet_mean) @ self.sheet_projection


class LinearProjection(nn.Module):
    """A learned linear map for each view in place of the CCA layer: what that layer is compared with."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.audio = nn.Linear(dimension, dimension)
        self.sheet = nn.Linear(dimension, dimension)

    def forward(self, audio: Tensor, sheet: Tensor) -> tuple[Tensor, Tensor]:
        return self.audio(audio), self.sheet(sheet)
