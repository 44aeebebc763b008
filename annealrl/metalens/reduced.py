"""Reduced models of the field over a cell: a few modes, whose weights follow from the nine radii of its window.

After Zhelyeznyakov, Brunton and Majumdar, ACS Photonics 8, 481 (2021): modes by singular value decomposition, weights
by powers of the radii (linear in the coefficients, so a sum over the nine pillars) or by a deep network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from annealrl.ising import FloatArray
from annealrl.metalens.beam import Beam, ComplexArray
from annealrl.metalens.dataset import Windows

if TYPE_CHECKING:
    from torch import Tensor, nn

#: Modes and highest power of the radii, as published.
MODES, ORDER = 16, 10
#: Hidden layers as published, and those of the network that is shipped.
PUBLISHED = (100, 200, 400, 800, 1600, 800, 400, 200, 100)
SMALL = (128, 256, 128)
#: Order of the polynomial that stands for the local transmission, and radii that it is fitted to.
_LOCAL_ORDER, _LOCAL_RADII = 24, 96


class CellModel(ABC):
    """Predicts fields over cells as E = U·w(radii of the window).

    Attributes
    ----------
    basis : complex128 array, shape (samples, q)
    smallest, largest : float
        Radii that the model holds for, nm.
    """

    basis: ComplexArray
    smallest: float
    largest: float

    @abstractmethod
    def weights(self, windows: Any) -> Any:
        """Weights of the modes, float64 Torch tensor of shape (m, 9) → complex128 tensor of shape (m, q)."""

    def fields(self, windows: FloatArray) -> ComplexArray:
        """Fields, shape (m, 9) → (m, samples)."""
        import torch

        from annealrl.surrogate import one_thread

        with torch.no_grad(), one_thread():
            found = self.weights(torch.from_numpy(np.ascontiguousarray(windows, np.float64))).numpy()
        return np.asarray(found @ self.basis.T)

    def error(self, data: Windows) -> float:
        """‖E_pred - E‖_F / ‖E‖_F."""
        return float(np.linalg.norm(self.fields(data.radii) - data.fields) / np.linalg.norm(data.fields))

    def _scaled(self, radii: Any) -> Any:
        return (2 * radii - self.smallest - self.largest) / (self.largest - self.smallest)


@dataclass(frozen=True, eq=False)
class OneBody(CellModel):
    """Weights that are a constant and a sum of polynomials of single radii: the linear model and the local one.

    Polynomials are in Chebyshev form of the radius scaled to [-1, 1], which spans the same as its powers do and can be
    fitted and evaluated without loss of digits.

    Attributes
    ----------
    constant : complex128 array, shape (q,)
    coefficients : complex128 array, shape (9, order, q)
        Of the Chebyshev polynomials 1 … order of every radius of the window.
    """

    basis: ComplexArray
    constant: ComplexArray
    coefficients: ComplexArray
    smallest: float
    largest: float

    def weights(self, windows: Tensor) -> Tensor:
        """See :class:`CellModel`."""
        import torch

        x = self._scaled(windows)
        powers, before = [x], torch.ones_like(x)
        for _ in range(1, self.coefficients.shape[1]):
            powers.append(2 * x * powers[-1] - before)
            before = powers[-2]
        seen = torch.stack(powers, dim=2).flatten(1).to(torch.complex128)
        table = torch.from_numpy(self.coefficients.reshape(-1, len(self.constant)))
        return seen @ table + torch.from_numpy(self.constant)

    def terms(self, radii: FloatArray) -> ComplexArray:
        """What each of the nine radii adds to the weights if it has one of the given values, shape (K,) → (9, K, q)."""
        seen = np.polynomial.chebyshev.chebvander(self._scaled(radii), self.coefficients.shape[1])[:, 1:]
        return np.asarray(seen @ self.coefficients)


@dataclass(frozen=True, eq=False)
class Deep(CellModel):
    """Weights by a dense network with rectifiers; its last layer gives their real and then their imaginary parts.

    Attributes
    ----------
    network : torch.nn.Module
        From radii scaled to [-1, 1], in the type of its own parameters.
    """

    basis: ComplexArray
    network: nn.Module
    smallest: float
    largest: float

    def weights(self, windows: Tensor) -> Tensor:
        """See :class:`CellModel`."""
        import torch

        kind = next(self.network.parameters()).dtype
        real, imaginary = self.network(self._scaled(windows).to(kind)).double().chunk(2, dim=1)
        return torch.complex(real, imaginary)


def dense_network(hidden: tuple[int, ...], modes: int, seed: int) -> nn.Module:
    """9 radii → hidden layers with rectifiers → 2·modes numbers, initialised from a seed."""
    import torch
    from torch import nn

    sizes = (9, *hidden)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], 2 * modes))


def modes_of(fields: ComplexArray, count: int = MODES) -> tuple[ComplexArray, float]:
    """The first left singular vectors of the matrix of fields, shape (samples, count), and their share of ‖E‖²."""
    values, vectors = np.linalg.eigh(fields.T @ fields.conj())
    return np.ascontiguousarray(vectors[:, ::-1][:, :count]), float(values[::-1][:count].sum() / values.sum())


def fit_local(beam: Beam) -> OneBody:
    """The local phase approximation: one complex transmission for the whole cell, of the central radius alone."""
    pillars = beam.pillars
    x = np.cos(np.pi * (np.arange(_LOCAL_RADII) + 0.5) / _LOCAL_RADII)
    radii = (x + 1) / 2 * (pillars.largest - pillars.smallest) + pillars.smallest
    found: ComplexArray = np.polynomial.chebyshev.chebfit(x, beam.transmission(radii), _LOCAL_ORDER).astype(
        np.complex128
    )
    coefficients = np.zeros((9, _LOCAL_ORDER, 1), np.complex128)
    coefficients[4, :, 0] = found[1:]
    basis = np.ones((beam.samples**2, 1), np.complex128)
    return OneBody(basis, found[:1], coefficients, pillars.smallest, pillars.largest)


def fit_linear(data: Windows, basis: ComplexArray, beam: Beam, order: int = ORDER) -> OneBody:
    """Least squares of the modes' weights on powers of the nine radii up to `order`."""
    pillars = beam.pillars
    x = (2 * data.radii - pillars.smallest - pillars.largest) / (pillars.largest - pillars.smallest)
    seen = np.polynomial.chebyshev.chebvander(x, order)[:, :, 1:].reshape(len(x), -1)
    table = np.concatenate([np.ones((len(x), 1)), seen], axis=1)
    found: ComplexArray = np.linalg.lstsq(table, data.fields @ basis.conj(), rcond=None)[0].astype(np.complex128)
    return OneBody(basis, found[0], found[1:].reshape(9, order, -1), pillars.smallest, pillars.largest)
