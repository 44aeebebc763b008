"""Glasses on the Chimera graph of D-Wave's first annealers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from annealrl import register
from annealrl.hamiltonian import Hamiltonian
from annealrl.instances.couplings import CouplingKind
from annealrl.instances.hardware_graphs import chimera_glass
from annealrl.ising import IsingModel


@register("Chimera-v0")
@dataclass(frozen=True)
class Chimera(Hamiltonian):
    r"""Glass on the Chimera graph of m×m cells K(4, 4), 8m² spins (Phys. Rev. X 4, 021008 (2014)).

    .. math:: H = -\sum_{(ij) \in E} J_{ij} s_i s_j - \sum_i h_i s_i

    Couplings are ``"gaussian"``, ``"pm1"`` or ``"uniform"``; fields too, or ``"none"``.
    """

    m: int = 4
    couplings: CouplingKind = "pm1"
    fields: Literal["none", "gaussian", "pm1", "uniform"] = "none"

    example: ClassVar[Mapping[str, Any]] = {"m": 1, "fields": "pm1"}

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw couplings, then fields."""
        fields = None if self.fields == "none" else self.fields
        return chimera_glass(self.m, rng, couplings=self.couplings, fields=fields)
