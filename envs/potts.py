"""Spins of q states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from annealrl import register
from annealrl.envs.pairs import PairLattice
from annealrl.errors import InputError
from annealrl.ising import FloatArray
from annealrl.objective import Kernel
from annealrl.space import Colours, Levels, Space


@dataclass(frozen=True)
class _States(PairLattice):
    q: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.q < 2:
            raise InputError(f"q is {self.q}; at least 2 states are expected")


@register("Potts-v0")
@dataclass(frozen=True)
class Potts(_States):
    r"""Potts model of q states on a hypercubic lattice (Wu, Rev. Mod. Phys. 54, 235 (1982)).

    .. math:: H = -\sum_{\langle ij \rangle} J_{ij}\, \delta(s_i, s_j), \qquad s \in \{0, …, q - 1\}

    States have no order, so a move draws any other one and its size means nothing. Without disorder the ground energy
    is -J a bond, and on the square lattice βJ = ln(1 + √q) is critical, with -J (1 + 1/√q) a site (eq. 2.19 and
    duality). With ``disorder="pm1"`` it is a Potts glass.
    """

    @cached_property
    def space(self) -> Space:
        """One colour a site."""
        return Colours(self.q, self.lattice.n)

    def bond(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """δ(a, b)."""
        return np.asarray(a == b, np.float64)

    @cached_property
    def kernel(self) -> Kernel:
        """Compiled moves."""
        return self.pair_kernel(None)


@register("Clock-v0")
@dataclass(frozen=True)
class Clock(_States):
    r"""Clock model of q directions on a hypercubic lattice (José et al., Phys. Rev. B 16, 1217 (1977)).

    .. math:: H = -\sum_{\langle ij \rangle} J_{ij} \cos \frac{2\pi (s_i - s_j)}{q}, \qquad s \in \{0, …, q - 1\}

    Moves go to directions within a reach that the step size sets. Without disorder the ground energy is -J a bond.
    """

    q: int = 8

    @cached_property
    def space(self) -> Space:
        """One periodic level a site."""
        return Levels(self.q, self.lattice.n, periodic=True)

    def bond(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """cos(2π(a - b)/q)."""
        return np.cos(2 * np.pi * (a - b) / self.q)

    @cached_property
    def kernel(self) -> Kernel:
        """Compiled moves."""
        return self.pair_kernel(2 * np.pi / self.q)
