"""Edwards–Anderson spin glasses of unknown energy scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from annealrl import register
from annealrl.hamiltonian import Hamiltonian
from annealrl.instances.families import mixed_scale_2d
from annealrl.ising import IsingModel


@register("MixedScale2D-v0")
@dataclass(frozen=True)
class MixedScale2D(Hamiltonian):
    r"""Edwards–Anderson glass on an L×L torus with couplings of unknown scale (J. Phys. F 5, 965 (1975)).

    .. math:: H = -10^u \sum_{\langle ij \rangle} J_{ij} s_i s_j, \qquad u \sim U[-1, 1)

    J are Gaussian (mean 0, variance 1) and u is drawn for every instance, so no one schedule in β fits all: who does
    not look at the couplings has to find the scale by watching the replicas. The default observation and reward are
    those that a factor on all energies leaves alone.
    """

    length: int = 10

    feature_groups: ClassVar[tuple[str, ...]] = ("time", "relative_energy", "overlap", "acceptance")
    env_defaults: ClassVar[Mapping[str, Any]] = {"reward": "scaled_soft_minimum", "beta_max": 1e4}
    example: ClassVar[Mapping[str, Any]] = {"length": 4}
    symmetries: ClassVar[tuple[str, ...]] = ("spin-flip",)

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw scale and couplings."""
        return mixed_scale_2d(self.length, rng)
