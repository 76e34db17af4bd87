"""The CCA layer against its closed form, its gradients against finite differences, and batches that have none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from torch import Tensor  # noqa: E402

from earmark.balke2019.cca import CCALayer, eigenvectors, inverse_square_root, projections  # noqa: E402

Array = npt.NDArray[np.float64]


def correlated(count: int, dimension: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two centred views that share ever noisier dimensions."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((count, dimension))
    noise = np.linspace(0.2, 2, dimension)
    views = [
        (shared + noise * rng.standard_normal((count, dimension))) @ rng.standard_normal((dimension, dimension))
        for _ in range(2)
    ]
    x, y = (torch.from_numpy(view - view.mean(axis=0)) for view in views)
    return x, y


def closed_form(x: Array, y: Array, ridge: float) -> tuple[Array, Array, Array]:
    """CCA by one singular value decomposition of the whitened cross-covariance, with Cholesky whitening."""
    count, dimension = x.shape
    sxx, syy = (v.T @ v / (count - 1) + ridge * np.eye(dimension) for v in (x, y))
    left, right = (np.linalg.inv(np.linalg.cholesky(s)).T for s in (sxx, syy))
    e, correlations, ft = np.linalg.svd(left.T @ (x.T @ y / (count - 1)) @ right)
    return left @ e, right @ ft.T, correlations


def test_the_projections_are_those_of_the_closed_form() -> None:
    x, y = correlated(400, 8)
    u, v = projections(x, y, 1e-3)
    expected_u, expected_v, correlations = closed_form(x.numpy(), y.numpy(), 1e-3)
    for found, expected in ((u.numpy(), expected_u), (v.numpy(), expected_v)):
        sign = np.sign((found * expected).sum(axis=0))
        np.testing.assert_allclose(found, expected * sign, atol=1e-8)
    across = ((x @ u).T @ (y @ v) / (len(x) - 1)).numpy()
    np.testing.assert_allclose(across, np.diag(correlations), atol=1e-9)
    assert (np.diff(correlations) < 0).all()


def test_the_projected_views_are_white() -> None:
    x, y = correlated(300, 6)
    u, v = projections(x, y, 1e-9)
    for projected in (x @ u, y @ v):
        covariance = projected.T @ projected / (len(x) - 1)
        assert torch.allclose(covariance, torch.eye(6, dtype=torch.float64), atol=1e-6)


def test_gradients() -> None:
    x, y = correlated(12, 4)
    x.requires_grad_(True)
    y.requires_grad_(True)

    def projected(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        u, v = projections(x, y)
        return (x @ u).abs(), (y @ v).abs()  # the sign of a column is free

    assert torch.autograd.gradcheck(projected, (x, y), atol=1e-5, rtol=1e-4)


def test_gradients_of_the_parts() -> None:
    a = torch.randn(5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(3), requires_grad=True)

    def positive(a: Tensor) -> Tensor:
        made: Tensor = a @ a.T + torch.eye(5, dtype=torch.float64)
        return made

    assert torch.autograd.gradcheck(lambda a: inverse_square_root(positive(a)), (a,))
    assert torch.autograd.gradcheck(lambda a: eigenvectors(positive(a)).abs(), (a,), atol=1e-5)


def test_the_inverse_square_root_has_its_gradient_where_eigenvalues_coincide() -> None:
    scale = torch.tensor(4.0, dtype=torch.float64, requires_grad=True)
    inverse_square_root(scale * torch.eye(6, dtype=torch.float64)).sum().backward()  # type: ignore[no-untyped-call]
    assert scale.grad is not None
    assert float(scale.grad) == pytest.approx(6 * -0.5 * 4**-1.5)  # d(6 s^-1/2) / ds


@pytest.mark.parametrize(
    "views",
    [
        pytest.param(correlated(5, 16), id="fewer pairs than dimensions"),
        pytest.param((torch.ones(20, 8).double(), torch.ones(20, 8).double()), id="constant"),
        pytest.param((torch.zeros(20, 8).double(), correlated(20, 8)[1]), id="one side silent"),
        pytest.param((correlated(20, 8)[0],) * 2, id="both sides equal"),
    ],
)
def test_degenerate_batches_give_finite_embeddings_and_gradients(views: tuple[Tensor, Tensor]) -> None:
    audio, sheet = (view.clone().requires_grad_(True) for view in views)
    layer = CCALayer(audio.shape[1]).train()
    one, other = layer(audio, sheet)
    (one * other).sum().backward()
    for found in (one, other, audio.grad, sheet.grad, layer.audio_projection, layer.sheet_projection):
        assert found is not None
        assert torch.isfinite(found).all()


def test_one_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two"):
        projections(torch.zeros(1, 4).double(), torch.zeros(1, 4).double())


def test_the_layer_keeps_the_last_projection() -> None:
    layer = CCALayer(6).train()
    audio, sheet = (view.float() for view in correlated(100, 6))
    projected = layer(audio + 3, sheet - 1)
    assert torch.allclose(layer.audio(audio + 3), projected[0], atol=1e-4)
    assert torch.allclose(layer.sheet(sheet - 1), projected[1], atol=1e-4)
    layer.fit(*(view.float() for view in correlated(100, 6, seed=1)))
    assert not torch.allclose(layer.audio(audio + 3), projected[0], atol=1e-2)
