"""Screened Coulomb interactions of all pairs on a torus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from annealrl import register
from annealrl.hamiltonian import Hamiltonian
from annealrl.instances.coulomb import screened_coulomb, sinusoidal_coulomb
from annealrl.ising import IsingModel


@register("ScreenedCoulomb-v0")
@dataclass(frozen=True)
class ScreenedCoulomb(Hamiltonian):
    r"""Screened Coulomb interaction of all pairs on an L×L torus (Mills and Tamblyn, Phys. Rev. E 97, 032119 (2018)).

    .. math:: H = J \sum_{i<j} s_i s_j \sum_R \frac{e^{-k r}}{r}, \qquad r = |r_i - r_j - R|

    R runs over the periodic images up to `cutoff` lattice units; k is `screening`. For J > 0 and even L the ground
    state is the checkerboard.
    """

    length: int = 8
    screening: float = 1.0
    J: float = 1.0
    cutoff: float = 64.0

    example: ClassVar[Mapping[str, Any]] = {"length": 4, "cutoff": 12.0}
    symmetries: ClassVar[tuple[str, ...]] = ("spin-flip", "translation")

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Return the one instance there is."""
        return screened_coulomb(self.length, self.screening, J=self.J, cutoff=self.cutoff)

    def ground_energy(self, model: IsingModel) -> float | None:
        """The checkerboard's energy for J > 0 and even L; aligned spins' for J < 0."""
        if self.J > 0 and self.length % 2:
            return None
        checkerboard = np.where(np.indices((self.length, self.length)).sum(axis=0).ravel() % 2, 1, -1)
        return float(model.energy(checkerboard if self.J > 0 else np.ones(model.n)))


@register("SinusoidalCoulomb-v0")
@dataclass(frozen=True)
class SinusoidalCoulomb(Hamiltonian):
    r"""Screened Coulomb interaction times sin r, on an L×L torus (Mills and Tamblyn, Phys. Rev. E 97, 032119 (2018)).

    .. math:: H = J \sum_{i<j} s_i s_j \sum_R \frac{e^{-k r} \sin r}{r}, \qquad r = |r_i - r_j - R|

    The interaction changes its sign at every multiple of π, so that near and far pairs compete.
    """

    length: int = 8
    screening: float = 1.0
    J: float = 1.0
    cutoff: float = 64.0

    example: ClassVar[Mapping[str, Any]] = {"length": 4, "cutoff": 12.0}
    symmetries: ClassVar[tuple[str, ...]] = ("spin-flip", "translation")

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Return the one instance there is."""
        return sinusoidal_coulomb(self.length, self.screening, J=self.J, cutoff=self.cutoff)
