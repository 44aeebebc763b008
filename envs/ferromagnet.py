"""The Ising ferromagnet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from annealrl import register
from annealrl.hamiltonian import Hamiltonian, check_positive
from annealrl.instances.lattices import ferromagnet_2d
from annealrl.ising import IsingModel


@register("Ferromagnet2D-v0")
@dataclass(frozen=True)
class Ferromagnet2D(Hamiltonian):
    r"""Ising ferromagnet on an L×L torus (Onsager, Phys. Rev. 65, 117 (1944)).

    .. math:: H = -J \sum_{\langle ij \rangle} s_i s_j, \qquad J > 0

    Ground energy: -2 J L². The starting temperature is random, so a policy has to find out where it is.
    """

    length: int = 16
    J: float = 1.0

    env_defaults: ClassVar[Mapping[str, Any]] = {"beta_start": (0.1, 2.0)}
    example: ClassVar[Mapping[str, Any]] = {"length": 4}
    symmetries: ClassVar[tuple[str, ...]] = ("spin-flip", "translation")

    def __post_init__(self) -> None:
        check_positive("J", self.J)

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Return the one instance there is."""
        return ferromagnet_2d(self.length, self.J)

    def ground_energy(self, model: IsingModel) -> float:
        """All spins aligned."""
        return float(model.offset - model.couplings.sum())
