"""Kernels of sparse models of high degree (7 to some hundred neighbours): the local field is summed at every proposal.

With 64 replicas to a word, a neighbour costs a few masked vector additions for all of them, whether or not a flip is
accepted; to cache fields instead would cost as many for every neighbour of a flip. Couplings are integers in units of
:func:`annealrl.kernels.dense.unit`, so that sums are exact; energies are those of
:func:`annealrl.kernels.observables.energies`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annealrl.ising import IsingModel
from annealrl.kernels.aligned import aligned_words
from annealrl.kernels.columns import accept_gibbs, accept_metropolis, sum_bonds
from annealrl.kernels.dynamics import BLOCK, GIBBS, draw_sites, rule_at
from annealrl.kernels.jit import jit
from annealrl.kernels.lanes import LANES, popcount

U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]


def encode(model: IsingModel, q: float) -> tuple[I32, I32]:
    """Return ``2 J`` of every neighbour, shape (n, k) as in `model.padded`, and ``h_i - Σ_j J_ij``, in units of `q`."""
    whole = np.rint(model.padded[1] / q).astype(np.int64)
    base = np.rint(model.fields / q).astype(np.int64) - whole.sum(axis=1)
    return (2 * whole).astype(np.int32), base.astype(np.int32)


@jit(
    "int64(int32[:, ::1], int32[:, ::1], int32[::1], int32[::1], int64, float64, float64, float64, int64, int64, int64,"
    " uint64[:, ::1], uint32[::1], uint64[::1])"
)
def _anneal(
    neighbours: I32,
    doubled: I32,
    bases: I32,
    degrees: I32,
    n: int,
    unit: float,
    start: float,
    end: float,
    sweeps: int,
    rule: int,
    order: int,
    spins: U64,
    state: U32,
    site_state: U64,
) -> int:
    """Run all sweeps of one instance; returns the number of accepted flips."""
    words, width = spins.shape[1], neighbours.shape[1]
    flat, partners, values = spins.reshape(-1), neighbours.reshape(-1), doubled.reshape(-1)
    local = aligned_words(LANES).view(np.int32)
    sites = np.empty(BLOCK, np.int64)
    accepted = np.uint64(0)
    for sweep in range(sweeps):
        beta = start + (end - start) * (sweep + 1) / sweeps
        scale = np.float32(max(-2.885390081777927 * beta * unit, -1e30))
        at = rule_at(beta, rule)
        for begin in range(0, n, BLOCK):
            count = min(BLOCK, n - begin)
            draw_sites(count, begin, n, site_state, order, sites)
            for place in range(count):
                i = sites[place]
                for w in range(words):
                    word = spins[i, w]
                    sum_bonds(local, bases[i], flat, words, w, partners, values, i * width, np.int64(degrees[i]))
                    if at == GIBBS:
                        flips = accept_gibbs(local, 0, word, scale, state, w * 2 * LANES)
                    else:
                        flips = accept_metropolis(local, 0, word, scale, state, w * 2 * LANES)
                    spins[i, w] = word ^ flips
                    accepted += popcount(flips)
    return int(accepted)


@jit(
    "void(int32[:, :, ::1], int32[:, :, ::1], int32[:, ::1], int32[:, ::1], float64[::1], int64[::1], float64[::1],"
    " float64[::1], int64, int64, int64, uint64[:, :, ::1], uint32[:, :, :, ::1], uint64[:, ::1], int64[::1], int64,"
    " int64)"
)
def advance(
    neighbours: I32,
    doubled: I32,
    bases: I32,
    degrees: I32,
    units: F64,
    sizes: I64,
    beta_start: F64,
    beta_end: F64,
    sweeps: int,
    rule: int,
    order: int,
    spins: U64,
    lanes: U32,
    site_states: U64,
    accepted: I64,
    first: int,
    last: int,
) -> None:
    """Advance instances first … last - 1 by `sweeps` sweeps; β goes linearly from start to end, sweep by sweep.

    `doubled` and `bases` are those of :func:`encode`; the other arguments mean what they mean in
    :func:`annealrl.kernels.packed.advance`.
    """
    for instance in range(first, last):
        accepted[instance] = _anneal(
            neighbours[instance],
            doubled[instance],
            bases[instance],
            degrees[instance],
            sizes[instance],
            units[instance],
            beta_start[instance],
            beta_end[instance],
            sweeps,
            rule,
            order,
            spins[instance],
            lanes[instance].reshape(-1),
            site_states[instance],
        )
