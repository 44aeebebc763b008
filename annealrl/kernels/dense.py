"""Kernels of densely coupled models: cached local fields, O(1) for a rejected and O(n) for an accepted proposal.

Couplings are rounded once to multiples of a power of two q (see :func:`unit`), and the local fields
``f_i = Σ_j J_ij s_j + h_i`` of every replica are kept as 32-bit integers in units of q, so they are exact at all times
and the same in whatever order flips are applied. Spins are stored as in :mod:`annealrl.kernels.packed`.

Sites are proposed in blocks. The local fields of a block's sites are gathered for 64 replicas, decisions within the
block correct these few values alone, and the rows of all accepted flips are then added to a replica's fields in one
pass that holds the fields in registers and finds the block's rows in the cache: the delayed updates of determinant
quantum Monte Carlo (McDaniel et al., J. Chem. Phys. 147, 174107 (2017)). The block length has no effect on results.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from annealrl.ising import IsingModel
from annealrl.kernels.aligned import aligned_words
from annealrl.kernels.columns import STRIP, accept_gibbs, accept_metropolis, add_rows, shift
from annealrl.kernels.dynamics import GIBBS, draw_sites, rule_at
from annealrl.kernels.jit import jit
from annealrl.kernels.lanes import LANES, popcount

U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]

#: Sites to a block.
BLOCK = 32
#: 32-bit entries of a cache line.
GAP = 16
#: Columns that are brought up to date in all replicas before the next: the block's part of them fits the first cache.
TILE = 256

_ONE, _ZERO = np.uint64(1), np.uint64(0)


def stride(n: int) -> int:
    """Length of a padded row: whole strips, and a cache line so that equal columns do not share a set of the cache."""
    return max(1, -(-n // STRIP)) * STRIP + GAP


def unit(model: IsingModel) -> float:
    """Unit q of the integers: the smallest power of two for which every local field stays within 2**30 q.

    A coupling is rounded by at most q/2, so a local field is wrong by at most ``n q / 2``, typically by ``0.3 √n q``
    (SK, n = 1000: 3e-7 J). Couplings and fields that are multiples of q, such as integers up to a total of 2**30 at a
    spin, are not rounded at all.
    """
    totals = np.abs(model.fields) + np.bincount(
        model.edges.ravel(), np.repeat(np.abs(model.couplings), 2), minlength=model.n
    )
    return 2.0 ** math.ceil(math.log2(float(totals.max()) / 2.0**30)) if totals.max() > 0.0 else 1.0


def encode(model: IsingModel, q: float, matrix: I32, fields: I32) -> None:
    """Write a model in units of `q`.

    Parameters
    ----------
    matrix : int32 array, shape (n, stride(n))
        Gets ``2 J_ij`` (modulo 2**32, which is all that sums within 2**31 need).
    fields : int32 array, shape (n,)
        Gets h_i.
    """
    i, j = model.edges[:, 0], model.edges[:, 1]
    doubled = (2 * np.rint(model.couplings / q).astype(np.int64)).astype(np.int32)
    matrix[:] = 0
    matrix[i, j], matrix[j, i] = doubled, doubled
    fields[:] = np.rint(model.fields / q)


@jit("void(int32[:, ::1], int32[::1], int64, uint64[:, ::1], int32[:, ::1])")
def local_fields(matrix: I32, fields: I32, n: int, spins: U64, local: I32) -> None:
    """Compute one instance's local fields from its configurations, ``local[replica, site]``, whole words of 64."""
    width = matrix.shape[1]
    halved = np.zeros(width, np.int32)
    flat, sums = matrix.reshape(-1), local.reshape(-1)
    rows = np.zeros(n, np.int64)
    for i in range(n):  # with every spin up; each one down then takes away a row of 2 J
        for j in range(n):
            halved[j] += matrix[i, j] >> 1
    for r in range(local.shape[0]):
        w, bit = r // LANES, np.uint64(r % LANES)
        down = 0
        for i in range(n):
            if (spins[i, w] >> bit) & _ONE == _ZERO:
                rows[down] = i * width
                down += 1
            local[r, i] = halved[i] + fields[i]
        add_rows(sums, r * width, width - GAP, flat, rows, 0, down, 0)


@jit(
    "int64(int32[:, ::1], int64, float64, float64, float64, int64, int64, int64, uint64[:, ::1], int64, int32[:, ::1],"
    " uint32[::1], uint64[::1])"
)
def _anneal(
    matrix: I32,
    n: int,
    unit: float,
    start: float,
    end: float,
    sweeps: int,
    rule: int,
    order: int,
    spins: U64,
    w: int,
    fields: I32,
    state: U32,
    site_state: U64,
) -> int:
    """Run all sweeps of one instance in the 64 replicas of word `w`; returns the number of accepted flips."""
    width = matrix.shape[1]
    flat, sums = matrix.reshape(-1), fields.reshape(-1)
    sites, coming = np.zeros(BLOCK, np.int64), np.zeros(BLOCK, np.int64)
    local = aligned_words(BLOCK * LANES).view(np.int32)
    rows = np.zeros((LANES, 2, BLOCK), np.int64)
    flipped = np.zeros((LANES, 2), np.int64)
    rflat = rows.reshape(-1)
    accepted, scale, at = _ZERO, np.float32(0.0), rule
    proposals = n * sweeps
    count = 0
    step = -BLOCK  # the first round only gathers
    while step < proposals:
        for k in range(count):
            if (step + k) % n == 0:
                beta = start + (end - start) * ((step + k) // n + 1) / sweeps
                scale = np.float32(max(-2.885390081777927 * beta * unit, -1e30))
                at = rule_at(beta, rule)
            i = sites[k]
            word = spins[i, w]
            if at == GIBBS:
                flips = accept_gibbs(local, k * LANES, word, scale, state, w * 2 * LANES)
            else:
                flips = accept_metropolis(local, k * LANES, word, scale, state, w * 2 * LANES)
            if flips == _ZERO:
                continue
            spins[i, w] = word ^ flips
            accepted += popcount(flips)
            for later in range(k + 1, count):
                shift(local, later * LANES, flips, word, matrix[i, sites[later]])
            while flips != _ZERO:
                lane = np.int64(popcount((flips & (_ZERO - flips)) - _ONE))
                flips &= flips - _ONE
                was_down = np.int64(((word >> np.uint64(lane)) & _ONE) ^ _ONE)
                rows[lane, was_down, flipped[lane, was_down]] = i * width
                flipped[lane, was_down] += 1
        step += BLOCK
        ahead = min(BLOCK, max(proposals - step, 0))
        draw_sites(ahead, step, n, site_state, order, coming)
        for r in range(LANES):
            for k in range(flipped[r, 1]):
                rows[r, 0, flipped[r, 0] + k] = rows[r, 1, k]
        for tile in range(0, width - GAP, TILE):
            part = flat[tile:]
            columns = min(TILE, width - GAP - tile)
            for r in range(LANES):
                less, more = flipped[r, 0], flipped[r, 1]
                if less + more > 0:
                    add_rows(sums, (w * LANES + r) * width + tile, columns, part, rflat, r * 2 * BLOCK, less, more)
        for r in range(LANES):
            flipped[r, 0], flipped[r, 1] = 0, 0
            for k in range(ahead):
                local[k * LANES + r] = fields[w * LANES + r, coming[k]]
        sites[:] = coming
        count = ahead
    return int(accepted)


@jit(
    "void(int32[:, :, ::1], float64[::1], int64[::1], float64[::1], float64[::1], int64, int64, int64,"
    " uint64[:, :, ::1], int32[:, :, ::1], uint32[:, :, :, ::1], uint64[:, ::1], int64[::1], int64, int64)"
)
def advance(
    matrices: I32,
    units: F64,
    sizes: I64,
    beta_start: F64,
    beta_end: F64,
    sweeps: int,
    rule: int,
    order: int,
    spins: U64,
    fields: I32,
    lanes: U32,
    site_states: U64,
    accepted: I64,
    first: int,
    last: int,
) -> None:
    """Advance instances first … last - 1 by `sweeps` sweeps; β goes linearly from start to end, sweep by sweep.

    ``fields[instance, replica, site]`` are the local fields of :func:`local_fields`, kept up to date; the other
    arguments mean what they mean in :func:`annealrl.kernels.packed.advance`. Words of replicas are taken one after the
    other over all sweeps, so that the fields of 64 replicas stay in the cache.
    """
    counter = np.zeros(1, np.uint64)
    for instance in range(first, last):
        total = np.int64(0)
        for w in range(spins.shape[2]):
            counter[0] = site_states[instance, 0]
            total += _anneal(
                matrices[instance],
                sizes[instance],
                units[instance],
                beta_start[instance],
                beta_end[instance],
                sweeps,
                rule,
                order,
                spins[instance],
                w,
                fields[instance],
                lanes[instance].reshape(-1),
                counter,
            )
        site_states[instance, 0] = counter[0]
        accepted[instance] = total
