"""Spin glasses on random graphs: of fixed degree, and of Poissonian degree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from annealrl import register
from annealrl.hamiltonian import Hamiltonian
from annealrl.instances.couplings import CouplingKind
from annealrl.instances.random_graphs import random_regular, viana_bray
from annealrl.ising import IsingModel


@register("RandomRegular-v0")
@dataclass(frozen=True)
class RandomRegular(Hamiltonian):
    r"""Glass on a random graph E in which every spin has `degree` neighbours (Eur. Phys. J. B 20, 217 (2001)).

    .. math:: H = -\sum_{(ij) \in E} J_{ij} s_i s_j

    Both the graph and the couplings are drawn. With ``"pm1"`` couplings and degree 3 the ground energy per spin of
    large graphs is about -1.2717.
    """

    n: int = 64
    degree: int = 3
    couplings: CouplingKind = "pm1"

    example: ClassVar[Mapping[str, Any]] = {"n": 14}
    symmetries: ClassVar[tuple[str, ...]] = ("spin-flip",)

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw a graph and couplings."""
        return random_regular(self.n, self.degree, rng, couplings=self.couplings)


@register("VianaBray-v0")
@dataclass(frozen=True)
class VianaBray(Hamiltonian):
    r"""Dilute glass: each pair is coupled with probability connectivity/(n - 1) (J. Phys. C 18, 3037 (1985)).

    .. math:: H = -\sum_{(ij) \in E} J_{ij} s_i s_j

    Numbers of neighbours are Poissonian with the mean `connectivity`; a spin without any is free.
    """

    n: int = 64
    connectivity: float = 4.0
    couplings: CouplingKind = "pm1"

    example: ClassVar[Mapping[str, Any]] = {"n": 14}
    symmetries: ClassVar[tuple[str, ...]] = ("spin-flip",)

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw a graph and couplings."""
        return viana_bray(self.n, self.connectivity, rng, couplings=self.couplings)
