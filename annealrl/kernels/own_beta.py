"""Kernels for replicas at their own inverse temperatures, in the packed layout of :mod:`annealrl.kernels.packed`.

One temperature turns a table of energy changes into a table of thresholds; 64 temperatures cannot. Here the table holds
the energy changes themselves, the exponential is taken lane by lane (:mod:`annealrl.kernels.own_lanes`), and the table
does not depend on β, so that a step may have as many temperatures as it likes.

Energies are integers: couplings and fields are rounded to multiples of 1/scale, a power of two for which the largest
change of energy is just below 2**27. Integer couplings are exact; others are off by at most 2**-27 of the largest
energy change, and detailed balance holds for the rounded Hamiltonian. The running energies therefore never drift, and
the same configuration always has the same one.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from annealrl.kernels.aligned import aligned_words
from annealrl.kernels.dynamics import RANDOM
from annealrl.kernels.jit import jit
from annealrl.kernels.lanes import LANES, accumulate, popcount
from annealrl.kernels.own_lanes import accept_own, accept_own_sums
from annealrl.kernels.packed import F64, I32, U32, U64, table_rows
from annealrl.kernels.streams import GOLDEN, site_of

I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]

_LOG2_E = 1.4426950408889634
#: Changes of energy, below 2**27 each, and bonds and fields, below 2**26, that may be summed in 32 bits.
_CHANGES, _TERMS = 15, 31


@jit("float64(float64[:, ::1], float64[::1], int32[::1], int64)")
def energy_scale(couplings: F64, fields: F64, degrees: I32, n: int) -> float:
    """Integer energy units per unit of energy, a power of two."""
    largest = 0.0
    for i in range(n):
        total = abs(fields[i])
        for k in range(degrees[i]):
            total += abs(couplings[i, k])
        largest = max(largest, 2.0 * total)
    return math.ldexp(1.0, 27 - math.frexp(largest)[1])


@jit("float64(float64[:, ::1], float64[::1], int32[::1], int64, float64)")
def rounding(couplings: F64, fields: F64, degrees: I32, n: int, scale: float) -> float:
    """Bound on |integer energy - scale·energy| of any configuration (each bond is seen from both ends)."""
    total = 0.0
    for i in range(n):
        total += abs(np.rint(fields[i] * scale) - fields[i] * scale)
        for k in range(degrees[i]):
            total += 0.5 * abs(np.rint(couplings[i, k] * scale) - couplings[i, k] * scale)
    return total


@jit("void(float64[:, ::1], float64[::1], int32[::1], int64[::1], int64, float64, int32[::1])")
def fill_deltas(couplings: F64, fields: F64, bits: I32, rows: I64, n: int, scale: float, table: I32) -> None:
    """Fill the table of energy changes; classes and rows are those of :func:`annealrl.kernels.packed.table_rows`."""
    for i in range(n):
        if bits[i] == 0:
            continue
        neighbours = bits[i] & ~1
        first = rows[i]
        start = np.int64(2.0 * np.rint(fields[i] * scale))
        for k in range(neighbours):
            start += np.int64(2.0 * np.rint(couplings[i, k] * scale))
        table[first] = np.int32(start)
        filled = 1
        for k in range(bits[i]):
            value = couplings[i, k] if k < neighbours else fields[i]
            step = np.int32(4.0 * np.rint(value * scale))
            for p in range(filled):
                table[first + filled + p] = table[first + p] - step
            filled *= 2


@jit("int64(int32[::1], int64[::1], int64, int64)", inline=True)
def _flushed(part: I32, total: I64, pending: int, limit: int) -> int:
    """Move 32-bit sums into 64 bits when `limit` terms are pending; returns how many are pending then."""
    if pending < limit:
        return pending
    for lane in range(part.shape[0]):
        total[lane] += part[lane]
        part[lane] = 0
    return 0


@jit("void(int32[:, ::1], float64[:, ::1], float64[::1], int32[::1], int64, float64, uint64[:, ::1], int64[::1])")
def own_energies(
    neighbours: I32, couplings: F64, fields: F64, degrees: I32, n: int, scale: float, spins: U64, out: I64
) -> None:
    """Integer energies of all replicas of one instance (without the offset), ``out[word * 64 + lane]``."""
    part = aligned_words(LANES).view(np.int32)
    for w in range(spins.shape[1]):
        total = out[w * LANES : w * LANES + LANES]
        total[:] = 0
        pending = 0
        for i in range(n):
            s = spins[i, w]
            if fields[i] != 0.0:
                accumulate(part, 0, s, np.int32(-np.rint(fields[i] * scale)))
                pending = _flushed(part, total, pending + 1, _TERMS)
            for k in range(degrees[i]):
                j = neighbours[i, k]
                if j > i:
                    accumulate(part, 0, spins[j, w] ^ s, np.int32(np.rint(couplings[i, k] * scale)))
                    pending = _flushed(part, total, pending + 1, _TERMS)
        _flushed(part, total, _TERMS, _TERMS)


@jit("void(float64[::1], float64, float32[::1])")
def lane_betas(betas: F64, scale: float, out: F32) -> None:
    """Turn the β of the replicas into factors for the exponent; lanes beyond the last replica repeat it."""
    last = betas.shape[0] - 1
    for r in range(out.shape[0]):
        out[r] = np.float32(-min(betas[min(r, last)] * _LOG2_E / scale, 1e30))


@jit(
    "int64(int32[:, ::1], float64[:, ::1], float64[::1], int32[::1], int32[::1], int64[::1], int64, float64, int64,"
    " int64, int32[::1], float32[::1], uint64[:, ::1], uint32[::1], uint64[::1], int64, int64[::1], int32[::1])"
)
def sweep_own(
    neighbours: I32,
    couplings: F64,
    fields: F64,
    degrees: I32,
    bits: I32,
    rows: I64,
    n: int,
    scale: float,
    rule: int,
    order: int,
    table: I32,
    betas: F32,
    spins: U64,
    state: U32,
    site_state: U64,
    proposals: int,
    energies: I64,
    field: I32,
) -> int:
    """Propose `proposals` sites of one instance to all its replicas, each at its own β; returns the accepted flips.

    Sites are drawn as for a common β. `energies` follows; `field` is room for 64 numbers.
    """
    words = spins.shape[1]
    accepted = np.uint64(0)
    changes = aligned_words(energies.shape[0]).view(np.int32)
    pending = 0
    counter = site_state[0]
    for step in range(proposals):
        # One at a time: the exponentials leave room for it, and drawing in blocks cost 2 to 8 %.
        if order == RANDOM:
            counter += GOLDEN
            i = site_of(counter, np.uint64(n))
        else:
            i = int(step % n)
        kind, row = bits[i], rows[i]
        a, b, c, d = neighbours[i, 0], neighbours[i, 1], neighbours[i, 2], neighbours[i, 3]
        e, f = neighbours[i, 4], neighbours[i, 5]
        for w in range(words):
            s = spins[i, w]
            if kind == 0:
                field[:] = np.int32(0)
                accumulate(field, 0, s, np.int32(2.0 * np.rint(fields[i] * scale)))
                for k in range(degrees[i]):
                    coupling = np.int32(-2.0 * np.rint(couplings[i, k] * scale))
                    accumulate(field, 0, spins[neighbours[i, k], w] ^ s, coupling)
                flips = accept_own_sums(field, betas, state, changes, w, rule)
            else:
                at, bt, ct, dt = spins[a, w] ^ s, spins[b, w] ^ s, spins[c, w] ^ s, spins[d, w] ^ s
                if kind == 4:
                    flips = accept_own((at, bt, ct, dt), table, row, betas, state, changes, w, rule)
                elif kind == 5:
                    flips = accept_own((at, bt, ct, dt, ~s), table, row, betas, state, changes, w, rule)
                else:
                    et, ft = spins[e, w] ^ s, spins[f, w] ^ s
                    if kind == 6:
                        flips = accept_own((at, bt, ct, dt, et, ft), table, row, betas, state, changes, w, rule)
                    else:
                        flips = accept_own((at, bt, ct, dt, et, ft, ~s), table, row, betas, state, changes, w, rule)
            spins[i, w] = s ^ flips
            accepted += popcount(flips)
        pending = _flushed(changes, energies, pending + 1, _CHANGES)
    site_state[0] = counter
    _flushed(changes, energies, _CHANGES, _CHANGES)
    return int(accepted)


@jit(
    "void(int32[:, :, ::1], float64[:, :, ::1], float64[:, ::1], int32[:, ::1], int64[::1], float64[:, ::1],"
    " float64[:, ::1], int64, int64, int64, uint64[:, :, ::1], uint32[:, :, :, ::1], uint64[:, ::1], int64[::1], int64,"
    " int64)"
)
def advance_own(
    neighbours: I32,
    couplings: F64,
    fields: F64,
    degrees: I32,
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
    """As :func:`annealrl.kernels.packed.advance`, with ``beta_start[instance, replica]`` and an end like it."""
    width = neighbours.shape[1]
    room = spins.shape[2] * LANES
    bits, rows = np.zeros(width, np.int32), np.zeros(width, np.int64)
    field, betas = aligned_words(LANES).view(np.int32), aligned_words(room).view(np.float32)
    energies = aligned_words(2 * room).view(np.int64)
    for instance in range(first, last):
        n = sizes[instance]
        length = table_rows(couplings[instance], fields[instance], degrees[instance], bits, rows, n)
        table = aligned_words(max(length, 1)).view(np.int32)
        scale = energy_scale(couplings[instance], fields[instance], degrees[instance], n)
        fill_deltas(couplings[instance], fields[instance], bits, rows, n, scale, table)
        start, end = beta_start[instance], beta_end[instance]
        ramp = False
        for r in range(start.shape[0]):
            ramp |= start[r] != end[r]
        blocks = sweeps if ramp else min(sweeps, 1)
        state = lanes[instance].reshape(-1)
        total = np.int64(0)
        for block in range(blocks):
            lane_betas(start + (end - start) * ((block + 1) / blocks), scale, betas)
            total += sweep_own(
                neighbours[instance],
                couplings[instance],
                fields[instance],
                degrees[instance],
                bits,
                rows,
                n,
                scale,
                rule,
                order,
                table,
                betas,
                spins[instance],
                state,
                site_states[instance],
                n * (sweeps if not ramp else 1),
                energies,
                field,
            )
        accepted[instance] = total
