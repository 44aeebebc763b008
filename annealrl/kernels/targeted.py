"""A chain of single flips that seeks a chosen energy and keeps configurations in bins of energy on its way."""

from __future__ import annotations

import numpy as np

from annealrl.kernels.jit import jit
from annealrl.kernels.streams import GOLDEN, mix, site_of

#: Rules of acceptance away from the target.
PRINTED, REPAIRED = 0, 1
_S11 = np.uint64(11)
_TO_UNIT = 1.0 / (1 << 53)


@jit(
    "float64(int32[:,::1], float64[:,::1], float64[::1], int32[::1], float64, float64, float64, int64, int64, int64,"
    " int8[::1], uint64[::1], float64, float64, int64[::1], int8[:,:,::1], float64[:,::1], float64[::1])"
)
def seek(
    neighbours: np.ndarray,
    couplings: np.ndarray,
    fields: np.ndarray,
    degrees: np.ndarray,
    energy: float,
    target: float,
    temperature: float,
    rule: int,
    steps: int,
    every: int,
    spins: np.ndarray,
    counter: np.ndarray,
    low: float,
    width: float,
    counts: np.ndarray,
    kept: np.ndarray,
    energies: np.ndarray,
    reached: np.ndarray,
) -> float:
    """Propose `steps` flips; return the energy of `spins`.

    A flip from energy a to b (per spin) is taken if b is nearer to the target t, otherwise with probability
    exp(-(b - a)²/kT), as printed (a chain that does not know t on its way back), or
    exp(-[(b - t)² - (a - t)²]/kT), which is Metropolis for the weight exp(-(e - t)²/kT).

    Parameters
    ----------
    neighbours, couplings, fields, degrees
        A model's padded table.
    energy : float
        Of `spins`, in all and without offset.
    target, temperature : float
        t and kT, in energies per spin.
    rule : int
    steps, every : int
        Configurations are looked at every so many proposals.
    spins, counter
        As :func:`annealrl.kernels.wang_landau.walk` takes them; read and written.
    low, width : float
        Bin k holds energies per spin in [low + k·width, low + (k + 1)·width); without bins (``len(counts) == 0``)
        nothing is kept.
    counts : int64, shape (K,)
        Configurations in every bin so far; written.
    kept, energies : int8 and float64, shapes (K, C, n) and (K, C)
        Up to C configurations a bin with their energies per spin; written.
    reached : float64, shape (4,)
        Least and largest energy per spin so far, sum of those looked at, and their number; written.
    """
    n, bins = len(spins), len(counts)
    at, words = counter[0], np.uint64(n)
    for step in range(1, steps + 1):
        i = site_of(at, words)
        at += GOLDEN
        field = fields[i]
        for k in range(degrees[i]):
            field += couplings[i, k] * spins[neighbours[i, k]]
        change = 2.0 * spins[i] * field
        here, there = energy / n, (energy + change) / n
        chance = float(mix(at) >> _S11) * _TO_UNIT
        at += GOLDEN
        away = (there - target) * (there - target) - (here - target) * (here - target)
        cost = away if rule == REPAIRED else (there - here) * (there - here)
        if away <= 0.0 or chance < np.exp(-cost / temperature):
            spins[i] = -spins[i]
            energy += change
            here = there
        if step % every == 0:
            reached[0], reached[1] = min(reached[0], here), max(reached[1], here)
            reached[2] += here
            reached[3] += 1.0
            # A level on the edge of two bins belongs to the upper one, whatever its last bits.
            k = int(np.floor((here - low) / width + 1e-9)) if bins else -1
            if k == bins and here < low + width * (bins + 1e-6):
                k = bins - 1
            if 0 <= k < bins and counts[k] < kept.shape[1]:
                kept[k, counts[k]] = spins
                energies[k, counts[k]] = here
                counts[k] += 1
    counter[0] = at
    return energy
