"""Continuous spins in a plane."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from annealrl import register
from annealrl.envs.pairs import PairLattice
from annealrl.errors import InputError
from annealrl.ising import FloatArray
from annealrl.objective import Kernel
from annealrl.space import Angles, Box, Space


@register("XYModel-v0")
@dataclass(frozen=True)
class XYModel(PairLattice):
    r"""XY model on a hypercubic lattice (Kosterlitz and Thouless, J. Phys. C 6, 1181 (1973)).

    .. math:: H = -\sum_{\langle ij \rangle} J_{ij} \cos(\theta_i - \theta_j), \qquad \theta \in [0, 2\pi)

    Steps of the angles are Gaussian and wrap around; their size is a control of its own. Without disorder the ground
    energy is -J a bond; an open chain has -J I_1(βJ)/I_0(βJ) a bond at every temperature (Joyce, Phys. Rev. Lett. 19,
    581 (1967)).
    """

    @property
    def tolerance(self) -> float:
        """0.1 % of a coupling a site: rotors never stand quite still."""
        return 1e-3 * self.J * self.extent

    @cached_property
    def space(self) -> Space:
        """One angle a site."""
        return Angles(self.lattice.n)

    def bond(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """cos(a - b)."""
        return np.cos(a - b)

    def gradient(self, design: FloatArray) -> FloatArray:
        """∂H/∂θ, shape (R, n) → (R, n)."""
        i, j = self.lattice.edges.T
        torque = np.sin(design[..., i] - design[..., j]) * self.lattice.couplings
        out = np.zeros_like(design)
        for site, turn in ((i, torque), (j, -torque)):
            np.add.at(out.T, site, turn.T)
        return out

    @cached_property
    def kernel(self) -> Kernel:
        """Compiled moves."""
        return self.pair_kernel(1.0)


@register("PlanarRotor-v0")
@dataclass(frozen=True)
class PlanarRotor(XYModel):
    r"""Planar rotors on half a circle (Mills, PhD thesis, Ontario Tech (2021)).

    .. math:: H = J \sum_{\langle ij \rangle} \cos(\sigma_i - \sigma_j), \qquad \sigma \in [0, \pi]

    Neighbours want to differ by π, which only the ends of the range allow: on a bipartite lattice half of the rotors
    stand at 0 and half at π, energy -J a bond. Steps are reflected at the ends.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.periodic and self.length % 2 and self.disorder == "none":
            raise InputError(f"length is {self.length}; a periodic lattice of even side is expected")

    @cached_property
    def space(self) -> Space:
        """One coordinate in [0, π] a site."""
        return Box(0.0, np.pi, self.lattice.n, unit="rad")

    def bond(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """-cos(a - b)."""
        return -np.cos(a - b)

    def gradient(self, design: FloatArray) -> FloatArray:
        """∂H/∂σ, shape (R, n) → (R, n)."""
        return -super().gradient(design)

    @cached_property
    def kernel(self) -> Kernel:
        """Compiled moves, with the couplings' sign turned."""
        kernel = self.pair_kernel(1.0)
        kernel.floats[1:] *= -1.0
        return kernel
