"""Moves of lenses whose fields at focal points are sums of one term a pillar.

F_p = F0_p + Σ_j T[j, k_j, p], where k_j is the level of pillar j. ``floats`` holds the lowest radius, the distance of
levels, the points' weights c_p, F0 and T, complex numbers as pairs; ``ints`` the form of the energy, the number of
levels, that of points, and the point where the second group begins. The energy is the larger of -Σ c_p |F_p|² over the
two groups (one of them may be empty), or -Σ c_p log |F_p|². The cache holds F and the energy.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from annealrl.kernels.designs import APPLY, DELTA, INIT
from annealrl.kernels.jit import jit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Forms of the energy, and what an intensity counts as at least where its logarithm is taken.
LARGEST, LOGARITHM = 0, 1
DARKEST = 1e-12


@jit("int64(float64[::1], int64[::1], int64, float64)")
def row_of(floats: Floats, ints: Ints, i: int, value: float) -> int:
    """Where a pillar's terms stand if it has a radius."""
    levels, points = ints[1], ints[2]
    level = int(np.rint((value - floats[0]) / floats[1]))
    return int(2 + 3 * points + (i * levels + level) * 2 * points)


@jit("float64(float64[::1], int64[::1], float64[::1], int64, int64)")
def energy_after(floats: Floats, ints: Ints, fields: Floats, before: int, after: int) -> float:
    """The energy if the terms at `after` took the place of those at `before`."""
    form, points, second = ints[0], ints[2], ints[3]
    total, first = 0.0, 0.0
    for p in range(points):
        real = fields[2 * p] + (floats[after + 2 * p] - floats[before + 2 * p])
        imaginary = fields[2 * p + 1] + (floats[after + 2 * p + 1] - floats[before + 2 * p + 1])
        intensity = real * real + imaginary * imaginary
        if form == LOGARITHM:
            intensity = math.log(max(intensity, DARKEST))
        elif p == second:
            first, total = total, 0.0
        total -= floats[2 + p] * intensity
    return max(total, first) if form == LARGEST and 0 < second < points else total


@jit(INIT)
def lens_init(floats: Floats, ints: Ints, x: Floats, cache: Floats) -> float:
    """Sum all terms."""
    points = ints[2]
    for k in range(2 * points):
        cache[k] = floats[2 + points + k]
    for i in range(len(x)):
        row = row_of(floats, ints, i, x[i])
        for k in range(2 * points):
            cache[k] += floats[row + k]
    energy = energy_after(floats, ints, cache, 0, 0)
    cache[2 * points] = energy
    return energy


@jit(DELTA)
def lens_delta(floats: Floats, ints: Ints, x: Floats, cache: Floats, i: int, value: float) -> float:
    """Change by one pillar's terms."""
    before, after = row_of(floats, ints, i, x[i]), row_of(floats, ints, i, value)
    return float(energy_after(floats, ints, cache, before, after) - cache[2 * ints[2]])


@jit(APPLY)
def lens_apply(floats: Floats, ints: Ints, x: Floats, cache: Floats, i: int, value: float) -> None:
    """Bring fields and energy to the change."""
    points = ints[2]
    before, after = row_of(floats, ints, i, x[i]), row_of(floats, ints, i, value)
    for k in range(2 * points):
        cache[k] += floats[after + k] - floats[before + k]
    cache[2 * points] = energy_after(floats, ints, cache, 0, 0)
