"""Weak–strong clusters: a deep local minimum beside the global one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from annealrl import register
from annealrl.hamiltonian import Hamiltonian
from annealrl.instances.hardware_graphs import weak_strong_clusters
from annealrl.ising import IsingModel, SpinArray


@register("WeakStrongClusters-v0")
@dataclass(frozen=True)
class WeakStrongClusters(Hamiltonian):
    r"""Two Chimera cells under opposed fields (Boixo et al., Nat. Commun. 7, 10327 (2016)).

    .. math:: H = -\sum_{(ij) \in E} s_i s_j - h_s \sum_{i \in S} s_i - h_w \sum_{i \in W} s_i

    with h_s = 1, h_w = -0.44, 16 spins and 36 edges. All replicas start in the local minimum, each cluster along its
    own field; the ground state has both along the strong one, energy -40.48. The starting temperature is random over a
    wide range, so that a policy must heat a cold start before it cools.
    """

    env_defaults: ClassVar[Mapping[str, Any]] = {"beta_start": (0.2, 5.0)}

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Return the one instance there is."""
        return weak_strong_clusters()

    def initial_spins(self, model: IsingModel) -> SpinArray:
        """The local minimum: every spin along its field."""
        return np.sign(model.fields).astype(np.int8)

    def ground_energy(self, model: IsingModel) -> float:
        """Both clusters along the strong field."""
        return float(model.energy(np.ones(model.n, np.int8)))
