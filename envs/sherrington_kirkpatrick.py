"""The Sherrington–Kirkpatrick glass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from annealrl import register
from annealrl.hamiltonian import Hamiltonian
from annealrl.instances.random_graphs import sherrington_kirkpatrick
from annealrl.ising import IsingModel


@register("SK-v0")
@dataclass(frozen=True)
class SherringtonKirkpatrick(Hamiltonian):
    r"""Sherrington–Kirkpatrick glass: every pair of n spins is coupled (Phys. Rev. Lett. 35, 1792 (1975)).

    .. math:: H = -\sum_{i<j} J_{ij} s_i s_j, \qquad \overline{J_{ij}} = 0, \quad \overline{J_{ij}^2} = 1/n

    Couplings are ``"gaussian"`` or ``"pm1"`` (±1/√n). The ground energy per spin tends to -0.76317, with a correction
    that falls as n^(-2/3).
    """

    n: int = 40
    couplings: Literal["gaussian", "pm1"] = "gaussian"

    example: ClassVar[Mapping[str, Any]] = {"n": 12}
    symmetries: ClassVar[tuple[str, ...]] = ("spin-flip",)

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw couplings."""
        return sherrington_kirkpatrick(self.n, rng, couplings=self.couplings)
