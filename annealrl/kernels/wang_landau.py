"""A random walk that visits all energies alike: Wang and Landau's estimate of the density of states, refined as 1/t."""

from __future__ import annotations

import numpy as np

from annealrl.kernels.jit import jit
from annealrl.kernels.streams import GOLDEN, mix, site_of

_S11 = np.uint64(11)
_TO_UNIT = 1.0 / (1 << 53)
#: Steps a known cell between two halvings, at least: the first few cells are all visited at once.
_PATIENCE = 1000.0


@jit(
    "int64(int32[:,::1], float64[:,::1], float64[::1], int32[::1], float64, float64, float64, int64, int8[::1], "
    "uint64[::1], float64[:,::1], int64[:,::1], float64[::1], int64)"
)
def walk(
    neighbours: np.ndarray,
    couplings: np.ndarray,
    fields: np.ndarray,
    degrees: np.ndarray,
    energy: float,
    low: float,
    width: float,
    magnetised: int,
    spins: np.ndarray,
    counter: np.ndarray,
    log_g: np.ndarray,
    visits: np.ndarray,
    control: np.ndarray,
    steps: int,
) -> int:
    """Go `steps` proposed flips on; return how many cells are known.

    A flip from a cell a to b is accepted with min(1, g(a)/g(b)), and ln g of the cell where the walker is then grows by
    ln f. At first ln f is halved when every known cell was visited since it last was; from where that would be less
    than 1/t, t in steps a known cell, it is 1/t: without that the error would stop falling.
    F. Wang and D. P. Landau, Phys. Rev. Lett. 86, 2050 (2001); R. E. Belardinelli and V. D. Pereyra, Phys. Rev. E 75,
    046701 (2007).

    Parameters
    ----------
    neighbours, couplings, fields, degrees
        A model's padded table, shapes (n, k), (n, k), (n,), (n,).
    energy : float
        Of `spins`, without offset.
    low, width : float
        Row k of the tables holds energies within half of `width` of low + k·width.
    magnetised : int
        1 where columns are (n + Σs)/2, 0 for a single column.
    spins : int8, shape (n,)
        Read and written.
    counter : uint64, shape (1,)
        Place in the stream of random words; read and written.
    log_g, visits : float64 and int64, shape (energies, magnetisations)
        Read and written. A cell is known once ln g > 0, which is so from its first visit.
    control : float64, shape (4,)
        ln f; steps so far; 1 once ln f is 1/t; steps since ln f was last halved. Read and written.
    """
    n = len(spins)
    up = 0
    for i in range(n):
        up += spins[i] > 0
    row, column = int(np.floor((energy - low) / width + 0.5)), up * magnetised
    at, words = counter[0], np.uint64(n)
    known, fresh = 0, 0
    for k in range(log_g.shape[0]):
        for m in range(log_g.shape[1]):
            known += log_g[k, m] > 0.0
            fresh += visits[k, m] > 0
    for _ in range(steps):
        i = site_of(at, words)
        at += GOLDEN
        field = fields[i]
        for k in range(degrees[i]):
            field += couplings[i, k] * spins[neighbours[i, k]]
        change = 2.0 * spins[i] * field
        to_row = int(np.floor((energy + change - low) / width + 0.5))
        to_column = (up - spins[i]) * magnetised
        fall = log_g[row, column] - log_g[to_row, to_column]
        chance = float(mix(at) >> _S11) * _TO_UNIT
        at += GOLDEN
        if fall >= 0.0 or chance < np.exp(fall):
            spins[i] = -spins[i]
            up += int(spins[i])
            energy += change
            row, column = to_row, to_column
        control[1] += 1.0
        if log_g[row, column] == 0.0:
            known += 1
            # As rare as the rarest so far: starting at nothing, a cell that is found late would hold the walker.
            least = np.inf
            for k in range(log_g.shape[0]):
                for m in range(log_g.shape[1]):
                    if 0.0 < log_g[k, m] < least:
                        least = log_g[k, m]
            log_g[row, column] = least if known > 1 else 0.0
        if control[2] == 1.0:
            control[0] = known / control[1]
        log_g[row, column] += control[0]
        if visits[row, column] == 0:
            fresh += 1
        visits[row, column] += 1
        control[3] += 1.0
        if control[2] == 0.0 and fresh == known and control[3] >= _PATIENCE * known:
            control[0] *= 0.5
            control[3] = 0.0
            fresh = 0
            visits[:, :] = 0
            if control[0] < known / control[1]:
                control[2] = 1.0
    counter[0] = at
    return known
