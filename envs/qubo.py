"""Quadratic unconstrained binary optimisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from annealrl import register
from annealrl.errors import InputError
from annealrl.hamiltonian import Hamiltonian
from annealrl.instances.conventions import from_binary
from annealrl.ising import IsingModel


@register("QUBO-v0")
@dataclass(frozen=True)
class RandomQUBO(Hamiltonian):
    r"""Random QUBO in the style of Beasley's instances (OR-Library, J. Oper. Res. Soc. 41, 1069 (1990)).

    .. math:: H = \sum_i q_{ii} x_i + 2 \sum_{i<j} q_{ij} x_i x_j, \qquad x_i = (1 + s_i)/2 \in \{0, 1\}

    is minimised, as in the Biq Mac library; OR-Library itself maximises, with the opposite sign of q. Each entry of the
    upper triangle, diagonal included, is there with probability `density`, and then a whole number drawn evenly from
    -`largest` … `largest`. Energies are values of the QUBO: the offset of the Ising form is part of them.
    """

    n: int = 50
    density: float = 0.1
    largest: int = 100

    example: ClassVar[Mapping[str, Any]] = {"n": 12, "density": 0.5}

    def __post_init__(self) -> None:
        if self.n < 1 or not 0 <= self.density <= 1 or self.largest < 1:
            raise InputError(
                f"n, density and largest are {self.n}, {self.density} and {self.largest}; n ≥ 1, a density from 0 to 1 "
                "and largest ≥ 1 are expected"
            )

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw the upper triangle of q row by row."""
        rows = np.stack(np.triu_indices(self.n), axis=1)
        rows = rows[rng.random(len(rows)) < self.density]
        q = rng.integers(-self.largest, self.largest, len(rows), endpoint=True).astype(np.float64)
        diagonal = rows[:, 0] == rows[:, 1]
        linear = np.zeros(self.n)
        linear[rows[diagonal, 0]] = q[diagonal]
        return from_binary(linear, rows[~diagonal], 2 * q[~diagonal])
