"""Kernels of the packed layout: ``spins[instance, site, word]``, 64 replicas to a word.

A site of small degree is updated by table: the alignments of its neighbours (XOR of words) index a row of acceptance
thresholds that is computed once per step in float64, so that a proposal for 64 replicas costs a few vector
instructions and its probability is right to 2**-32. Other sites sum their local field in float64.

Table classes, by number of index bits: 4 = up to four neighbours, 5 = the same with a field (the field is a neighbour
that always points up), 6 = up to six neighbours, 7 = the same with a field; 0 = no table.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annealrl.kernels.aligned import aligned_words
from annealrl.kernels.dynamics import BLOCK, FAR, GIBBS, acceptance, draw_sites, prefetch, rule_at
from annealrl.kernels.jit import jit
from annealrl.kernels.lanes import LANES, accept_below, accept_table, accumulate, popcount

U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

TABLE_WIDTH = 6

_ZERO = np.uint64(0)


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


@jit("void(float64[::1], float64, int64, float32[::1])")
def field_chances(field: F64, beta: float, rule: int, chances: npt.NDArray[np.float32]) -> None:
    """Turn ``s_i · (local field)`` of 64 replicas into acceptance probabilities, right to 5e-7.

    The exponent is formed in float64: 2 β times the rounding of a sum in float32 came to 2.5e-5 at 95 Gaussian
    couplings and β = 5. Draws are compared at 24 bits.
    """
    scale = -2.0 * beta * 1.4426950408889634
    for lane in range(LANES):
        y = min(max(scale * field[lane], -126.0), 126.0 if rule == GIBBS else 0.0)
        whole = np.floor(y)
        x = np.float32(y - whole)
        # minimax polynomial of 2**x on [0, 1], relative error 2e-7
        p = np.float32(1.8775767e-3)
        p = p * x + np.float32(8.9893397e-3)
        p = p * x + np.float32(5.5826318e-2)
        p = p * x + np.float32(2.4015361e-1)
        p = p * x + np.float32(6.9315308e-1)
        p = p * x + np.float32(9.9999994e-1)
        weight = p * np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
        chances[lane] = weight / (np.float32(1.0) + weight) if rule == GIBBS else weight


@jit(
    "int64(int32[:, ::1], float64[:, ::1], float64[::1], int32[::1], int32[::1], int64[::1], int64, float64, int64,"
    " int64, uint32[::1], uint64[:, ::1], uint32[::1], uint64[::1], int64, float64[::1], float32[::1])"
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
    field: F64,
    chances: npt.NDArray[np.float32],
) -> int:
    """Propose `proposals` sites of one instance, each to all its replicas; returns the number of accepted flips."""
    words, width = spins.shape[1], neighbours.shape[1]
    flat, partners = spins.reshape(-1), neighbours.reshape(-1)
    far = 4 * table.shape[0] + n * (8 * words + 4 * width) > FAR
    accepted = _ZERO
    sites = np.empty(BLOCK, np.int64)
    for begin in range(0, proposals, BLOCK):
        count = min(BLOCK, proposals - begin)
        draw_sites(count, begin, n, site_state, order, sites)
        if far:
            for k in range(count):
                prefetch(table, rows[sites[k]])
                prefetch(partners, sites[k] * width)
            for k in range(count):
                prefetch(flat, sites[k] * words)
                for j in range(4):
                    prefetch(flat, partners[sites[k] * width + j] * words)
        for place in range(count):
            i = sites[place]
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
                    field[:] = 0.0
                    accumulate(field, 0, s, fields[i])
                    for k in range(degrees[i]):
                        accumulate(field, 0, spins[neighbours[i, k], w] ^ s, -couplings[i, k])
                    field_chances(field, beta, rule, chances)
                    flips = accept_below(chances, state, o)
                spins[i, w] = s ^ flips
                accepted += popcount(flips)
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
    field = aligned_words(2 * LANES).view(np.float64)
    chances = aligned_words(LANES).view(np.float32)
    bits = np.zeros(width, np.int32)
    rows = np.zeros(width, np.int64)
    for instance in range(first, last):
        n = sizes[instance]
        length = table_rows(couplings[instance], fields[instance], degrees[instance], bits, rows, n)
        table = aligned_words(max(length, 1))
        ramp = beta_end[instance] != beta_start[instance]
        blocks = sweeps if ramp else min(sweeps, 1)
        state = lanes[instance].reshape(-1)
        total = np.int64(0)
        for block in range(blocks):
            beta = beta_start[instance] + (beta_end[instance] - beta_start[instance]) * (block + 1) / blocks
            at = rule_at(beta, rule)
            fill_table(couplings[instance], fields[instance], bits, rows, n, beta, at, table)
            total += _sweep(
                neighbours[instance],
                couplings[instance],
                fields[instance],
                degrees[instance],
                bits,
                rows,
                n,
                beta,
                at,
                order,
                table,
                spins[instance],
                state,
                site_states[instance],
                n * (sweeps if not ramp else 1),
                field,
                chances,
            )
        accepted[instance] = total
