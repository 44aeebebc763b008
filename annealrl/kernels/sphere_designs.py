r"""Designs of layered spheres: compiled moves, energies and exact gradients.

The energy is the mean squared difference of the scattering efficiency from a target, over the wavelengths; coordinates
are the layers' thicknesses, the core's radius first. ``ints`` holds layers L, wavelengths W and partial waves;
``floats`` the target (W), 2π over the wavelengths (W) and the indices (L + 1, W). A replica's cache holds the
efficiencies and the waves inside every interface, so that only what lies outside a changed layer is computed anew.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annealrl.kernels.designs import APPLY, DELTA, INIT
from annealrl.kernels.jit import jit
from annealrl.kernels.layered_sphere import derivatives, scattering

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def cache_size(layers: int, count: int, orders: int) -> int:
    """Numbers in a replica's cache."""
    return count + count * (layers + 1) * orders * 4


@jit("Tuple((float64[::1], float64[::1], float64[:,::1]))(float64[::1], int64[::1])")
def _data(floats: Floats, ints: Ints) -> tuple[Floats, Floats, Floats]:
    """Target, wave numbers, indices."""
    layers, count = ints[0], ints[1]
    return floats[:count], floats[count : 2 * count], floats[2 * count :].reshape((layers + 1, count))


@jit("float64[:,:,:,:,::1](int64[::1], float64[::1])")
def _states(ints: Ints, cache: Floats) -> Floats:
    layers, count, orders = ints[0], ints[1], ints[2]
    return cache[count:].reshape((count, layers + 1, orders, 2, 2))


@jit("float64(float64[::1], float64[::1])")
def _mean_square(found: Floats, target: Floats) -> float:
    total = 0.0
    for w in range(len(target)):
        total += (found[w] - target[w]) ** 2
    return total / len(target)


@jit(INIT)
def sphere_init(floats: Floats, ints: Ints, x: Floats, cache: Floats) -> float:
    """All interfaces."""
    target, wave_numbers, indices = _data(floats, ints)
    states = _states(ints, cache)
    scattering(0, np.cumsum(x), wave_numbers, indices, states, states, cache[: ints[1]])
    return _mean_square(cache[: ints[1]], target)


@jit(DELTA)
def sphere_delta(floats: Floats, ints: Ints, x: Floats, cache: Floats, i: int, value: float) -> float:
    """The interfaces from the changed layer's own outwards."""
    target, wave_numbers, indices = _data(floats, ints)
    known = _states(ints, cache)
    radii = np.cumsum(x)
    radii[i:] += value - x[i]
    found = np.empty(ints[1])
    scattering(i, radii, wave_numbers, indices, known, np.empty_like(known), found)
    return _mean_square(found, target) - _mean_square(cache[: ints[1]], target)


@jit(APPLY)
def sphere_apply(floats: Floats, ints: Ints, x: Floats, cache: Floats, i: int, value: float) -> None:
    """The same, kept."""
    _, wave_numbers, indices = _data(floats, ints)
    states = _states(ints, cache)
    radii = np.cumsum(x)
    radii[i:] += value - x[i]
    scattering(i, radii, wave_numbers, indices, states, states, cache[: ints[1]])


@jit("void(float64[::1], int64[::1], float64[:,::1], float64[:,::1])")
def sphere_spectra(floats: Floats, ints: Ints, designs: Floats, out: Floats) -> None:
    """Efficiencies of designs, shape (R, L) → (R, W)."""
    layers, count, orders = ints[0], ints[1], ints[2]
    _, wave_numbers, indices = _data(floats, ints)
    states = np.empty((count, layers + 1, orders, 2, 2))
    for r in range(len(designs)):
        scattering(0, np.cumsum(designs[r]), wave_numbers, indices, states, states, out[r])


@jit("void(float64[::1], int64[::1], float64[:,::1], float64[:,::1], float64[:,:,::1])")
def sphere_slopes(floats: Floats, ints: Ints, designs: Floats, out: Floats, slopes: Floats) -> None:
    """Efficiencies and their derivatives by the thicknesses, shapes (R, L) → (R, W) and (R, W, L)."""
    layers, count, orders = ints[0], ints[1], ints[2]
    _, wave_numbers, indices = _data(floats, ints)
    states = np.empty((count, layers + 1, orders, 2, 2))
    for r in range(len(designs)):
        radii = np.cumsum(designs[r])
        scattering(0, radii, wave_numbers, indices, states, states, out[r])
        derivatives(radii, wave_numbers, indices, states, out[r], slopes[r])
        for w in range(count):
            for k in range(layers - 2, -1, -1):  # a thickness moves its own interface and all outside it
                slopes[r, w, k] += slopes[r, w, k + 1]
