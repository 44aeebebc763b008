"""Kernels of moves between replicas: resampling, exchange of neighbours on a ladder, isoenergetic clusters.

Each draws from a stream of its own, a SplitMix64 counter for every instance. Whole configurations move in rows, one
replica's spins side by side, which 64 × 64 bit transposes make from the packed words and back (Warren, Hacker's
Delight, section 7-3).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from annealrl.kernels.configurations import from_rows, to_rows
from annealrl.kernels.jit import jit
from annealrl.kernels.lanes import LANES, popcount
from annealrl.kernels.streams import GOLDEN, mix

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]

_ONE, _ZERO, _TOP = np.uint64(1), np.uint64(0), np.uint64(63)
_S11 = np.uint64(11)


@jit("float64(uint64[::1])")
def uniform(stream: U64) -> float:
    """Draw from [0, 1)."""
    stream[0] += GOLDEN
    return float(mix(stream[0]) >> _S11) * 2.0**-53


@jit("float64(float64[::1], float64, uint64[::1], int64[::1])")
def systematic(energies: F64, exponent: float, stream: U64, sources: I64) -> float:
    """Choose who survives: ``sources[r]`` is the replica whose copy takes place r; returns log mean weight.

    Weights are exp(-exponent·E), their copies' numbers differ from the expected ones by less than 1 (systematic
    resampling, one draw). A survivor keeps its place; further copies go where nobody survived.
    """
    replicas = energies.shape[0]
    lowest = -np.inf
    for r in range(replicas):
        lowest = max(lowest, -exponent * energies[r])
    total = 0.0
    for r in range(replicas):
        total += math.exp(-exponent * energies[r] - lowest)
    copies = np.zeros(replicas, np.int64)
    pointer, covered, given, heaviest = uniform(stream), 0.0, 0, 0
    for r in range(replicas):
        weight = math.exp(-exponent * energies[r] - lowest)
        covered += weight * replicas / total
        heaviest = r if weight == 1.0 else heaviest
        while given < replicas and pointer + given < covered:
            copies[r] += 1
            given += 1
    copies[heaviest] += replicas - given  # rounding may leave the last pointer just beyond the sum
    free = 0
    for r in range(replicas):
        if copies[r] > 0:
            sources[r] = r
    for r in range(replicas):
        for _ in range(copies[r] - 1):
            while copies[free] > 0:
                free += 1
            sources[free] = r
            free += 1
    return lowest + math.log(total / replicas)


@jit(
    "void(float64[:, ::1], float64[::1], int64[::1], uint64[:, :, ::1], int64[:, ::1], uint64[:, ::1], float64[::1],"
    " int64, int64)"
)
def resample(
    energies: F64,
    exponents: F64,
    sizes: I64,
    spins: U64,
    families: I64,
    streams: U64,
    log_means: F64,
    first: int,
    last: int,
) -> None:
    """Resample the replicas of instances first … last - 1, energies and families included; exponent 0 does nothing."""
    replicas, words = energies.shape[1], spins.shape[2]
    sources = np.arange(words * LANES)
    rows = np.zeros((words * LANES, (spins.shape[1] + 63) // 64), np.uint64)
    chosen = np.zeros_like(rows)
    for instance in range(first, last):
        log_means[instance] = 0.0
        if exponents[instance] == 0.0:
            continue
        log_means[instance] = systematic(energies[instance], exponents[instance], streams[instance], sources)
        to_rows(spins[instance], sizes[instance], rows)
        for r in range(words * LANES):
            chosen[r] = rows[sources[r]]
        from_rows(chosen, sizes[instance], spins[instance])
        own_energies, own_families = energies[instance].copy(), families[instance].copy()
        for r in range(replicas):
            energies[instance, r] = own_energies[sources[r]]
            families[instance, r] = own_families[sources[r]]


@jit(
    "void(float64[::1], int64, float64, int64, int64[::1], int64[::1], uint64[:, ::1], int64, uint64[::1], int64[::1],"
    " int64[::1])"
)
def exchange(
    betas: F64,
    copies: int,
    scale: float,
    parity: int,
    energies: I64,
    walkers: I64,
    spins: U64,
    n: int,
    stream: U64,
    tried: I64,
    swapped: I64,
) -> None:
    """Propose to swap the configurations at rungs (k, k + 1), k of one parity, in each copy of the ladder.

    Replica ``copy·K + k`` stands at rung k, so that partners are neighbouring bits and all swaps of a word are done
    together (the "delta swap" of Hacker's Delight, section 7-1); bit 63 has its partner in the next word. Integer
    `energies` and the ids of `walkers` go along.
    """
    rungs, words = betas.shape[0], spins.shape[1]
    masks = np.zeros(words, np.uint64)
    for copy in range(copies):
        for k in range(parity, rungs - 1, 2):
            r = copy * rungs + k
            tried[k] += 1
            u = uniform(stream)
            gain = (betas[k + 1] - betas[k]) * (float(energies[r + 1] - energies[r]) / scale)
            if gain >= 0.0 or u < math.exp(gain):
                swapped[k] += 1
                masks[r // LANES] |= _ONE << np.uint64(r % LANES)
                energies[r], energies[r + 1] = energies[r + 1], energies[r]
                walkers[r], walkers[r + 1] = walkers[r + 1], walkers[r]
    for w in range(words):
        inner, outer = masks[w] & ~(_ONE << _TOP), masks[w] >> _TOP
        if inner != _ZERO:
            for i in range(n):
                s = spins[i, w]
                different = (s ^ (s >> _ONE)) & inner
                spins[i, w] = s ^ different ^ (different << _ONE)
        if outer != _ZERO:
            for i in range(n):
                different = ((spins[i, w] >> _TOP) ^ spins[i, w + 1]) & _ONE
                spins[i, w] ^= different << _TOP
                spins[i, w + 1] ^= different


@jit("void(int32[:, ::1], int32[::1], int64, uint64[::1], uint64[::1])")
def grow(neighbours: I32, degrees: I32, n: int, inside: U64, cluster: U64) -> None:
    """Grow seeds to their connected clusters of the sites `inside`, those of 64 pairs at once.

    Passes up and down the sites come first; when few sites still change, a queue of these (breadth first) does the
    rest. That is three times as fast as passes alone and twice as a queue alone, on a square lattice.
    """
    queue, queued = np.empty(n, np.int64), np.zeros(n, np.bool_)
    upwards, waiting = True, n
    while waiting > n // 6:
        waiting = 0
        for t in range(n):
            i = t if upwards else n - 1 - t
            # Beyond a site's degree its neighbours are itself.
            more = cluster[neighbours[i, 0]] | cluster[neighbours[i, 1]]
            more |= cluster[neighbours[i, 2]] | cluster[neighbours[i, 3]]
            for k in range(4, degrees[i]):
                more |= cluster[neighbours[i, k]]
            more = cluster[i] | (more & inside[i])
            queued[i] = more != cluster[i]
            if queued[i]:
                queue[waiting] = i
                waiting += 1
            cluster[i] = more
        upwards = not upwards
    head = 0
    while waiting > 0:
        i = queue[head]
        head = head + 1 if head + 1 < n else 0
        waiting -= 1
        queued[i] = False
        for k in range(degrees[i]):
            j = neighbours[i, k]
            more = cluster[i] & inside[j] & ~cluster[j]
            if more != _ZERO:
                cluster[j] |= more
                if not queued[j]:
                    queued[j] = True
                    tail = head + waiting
                    queue[tail if tail < n else tail - n] = j
                    waiting += 1


@jit("int64(int32[:, ::1], int32[::1], float64[::1], int64, int64, int64, uint64[:, ::1], uint64[::1])")
def isoenergetic(
    neighbours: I32, degrees: I32, fields: F64, n: int, rungs: int, copies: int, spins: U64, stream: U64
) -> int:
    """Turn a cluster in each of random pairs of copies, at every rung; returns the number of spins turned.

    In a pair (a, b), the sites with q_i = s_i^a s_i^b = -1 fall into connected clusters; the one of a random such site
    is turned in both. No bond leaves it on which the two energies' changes do not cancel, so E_a + E_b stays. Houdayer,
    Eur. Phys. J. B 22, 479 (2001); Zhu, Ochoa, Katzgraber, Phys. Rev. Lett. 115, 077201 (2015). Without fields the
    same holds for clusters of q_i = +1, which are taken when they are the rarer sites (in that paper one replica is
    turned as a whole first). q itself does not change, so the way back is as probable.
    """
    pairs = copies // 2
    parts = (n + 63) // 64
    room = max(1, (pairs * rungs + LANES - 1) // LANES)
    rows = np.zeros((spins.shape[1] * LANES, parts), np.uint64)
    diff = np.zeros((room * LANES, parts), np.uint64)
    seed = np.zeros((room * LANES, parts), np.uint64)
    partners = np.zeros((room * LANES, 2), np.int64)
    order = np.arange(copies)
    free = True
    for i in range(n):
        free &= fields[i] == 0.0
    to_rows(spins, n, rows)
    at = 0
    for k in range(rungs):
        for c in range(copies - 1, 0, -1):
            other = np.int64(uniform(stream) * (c + 1))
            order[c], order[other] = order[other], order[c]
        for p in range(pairs):
            a, b = order[2 * p] * rungs + k, order[2 * p + 1] * rungs + k
            partners[at, 0], partners[at, 1] = a, b
            count = np.int64(0)
            for part in range(parts):
                diff[at, part] = rows[a, part] ^ rows[b, part]
                count += np.int64(popcount(diff[at, part]))
            if free and 2 * count > n:
                for part in range(parts):
                    diff[at, part] = ~diff[at, part]
                if n % 64 != 0:
                    diff[at, parts - 1] &= (_ONE << np.uint64(n % 64)) - _ONE
                count = n - count
            chosen = np.int64(uniform(stream) * count)
            for part in range(parts):
                word = diff[at, part]
                own = np.int64(popcount(word))
                if 0 <= chosen < own:
                    for _ in range(chosen):
                        word &= word - _ONE
                    seed[at, part] = word & (~word + _ONE)
                chosen -= own
            at += 1
    inside, cluster = np.zeros((n, room), np.uint64), np.zeros((n, room), np.uint64)
    from_rows(diff, n, inside)
    from_rows(seed, n, cluster)
    for w in range(room):
        grown = cluster[:, w].copy()
        grow(neighbours, degrees, n, inside[:, w].copy(), grown)
        cluster[:, w] = grown
    to_rows(cluster, n, seed)
    rows[:] = _ZERO
    turned = np.int64(0)
    for p in range(at):
        for part in range(parts):
            rows[partners[p, 0], part] = rows[partners[p, 1], part] = seed[p, part]
            turned += 2 * np.int64(popcount(seed[p, part]))
    turn = np.zeros((n, spins.shape[1]), np.uint64)
    from_rows(rows, n, turn)
    for i in range(n):
        for w in range(spins.shape[1]):
            spins[i, w] ^= turn[i, w]
    return int(turned)
