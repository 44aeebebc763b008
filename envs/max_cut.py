"""Maximum cuts of random graphs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from annealrl import register
from annealrl.hamiltonian import Hamiltonian
from annealrl.instances.random_graphs import max_cut_gnp
from annealrl.ising import IsingModel


@register("MaxCut-v0")
@dataclass(frozen=True)
class MaxCut(Hamiltonian):
    r"""Maximum cut of a random graph G(n, p), like Gset's G1 to G10 (SIAM J. Optim. 10, 673 (2000)).

    .. math:: H = \sum_{i<j} w_{ij} s_i s_j = W - 2 \, \mathrm{cut}(s), \qquad W = \sum_{i<j} w_{ij}

    The lowest energy is that of the largest cut. Weights are ``"unit"`` (1 on every edge) or ``"pm1"`` (±1).
    """

    n: int = 60
    p: float = 0.1
    weights: Literal["unit", "pm1"] = "unit"

    example: ClassVar[Mapping[str, Any]] = {"n": 12, "p": 0.4}
    symmetries: ClassVar[tuple[str, ...]] = ("spin-flip",)

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw a graph and weights."""
        return max_cut_gnp(self.n, self.p, rng, weights=self.weights)
