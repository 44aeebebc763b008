"""Kernel of tempering: sweeps, exchanges and cluster moves of one call, compiled together.

A round may be as short as a sweep, a few microseconds, so the rounds run here and not in Python. Energies between them
are the running integers of :mod:`annealrl.kernels.own_beta`; the lowest of each replica is kept together with its
configuration, whose true energy the caller computes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annealrl.kernels.aligned import aligned_words
from annealrl.kernels.jit import jit
from annealrl.kernels.lanes import LANES
from annealrl.kernels.moves import exchange, isoenergetic
from annealrl.kernels.own_beta import energy_scale, fill_deltas, lane_betas, own_energies, rounding, sweep_own
from annealrl.kernels.packed import F64, I32, U32, U64, table_rows

I64 = npt.NDArray[np.int64]

_ONE, _ZERO = np.uint64(1), np.uint64(0)


@jit("boolean(int32[:, ::1], float64[:, ::1], float64[::1], int32[::1], int64, uint64[:, ::1], uint64[:, ::1], int64)")
def _truly_lower(
    neighbours: I32, couplings: F64, fields: F64, degrees: I32, n: int, spins: U64, best: U64, replica: int
) -> bool:
    """Compare a replica's energy with that of its best configuration in float64."""
    w, shift = replica // LANES, np.uint64(replica % LANES)
    change = 0.0
    for i in range(n):
        here, there = (spins[i, w] >> shift) & _ONE, (best[i, w] >> shift) & _ONE
        if here != there:
            change += 2.0 * fields[i] * (1.0 if here == _ZERO else -1.0)
        for k in range(degrees[i]):
            j = neighbours[i, k]
            if j > i:
                across = here ^ ((spins[j, w] >> shift) & _ONE)
                if across != there ^ ((best[j, w] >> shift) & _ONE):
                    change += 2.0 * couplings[i, k] * (1.0 if across != _ZERO else -1.0)
    return change < 0.0


@jit(
    "void(int32[:, ::1], float64[:, ::1], float64[::1], int32[::1], int64, int64, int64, int64[::1], int64[::1],"
    " uint64[:, ::1], uint64[:, ::1])"
)
def _track(
    neighbours: I32,
    couplings: F64,
    fields: F64,
    degrees: I32,
    n: int,
    replicas: int,
    doubt: int,
    energies: I64,
    best: I64,
    spins: U64,
    best_spins: U64,
) -> None:
    """Keep configurations of lowest energy; integers that differ by less than `doubt` do not decide."""
    for w in range(spins.shape[1]):
        improved = _ZERO
        for r in range(w * LANES, min(replicas, w * LANES + LANES)):
            gain = best[r] - energies[r]
            if gain > doubt or (
                gain != 0
                and gain >= -doubt
                and _truly_lower(neighbours, couplings, fields, degrees, n, spins, best_spins, r)
            ):
                best[r] = energies[r]
                improved |= _ONE << np.uint64(r % LANES)
        if improved != _ZERO:
            for i in range(n):
                best_spins[i, w] = (best_spins[i, w] & ~improved) | (spins[i, w] & improved)


@jit("void(int64, int64, int64[::1], int64[::1], int64[::1])")
def _count_trips(rungs: int, copies: int, walkers: I64, ends: I64, trips: I64) -> None:
    """Count a round trip when a walker comes back to the first rung from the last; ``ends`` is the end it saw last."""
    if rungs < 2:
        return
    for copy in range(copies):
        low, high = walkers[copy * rungs], walkers[copy * rungs + rungs - 1]
        if ends[low] == 1:
            trips[low] += 1
        ends[low] = -1
        if ends[high] == -1:
            ends[high] = 1


@jit(
    "void(int32[:, :, ::1], float64[:, :, ::1], float64[:, ::1], int32[:, ::1], int64[::1], float64[:, ::1], int64,"
    " int64, int64, int64, int64, int64, int64, int64, uint64[:, :, ::1], uint64[:, :, ::1], uint32[:, :, :, ::1],"
    " uint64[:, ::1], uint64[:, ::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[:, ::1],"
    " int64[:, ::1], int64[::1], int64, int64)"
)
def temper(
    neighbours: I32,
    couplings: F64,
    fields: F64,
    degrees: I32,
    sizes: I64,
    betas: F64,
    copies: int,
    sweeps: int,
    every: int,
    since: int,
    swaps: int,
    clusters: int,
    rule: int,
    order: int,
    spins: U64,
    best_spins: U64,
    lanes: U32,
    site_states: U64,
    streams: U64,
    walkers: I64,
    ends: I64,
    trips: I64,
    tried: I64,
    swapped: I64,
    rounds: I64,
    accepted: I64,
    first: int,
    last: int,
) -> None:
    """Run `sweeps` sweeps on ladders ``betas[instance, rung]`` and a round of moves whenever `every` are through.

    `since` sweeps have passed since the last round. ``every = 0`` stands for one round and no sweeps. With `swaps`
    there are exchanges, and before those of every `clusters`-th round isoenergetic moves (0: never).
    ``rounds[instance] = (exchanges so far, spins turned so far)``; even and odd pairs take turns.
    """
    width, rungs = neighbours.shape[1], betas.shape[1]
    replicas, room = rungs * copies, spins.shape[2] * LANES
    bits, rows = np.zeros(width, np.int32), np.zeros(width, np.int64)
    field, factors = aligned_words(LANES).view(np.int32), aligned_words(room).view(np.float32)
    energies, best = aligned_words(2 * room).view(np.int64), aligned_words(2 * room).view(np.int64)
    own_betas = np.zeros(replicas)
    for instance in range(first, last):
        n = sizes[instance]
        graph, J, h, degree = neighbours[instance], couplings[instance], fields[instance], degrees[instance]
        table = aligned_words(max(table_rows(J, h, degree, bits, rows, n), 1)).view(np.int32)
        scale = energy_scale(J, h, degree, n)
        doubt = int(np.ceil(2.0 * rounding(J, h, degree, n, scale)))
        fill_deltas(J, h, bits, rows, n, scale, table)
        for r in range(replicas):
            own_betas[r] = betas[instance, r % rungs]
        lane_betas(own_betas, scale, factors)
        own_energies(graph, J, h, degree, n, scale, spins[instance], energies)
        own_energies(graph, J, h, degree, n, scale, best_spins[instance], best)
        state = lanes[instance].reshape(-1)
        left, waited, flips = sweeps, since, np.int64(0)
        while left > 0 or every == 0:
            block = min(left, every - waited)
            flips += sweep_own(
                graph,
                J,
                h,
                degree,
                bits,
                rows,
                n,
                scale,
                rule,
                order,
                table,
                factors,
                spins[instance],
                state,
                site_states[instance],
                n * block,
                energies,
                field,
            )
            left -= block
            waited += block
            if waited == every:
                waited = 0
                _track(graph, J, h, degree, n, replicas, doubt, energies, best, spins[instance], best_spins[instance])
                if clusters > 0 and rounds[instance, 0] % clusters == 0:
                    turned = isoenergetic(graph, degree, h, n, rungs, copies, spins[instance], streams[instance])
                    rounds[instance, 1] += turned
                    own_energies(graph, J, h, degree, n, scale, spins[instance], energies)
                    _track(
                        graph, J, h, degree, n, replicas, doubt, energies, best, spins[instance], best_spins[instance]
                    )
                if swaps:
                    exchange(
                        betas[instance],
                        copies,
                        scale,
                        rounds[instance, 0] % 2,
                        energies,
                        walkers[instance],
                        spins[instance],
                        n,
                        streams[instance],
                        tried[instance],
                        swapped[instance],
                    )
                    rounds[instance, 0] += 1
                    _count_trips(rungs, copies, walkers[instance], ends[instance], trips[instance])
            if every == 0:
                break
        accepted[instance] = flips
