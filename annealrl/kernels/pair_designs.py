"""Moves of lattice models whose bonds look at two coordinates: rotors, clocks, Potts colours.

``floats`` holds the angle of one unit of a coordinate, then the couplings, padded with zeros, row by row; ``ints`` the
number of columns, then the neighbours in the same order. H = -Σ J_ij f(x_i, x_j).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from annealrl.kernels.designs import APPLY, DELTA, INIT
from annealrl.kernels.jit import jit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@jit(INIT)
def cosine_init(floats: Floats, ints: Ints, x: Floats, cache: Floats) -> float:
    """Bonds are cos(unit · (x_i - x_j)); every bond stands in two rows."""
    unit, columns = floats[0], ints[0]
    energy = 0.0
    for i in range(len(x)):
        for k in range(i * columns, (i + 1) * columns):
            energy -= floats[1 + k] * math.cos(unit * (x[i] - x[ints[1 + k]]))
    return energy / 2


@jit(DELTA)
def cosine_delta(floats: Floats, ints: Ints, x: Floats, cache: Floats, i: int, value: float) -> float:
    """Change of the bonds of coordinate i."""
    unit, columns = floats[0], ints[0]
    change = 0.0
    for k in range(i * columns, (i + 1) * columns):
        coupling, other = floats[1 + k], x[ints[1 + k]]
        if coupling != 0.0:
            change -= coupling * (math.cos(unit * (value - other)) - math.cos(unit * (x[i] - other)))
    return change


@jit(INIT)
def equal_init(floats: Floats, ints: Ints, x: Floats, cache: Floats) -> float:
    """Bonds are 1 where both are equal, else 0."""
    columns = ints[0]
    energy = 0.0
    for i in range(len(x)):
        for k in range(i * columns, (i + 1) * columns):
            if x[i] == x[ints[1 + k]]:
                energy -= floats[1 + k]
    return energy / 2


@jit(DELTA)
def equal_delta(floats: Floats, ints: Ints, x: Floats, cache: Floats, i: int, value: float) -> float:
    """Change of the bonds of coordinate i."""
    columns = ints[0]
    change = 0.0
    for k in range(i * columns, (i + 1) * columns):
        other = x[ints[1 + k]]
        if value == other:
            change -= floats[1 + k]
        if x[i] == other:
            change += floats[1 + k]
    return change


@jit(APPLY)
def no_cache(floats: Floats, ints: Ints, x: Floats, cache: Floats, i: int, value: float) -> None:
    """Keep nothing beside the design."""
