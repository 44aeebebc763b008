"""Edwards–Anderson spin glasses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annealrl import register
from annealrl.hamiltonian import Hamiltonian
from annealrl.instances.generators import CouplingKind, edwards_anderson_2d
from annealrl.ising import IsingModel


@register("EdwardsAnderson2D-v0")
@dataclass(frozen=True)
class EdwardsAnderson2D(Hamiltonian):
    r"""Edwards–Anderson glass on an L×L square lattice (J. Phys. F 5, 965 (1975)).

    .. math:: H = -\sum_{\langle ij \rangle} J_{ij} s_i s_j

    Couplings are independent: ``"gaussian"`` (mean 0, variance 1), ``"pm1"`` (±1) or ``"uniform"`` on (-1, 1).
    Gaussian ground energy per spin: about -1.3148 for large periodic L.
    """

    length: int = 10
    couplings: CouplingKind = "gaussian"
    periodic: bool = True

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw couplings."""
        return edwards_anderson_2d(self.length, rng, self.couplings, self.periodic)
