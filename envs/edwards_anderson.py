"""Edwards–Anderson spin glasses in two and three dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from annealrl import register
from annealrl.hamiltonian import Hamiltonian
from annealrl.instances.couplings import CouplingKind
from annealrl.instances.lattices import edwards_anderson_2d, edwards_anderson_3d
from annealrl.ising import IsingModel


@register("EdwardsAnderson2D-v0")
@dataclass(frozen=True)
class EdwardsAnderson2D(Hamiltonian):
    r"""Edwards–Anderson glass on an L×L square lattice (J. Phys. F 5, 965 (1975)).

    .. math:: H = -\sum_{\langle ij \rangle} J_{ij} s_i s_j

    Couplings are independent: ``"gaussian"`` (mean 0, variance 1), ``"pm1"`` (±1) or ``"uniform"`` on [-1, 1).
    Ground energy per spin of large periodic lattices: about -1.3148 (gaussian), -1.4019 (pm1).
    """

    length: int = 10
    couplings: CouplingKind = "gaussian"
    periodic: bool = True

    example: ClassVar[Mapping[str, Any]] = {"length": 4}
    symmetries: ClassVar[tuple[str, ...]] = ("spin-flip",)

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw couplings."""
        return edwards_anderson_2d(self.length, rng, self.couplings, self.periodic)


@register("EdwardsAnderson3D-v0")
@dataclass(frozen=True)
class EdwardsAnderson3D(Hamiltonian):
    r"""Edwards–Anderson glass on an L×L×L cubic lattice (J. Phys. F 5, 965 (1975)).

    .. math:: H = -\sum_{\langle ij \rangle} J_{ij} s_i s_j

    Couplings as in two dimensions. Ground energy per spin of large periodic lattices: about -1.700 (gaussian), -1.787
    (pm1).
    """

    length: int = 4
    couplings: CouplingKind = "gaussian"
    periodic: bool = True

    example: ClassVar[Mapping[str, Any]] = {"length": 2, "periodic": False}
    symmetries: ClassVar[tuple[str, ...]] = ("spin-flip",)

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw couplings."""
        return edwards_anderson_3d(self.length, rng, self.couplings, self.periodic)
