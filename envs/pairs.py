"""What lattice models with bonds between two coordinates share: rotors, clocks and Potts models."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from annealrl.errors import InputError
from annealrl.family import check_positive
from annealrl.instances.couplings import draw_couplings
from annealrl.instances.lattices import lattice_edges
from annealrl.ising import FloatArray, IntArray, IsingModel
from annealrl.kernels import pair_designs
from annealrl.objective import Kernel, Objective

Disorder = Literal["none", "pm1", "gaussian"]


@dataclass(frozen=True)
class PairLattice(Objective):
    """H = -Σ J_ij f(x_i, x_j) on a hypercubic lattice of side `length`.

    `disorder` draws the couplings J_ij from ±J or a Gaussian of standard deviation J; `instance` is the seed of that
    draw, so that a disordered instance is a member of its family too.
    """

    example: ClassVar[Mapping[str, Any]] = {"length": 4}

    length: int = 8
    dimension: int = 2
    J: float = 1.0
    periodic: bool = True
    disorder: Disorder = "none"
    instance: int = 0

    def __post_init__(self) -> None:
        check_positive("J", self.J)
        if self.dimension not in (1, 2, 3):
            raise InputError(f"dimension is {self.dimension}; 1, 2 or 3 is expected")
        if self.disorder not in ("none", "pm1", "gaussian"):
            raise InputError(f"disorder is {self.disorder!r}; one of none, pm1, gaussian is expected")
        self.lattice  # noqa: B018 - a side that is too short is refused at once

    def sample(self, rng: np.random.Generator) -> PairLattice:
        """Draw couplings if there is disorder."""
        if self.disorder == "none":
            return self
        return dataclasses.replace(self, instance=int(rng.integers(2**62)))

    @cached_property
    def lattice(self) -> IsingModel:
        """Bonds and couplings."""
        edges = lattice_edges((self.length,) * self.dimension, periodic=self.periodic)
        couplings: FloatArray = np.full(len(edges), self.J)
        if self.disorder != "none":
            couplings *= draw_couplings(self.disorder, len(edges), np.random.default_rng(self.instance))
        return IsingModel.from_edges(edges, couplings, n=self.length**self.dimension)

    @abstractmethod
    def bond(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """The function f of a bond, at most 1."""

    @property
    def extent(self) -> float:
        """The number of sites."""
        return float(self.lattice.n)

    @property
    def known_optimum(self) -> float | None:
        """-Σ J_ij: without disorder every bond reaches f = 1."""
        return -float(self.lattice.couplings.sum()) if self.disorder == "none" else None

    def energy(self, design: FloatArray) -> FloatArray:
        """Σ over bonds."""
        i, j = self.lattice.edges.T
        return np.asarray(-(self.bond(design[..., i], design[..., j]) @ self.lattice.couplings))

    def pair_kernel(self, unit: float | None) -> Kernel:
        """Compiled moves: f is the cosine of `unit` times the difference, or, without a unit, Kronecker's delta."""
        neighbours, couplings = self.lattice.padded
        floats = np.concatenate([[unit or 0.0], couplings.ravel()])
        ints: IntArray = np.concatenate([[couplings.shape[1]], neighbours.ravel()]).astype(np.int64)
        init, delta = (
            (pair_designs.equal_init, pair_designs.equal_delta)
            if unit is None
            else (pair_designs.cosine_init, pair_designs.cosine_delta)
        )
        return Kernel(init, delta, pair_designs.no_cache, floats=floats, ints=ints, cost=1 / self.lattice.n)
