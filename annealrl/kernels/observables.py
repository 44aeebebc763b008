"""What is measured on packed configurations: energies, lowest energies so far, overlaps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annealrl.kernels.configurations import to_rows
from annealrl.kernels.jit import jit
from annealrl.kernels.lanes import LANES, accumulate, popcount

U64 = npt.NDArray[np.uint64]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

_ONE, _ZERO = np.uint64(1), np.uint64(0)


@jit(
    "void(int32[:, :, ::1], float64[:, :, ::1], float64[:, ::1], int32[:, ::1], int64[::1], float64[::1],"
    " uint64[:, :, ::1], float64[:, ::1], int64, int64)"
)
def energies(
    neighbours: I32,
    couplings: F64,
    fields: F64,
    degrees: I32,
    sizes: npt.NDArray[np.int64],
    offsets: F64,
    spins: U64,
    out: F64,
    first: int,
    last: int,
) -> None:
    """Recompute the energies of all replicas in float64 from their configurations: ``out[instance, replica]``."""
    words = spins.shape[2]
    sums = np.zeros(words * LANES)
    for instance in range(first, last):
        sums[:] = offsets[instance]
        for i in range(sizes[instance]):
            for w in range(words):
                s = spins[instance, i, w]
                if fields[instance, i] != 0.0:
                    accumulate(sums, w * LANES, s, -fields[instance, i])
                for k in range(degrees[instance, i]):
                    j = neighbours[instance, i, k]
                    if j > i:
                        accumulate(sums, w * LANES, spins[instance, j, w] ^ s, couplings[instance, i, k])
        out[instance, :] = sums[: out.shape[1]]


@jit("void(float64[:, ::1], float64[:, ::1], uint64[:, :, ::1], uint64[:, :, ::1], int64, int64)")
def track_best(current: F64, best: F64, spins: U64, best_spins: U64, first: int, last: int) -> None:
    """Where a replica's energy is its lowest so far, keep the energy and the configuration."""
    words = spins.shape[2]
    improved = np.zeros(words, np.uint64)
    for instance in range(first, last):
        improved[:] = _ZERO
        for r in range(current.shape[1]):
            if current[instance, r] < best[instance, r]:
                best[instance, r] = current[instance, r]
                improved[r // LANES] |= _ONE << np.uint64(r % LANES)
        for w in range(words):
            if improved[w] != _ZERO:
                for i in range(spins.shape[1]):
                    kept = best_spins[instance, i, w] & ~improved[w]
                    best_spins[instance, i, w] = kept | (spins[instance, i, w] & improved[w])


@jit("void(uint64[:, :, ::1], int64[::1], int64, int64[:, ::1], int64, int64)")
def overlap_counts(
    spins: U64, sizes: npt.NDArray[np.int64], replicas: int, out: npt.NDArray[np.int64], first: int, last: int
) -> None:
    """Count, for every instance, the pairs of replicas that differ at d sites: ``out[instance, d]``, d = 0 … n.

    The overlap of a pair is q = 1 - 2d/n.
    """
    words = spins.shape[2]
    rows = np.zeros((words * LANES, (spins.shape[1] + 63) // 64), np.uint64)
    for instance in range(first, last):
        n = sizes[instance]
        used = (n + 63) // 64
        to_rows(spins[instance], n, rows)
        for r in range(replicas):
            for t in range(r):
                differing = _ZERO
                for part in range(used):
                    differing += popcount(rows[r, part] ^ rows[t, part])
                out[instance, np.int64(differing)] += 1
