"""Kernels of the packed layout: ``spins[instance, site, word]``, 64 replicas to a word.

A site of small degree is updated by table: the alignments of its neighbours (XOR of words) index a row of acceptance
thresholds that is computed once per step in float64, so that a proposal for 64 replicas costs a few vector
instructions and its probability is right to 2**-32. Other sites sum their local field in float32.

Table classes, by number of index bits: 4 = up to four neighbours, 5 = the same with a field (the field is a neighbour
that always points up), 6 = up to six neighbours, 7 = the same with a field; 0 = no table.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from annealrl.kernels.jit import jit
from annealrl.kernels.lanes import LANES, accept_below, accept_table, accumulate, popcount

U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

METROPOLIS, GIBBS = 0, 1
RANDOM, SEQUENTIAL = 0, 1
TABLE_WIDTH = 6

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S32 = (np.uint64(k) for k in (27, 30, 31, 32))
_ONE, _ZERO = np.uint64(1), np.uint64(0)
_LOW_32 = np.uint64(0xFFFFFFFF)


@jit("uint64(uint64)")
def _mix(z: np.uint64) -> np.uint64:
    """Finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@jit("void(uint64, uint32[:, :, ::1])")
def seed_lanes(key: np.uint64, lanes: U32) -> None:
    """Start the generators of one instance, ``lanes[word, 2, 64]``: that of replica r depends on `key` and r alone."""
    for w in range(lanes.shape[0]):
        for lane in range(LANES):
            z = _mix(key + np.uint64(w * LANES + lane + 1) * _GOLDEN)
            low, high = z & _LOW_32, z >> _S32
            if z == _ZERO:
                high = _ONE  # the all-zero state is the one fixed point of the generator
            lanes[w, 0, lane] = np.uint32(low)
            lanes[w, 1, lane] = np.uint32(high)


@jit("void(uint64[:, ::1], uint32[:, :, ::1], int64, boolean)")
def random_spins(spins: U64, lanes: U32, n: int, shared: bool) -> None:
    """Draw a start for one instance: each replica's probability of "up" is itself uniform on [0, 1].

    With `shared`, all replicas start from replica 0's draw.
    """
    state = lanes.reshape(-1)
    chance = np.zeros(LANES, np.float32)
    for w in range(spins.shape[1]):
        for lane in range(LANES):  # the state's high word is a uniform draw that no proposal has used yet
            chance[lane] = np.float32(lanes[w, 1, lane] >> np.uint32(8)) * np.float32(2.0**-24)
        for i in range(n):
            word = accept_below(chance, state, w * 2 * LANES)
            if shared:
                word = ~_ZERO if (word & _ONE) != _ZERO else _ZERO
                if w > 0:
                    word = spins[i, 0]
            spins[i, w] = word


@jit("float64(float64, float64, int64)")
def acceptance(delta: float, beta: float, rule: int) -> float:
    """Probability of a flip that changes the energy by `delta`, by Metropolis or heat bath (Gibbs)."""
    if rule == GIBBS:
        return 1.0 / (1.0 + math.exp(min(beta * delta, 700.0)))
    return 1.0 if delta <= 0.0 else math.exp(-beta * delta)


@jit("int64(float64[:, ::1], float64[::1], int32[::1], int32[::1], int64[::1], int64)")
def table_rows(couplings: F64, fields: F64, degrees: I32, bits: I32, rows: npt.NDArray[np.int64], n: int) -> int:
    """Choose each site's table class and the start of its row; returns the length of the table."""
    total = 0
    for i in range(n):
        rows[i] = total
        if degrees[i] > TABLE_WIDTH:
            bits[i] = 0
            continue
        bits[i] = (4 if degrees[i] <= 4 else 6) + (0 if fields[i] == 0.0 else 1)
        total += 1 << bits[i]
    return total


@jit("void(float64[:, ::1], float64[::1], int32[::1], int64[::1], int64, float64, int64, uint32[::1])")
def fill_table(
    couplings: F64, fields: F64, bits: I32, rows: npt.NDArray[np.int64], n: int, beta: float, rule: int, table: U32
) -> None:
    """Fill the acceptance thresholds (a flip is accepted when a 32-bit draw lies below) at one temperature."""
    delta = np.empty(128)
    for i in range(n):
        if bits[i] == 0:
            continue
        neighbours = bits[i] & ~1
        delta[0] = 2.0 * fields[i]
        for k in range(neighbours):
            delta[0] += 2.0 * couplings[i, k]
        filled = 1
        for k in range(bits[i]):
            step = 4.0 * (couplings[i, k] if k < neighbours else fields[i])
            for p in range(filled):
                delta[filled + p] = delta[p] - step
            filled *= 2
        for p in range(filled):
            chance = acceptance(delta[p], beta, rule)
            table[rows[i] + p] = np.uint32(min(chance * 4294967296.0, 4294967295.0))


@jit("void(float32[::1], float64, int64)")
def _field_chances(field: npt.NDArray[np.float32], beta: float, rule: int) -> None:
    """Turn ``s_i · (local field)`` of 64 replicas into acceptance probabilities, in place, right to 1e-6."""
    scale = np.float32(-2.0 * beta * 1.4426950408889634)
    for lane in range(LANES):
        y = min(max(scale * field[lane], np.float32(-126.0)), np.float32(126.0 if rule == GIBBS else 0.0))
        whole = np.floor(y)
        x = y - whole
        # minimax polynomial of 2**x on [0, 1], relative error 2e-7
        p = np.float32(1.8775767e-3)
        p = p * x + np.float32(8.9893397e-3)
        p = p * x + np.float32(5.5826318e-2)
        p = p * x + np.float32(2.4015361e-1)
        p = p * x + np.float32(6.9315308e-1)
        p = p * x + np.float32(9.9999994e-1)
        weight = p * np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
        field[lane] = weight / (np.float32(1.0) + weight) if rule == GIBBS else weight


@jit(
    "int64(int32[:, ::1], float64[:, ::1], float64[::1], int32[::1], int32[::1], int64[::1], int64, float64, int64,"
    " int64, uint32[::1], uint64[:, ::1], uint32[::1], uint64[::1], int64, float32[::1])"
)
def _sweep(
    neighbours: I32,
    couplings: F64,
    fields: F64,
    degrees: I32,
    bits: I32,
    rows: npt.NDArray[np.int64],
    n: int,
    beta: float,
    rule: int,
    order: int,
    table: U32,
    spins: U64,
    state: U32,
    site_state: U64,
    proposals: int,
    field: npt.NDArray[np.float32],
) -> int:
    """Propose `proposals` sites of one instance, each to all its replicas; returns the number of accepted flips."""
    words = spins.shape[1]
    counter = site_state[0]
    accepted = _ZERO
    for step in range(proposals):
        if order == RANDOM:
            counter += _GOLDEN
            i = np.int64(((_mix(counter) >> _S32) * np.uint64(n)) >> _S32)
        else:
            i = np.int64(step % n)
        kind, row = bits[i], rows[i]
        a, b, c, d = neighbours[i, 0], neighbours[i, 1], neighbours[i, 2], neighbours[i, 3]
        e, f = neighbours[i, 4], neighbours[i, 5]
        for w in range(words):
            s = spins[i, w]
            o = np.int64(w * 2 * LANES)
            if kind == 4:
                flips = accept_table(
                    (spins[a, w] ^ s, spins[b, w] ^ s, spins[c, w] ^ s, spins[d, w] ^ s), table, row, state, o
                )
            elif kind == 5:
                flips = accept_table(
                    (spins[a, w] ^ s, spins[b, w] ^ s, spins[c, w] ^ s, spins[d, w] ^ s, ~s), table, row, state, o
                )
            elif kind == 6:
                flips = accept_table(
                    (
                        spins[a, w] ^ s,
                        spins[b, w] ^ s,
                        spins[c, w] ^ s,
                        spins[d, w] ^ s,
                        spins[e, w] ^ s,
                        spins[f, w] ^ s,
                    ),
                    table,
                    row,
                    state,
                    o,
                )
            elif kind == 7:
                flips = accept_table(
                    (
                        spins[a, w] ^ s,
                        spins[b, w] ^ s,
                        spins[c, w] ^ s,
                        spins[d, w] ^ s,
                        spins[e, w] ^ s,
                        spins[f, w] ^ s,
                        ~s,
                    ),
                    table,
                    row,
                    state,
                    o,
                )
            else:
                field[:] = np.float32(0.0)
                accumulate(field, 0, s, np.float32(fields[i]))
                for k in range(degrees[i]):
                    accumulate(field, 0, spins[neighbours[i, k], w] ^ s, np.float32(-couplings[i, k]))
                _field_chances(field, beta, rule)
                flips = accept_below(field, state, o)
            spins[i, w] = s ^ flips
            accepted += popcount(flips)
    site_state[0] = counter
    return int(accepted)


@jit(
    "void(int32[:, :, ::1], float64[:, :, ::1], float64[:, ::1], int32[:, ::1], int64[::1], float64[::1], float64[::1],"
    " int64, int64, int64, uint64[:, :, ::1], uint32[:, :, :, ::1], uint64[:, ::1], int64[::1], int64, int64)"
)
def advance(
    neighbours: I32,
    couplings: F64,
    fields: F64,
    degrees: I32,
    sizes: npt.NDArray[np.int64],
    beta_start: F64,
    beta_end: F64,
    sweeps: int,
    rule: int,
    order: int,
    spins: U64,
    lanes: U32,
    site_states: U64,
    accepted: npt.NDArray[np.int64],
    first: int,
    last: int,
) -> None:
    """Advance instances first … last - 1 by `sweeps` sweeps; β goes linearly from start to end, sweep by sweep.

    Sweep t of S runs at ``start + (end - start)·(t + 1)/S``; the thresholds are refilled only when β changes.
    """
    width = neighbours.shape[1]
    field = np.zeros(LANES, np.float32)
    bits = np.zeros(width, np.int32)
    rows = np.zeros(width, np.int64)
    for instance in range(first, last):
        n = sizes[instance]
        length = table_rows(couplings[instance], fields[instance], degrees[instance], bits, rows, n)
        table = np.zeros(max(length, 1), np.uint32)
        ramp = beta_end[instance] != beta_start[instance]
        blocks = sweeps if ramp else min(sweeps, 1)
        state = lanes[instance].reshape(-1)
        total = np.int64(0)
        for block in range(blocks):
            beta = beta_start[instance] + (beta_end[instance] - beta_start[instance]) * (block + 1) / blocks
            fill_table(couplings[instance], fields[instance], bits, rows, n, beta, rule, table)
            total += _sweep(
                neighbours[instance],
                couplings[instance],
                fields[instance],
                degrees[instance],
                bits,
                rows,
                n,
                beta,
                rule,
                order,
                table,
                spins[instance],
                state,
                site_states[instance],
                n * (sweeps if not ramp else 1),
                field,
            )
        accepted[instance] = total


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


@jit("void(uint64[:, ::1], int8[:, ::1])")
def unpack(spins: U64, out: npt.NDArray[np.int8]) -> None:
    """Write one instance's spins as ±1 into ``out[replica, site]``."""
    replicas, n = out.shape
    for r in range(replicas):
        w, shift = r // LANES, np.uint64(r % LANES)
        for i in range(n):
            out[r, i] = np.int8(((spins[i, w] >> shift) & _ONE) * np.uint64(2)) - np.int8(1)


@jit("void(int8[:, ::1], uint64[:, ::1])")
def pack(values: npt.NDArray[np.int8], spins: U64) -> None:
    """Inverse of :func:`unpack`; lanes beyond the last replica repeat replica 0."""
    replicas, n = values.shape
    for i in range(n):
        for w in range(spins.shape[1]):
            word = _ZERO
            for lane in range(LANES):
                r = w * LANES + lane
                up = values[r if r < replicas else 0, i] > 0
                if up:
                    word |= _ONE << np.uint64(lane)
            spins[i, w] = word


@jit("void(uint64[::1])")
def _transpose(block: U64) -> None:
    """Transpose a 64 × 64 bit matrix in place (Warren, Hacker's Delight, section 7-3)."""
    width = 32
    mask = np.uint64(0x00000000FFFFFFFF)
    while width:
        shift = np.uint64(width)
        k = 0
        while k < 64:
            swap = ((block[k] >> shift) ^ block[k + width]) & mask
            block[k] ^= swap << shift
            block[k + width] ^= swap
            k = (k + width + 1) & ~width
        width >>= 1
        if width:
            mask ^= mask << np.uint64(width)


@jit("void(uint64[:, :, ::1], int64[::1], int64, int64[:, ::1], int64, int64)")
def overlap_counts(
    spins: U64, sizes: npt.NDArray[np.int64], replicas: int, out: npt.NDArray[np.int64], first: int, last: int
) -> None:
    """Count, for every instance, the pairs of replicas that differ at d sites: ``out[instance, d]``, d = 0 … n.

    The overlap of a pair is q = 1 - 2d/n.
    """
    words = spins.shape[2]
    blocks = (spins.shape[1] + 63) // 64
    rows = np.zeros((words * LANES, blocks), np.uint64)
    block = np.zeros(64, np.uint64)
    for instance in range(first, last):
        n = sizes[instance]
        used = (n + 63) // 64
        for w in range(words):
            for part in range(used):
                for k in range(64):
                    i = part * 64 + k
                    block[k] = spins[instance, i, w] if i < n else _ZERO
                _transpose(block)
                for k in range(64):
                    rows[w * LANES + k, part] = block[k]
        for r in range(replicas):
            for t in range(r):
                differing = _ZERO
                for part in range(used):
                    differing += popcount(rows[r, part] ^ rows[t, part])
                out[instance, np.int64(differing)] += 1
