"""Instances that are made around a planted ground state, which is thus known at any size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from annealrl import register
from annealrl.hamiltonian import Hamiltonian
from annealrl.instances.couplings import Planted
from annealrl.instances.planted import planted_tiles, planted_wishart, planted_xorsat
from annealrl.ising import IsingModel


def _with_solution(planted: Planted) -> IsingModel:
    return replace(planted.model, ground_spins=planted.ground_spins)


@register("PlantedTiles-v0")
@dataclass(frozen=True)
class PlantedTiles(Hamiltonian):
    r"""2D glass on an L×L torus tiled with frustrated plaquettes (Hamze et al., Phys. Rev. E 97, 043303 (2018)).

    .. math:: H = -\sum_{\langle ij \rangle} J_{ij} s_i s_j

    Every second plaquette, like the squares of one colour of a chessboard, has k bonds of strength 1 and 4 - k of
    strength 2, one of the weak ones violated by the planted state; k = 1 … 4 with `probabilities`. L is even. Many of
    k = 2 make hard instances.
    """

    length: int = 12
    probabilities: tuple[float, float, float, float] = (0.2, 0.5, 0.1, 0.2)

    example: ClassVar[Mapping[str, Any]] = {"length": 4}
    symmetries: ClassVar[tuple[str, ...]] = ("spin-flip",)

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw plaquettes and a gauge."""
        return _with_solution(planted_tiles(self.length, rng, probabilities=self.probabilities))


@register("Wishart-v0")
@dataclass(frozen=True)
class Wishart(Hamiltonian):
    r"""Dense planted glass of the Wishart ensemble (Hamze et al., Phys. Rev. E 101, 052102 (2020)).

    .. math:: H = -\sum_{i<j} J_{ij} s_i s_j, \qquad J_{ij} = -\frac{1}{n} \sum_{\mu=1}^{\alpha n} w_{i\mu} w_{j\mu}

    with Gaussian vectors w orthogonal to the planted state. `alpha` tunes the hardness, which peaks below 1.
    """

    n: int = 32
    alpha: float = 0.75

    example: ClassVar[Mapping[str, Any]] = {"n": 12}
    symmetries: ClassVar[tuple[str, ...]] = ("spin-flip",)

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw the planted state and the vectors."""
        return _with_solution(planted_wishart(self.n, self.alpha, rng))


@register("XORSAT-v0")
@dataclass(frozen=True)
class XORSAT(Hamiltonian):
    r"""Planted 3-regular 3-XORSAT in pairs and fields (Hen, Phys. Rev. Applied 12, 011003 (2019)).

    .. math:: H = -\sum_{i<j} J_{ij} s_i s_j - \sum_i h_i s_i

    As many equations ``s_a s_b s_c = c`` as `bits`, every bit in three of them, each written with an auxiliary spin:
    2·`bits` spins, ground energy -4·`bits`. The first half of the spins are the bits. Easy by elimination, hard by
    annealing.
    """

    bits: int = 16

    example: ClassVar[Mapping[str, Any]] = {"bits": 6}

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw equations, a solution and a gauge."""
        return _with_solution(planted_xorsat(self.bits, rng))
