"""Kernels of models whose couplings are all ±J and whose fields are 0 or ±J: multi-spin coding.

Spins are stored as in :mod:`annealrl.kernels.packed`, ``spins[instance, site, word]``, 64 replicas to a word. A spin's
bonds (its field counts as one) that are not satisfied are counted in all replicas at once by bit-sliced adders, and the
flip changes the energy by ``2 J (bonds - 2 · unsatisfied)``. Acceptance bits are made as in
:mod:`annealrl.kernels.words`, from words that all 64 replicas share, each replica its own bit; probabilities are right
to 2**-53 of themselves. Spins may have up to seven bonds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from annealrl.ising import IsingModel
from annealrl.kernels.aligned import aligned_words
from annealrl.kernels.dynamics import BLOCK, FAR, GIBBS, acceptance, draw_sites, prefetch, rule_at
from annealrl.kernels.jit import jit
from annealrl.kernels.words import (
    BONDS,
    CHUNK,
    COUNTS,
    EARLY,
    LEVELS,
    NATURAL,
    PERMUTED,
    REVERSED,
    ROW,
    flip_eight,
    flip_one,
)

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
I8 = npt.NDArray[np.int8]
F64 = npt.NDArray[np.float64]

_ZERO, _ONE, _ALL = np.uint64(0), np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
_ORDER = np.array(REVERSED, np.int64)


class Bonds(NamedTuple):
    """One model in the form of this module's kernels.

    Attributes
    ----------
    neighbours : int32 array, shape (n, k)
    degrees : int32 array, shape (n,)
    signs : uint64 array, shape (n,)
        Bit k is set where the site's bond k is negative.
    fields : int8 array, shape (n,)
        Sign of the field, or 0.
    unit : float
        J.
    """

    neighbours: I32
    degrees: I32
    signs: U64
    fields: I8
    unit: float


def encode(model: IsingModel) -> Bonds | None:
    """Return a ±J model in the form of these kernels, or None if it is not one or a spin has too many bonds."""
    sizes = np.unique(np.abs(np.append(model.couplings, model.fields[model.fields != 0.0])))
    if len(sizes) > 1 or (sizes == 0.0).any() or int((model.degrees + (model.fields != 0.0)).max()) > BONDS:
        return None
    neighbours, couplings = model.padded
    powers = np.uint64(1) << np.arange(couplings.shape[1], dtype=np.uint64)
    return Bonds(
        neighbours,
        model.degrees.astype(np.int32),
        ((couplings < 0.0) * powers).sum(axis=1, dtype=np.uint64),
        np.sign(model.fields).astype(np.int8),
        float(sizes[0]) if len(sizes) else 1.0,
    )


@jit("void(boolean[::1], float64, int64, uint64[::1])")
def fill_rows(present: npt.NDArray[np.bool_], step: float, rule: int, table: U64) -> None:
    """Fill the rows of the numbers of bonds that are present, at ``step = 2 β J``."""
    for bonds in range(COUNTS):
        if not present[bonds]:
            continue
        row = bonds * ROW
        for u in range(bonds + 1):
            chance = acceptance(step * (bonds - 2 * u), 1.0, rule)
            table[row + u] = _ZERO if chance >= 1.0 else _ALL
            bits = np.uint64(chance * 18446744073709551616.0) if chance < 1.0 else _ALL
            for b in range(LEVELS):
                word = _ZERO - ((bits >> np.uint64(LEVELS - 1 - b)) & _ONE)
                table[row + NATURAL + LEVELS * u + b] = word
                if b < EARLY:
                    table[row + PERMUTED + EARLY * u + _ORDER[b]] = word


@jit(
    "int64(int32[:, ::1], int32[::1], uint64[::1], int8[::1], int64, int64, int64, uint64[::1], uint64[:, ::1],"
    " uint64[::1], uint64[::1], int64)"
)
def _sweep(
    neighbours: I32,
    degrees: I32,
    signs: U64,
    fields: I8,
    n: int,
    rule: int,
    order: int,
    rows: U64,
    spins: U64,
    streams: U64,
    site_state: U64,
    proposals: int,
) -> int:
    """Propose `proposals` sites of one instance, each to all its replicas; returns the number of accepted flips."""
    words, width = spins.shape[1], neighbours.shape[1]
    flat, partners = spins.reshape(-1), neighbours.reshape(-1)
    eights = words - words % CHUNK
    accepted = _ZERO
    far = n * (8 * words + 4 * width + 16) > FAR
    sites = np.empty(BLOCK, np.int64)
    for begin in range(0, proposals, BLOCK):
        count = min(BLOCK, proposals - begin)
        draw_sites(count, begin, n, site_state, order, sites)
        if far:
            for k in range(count):
                prefetch(partners, sites[k] * width)
            for k in range(count):
                prefetch(flat, sites[k] * words)
                for j in range(degrees[sites[k]]):
                    prefetch(flat, partners[sites[k] * width + j] * words)
        for place in range(count):
            i = sites[place]
            degree, field = np.int64(degrees[i]), fields[i]
            bonds = degree + (1 if field != 0 else 0)
            site = (i * width, degree, signs[i], _ZERO if field == 0 else _ALL, _ALL if field > 0 else _ZERO)
            row = bonds * ROW
            if rule == GIBBS:
                for w in range(0, eights, CHUNK):
                    accepted += flip_eight(flat, words, i, w, site, partners, rows, row, streams, (0, 1, 2))
                for w in range(eights, words):
                    accepted += flip_one(flat, words, i, w, site, partners, rows, row, streams, (0, 1, 2))
            elif bonds > 4:
                for w in range(0, eights, CHUNK):
                    accepted += flip_eight(flat, words, i, w, site, partners, rows, row, streams, (0, 1))
                for w in range(eights, words):
                    accepted += flip_one(flat, words, i, w, site, partners, rows, row, streams, (0, 1))
            else:
                for w in range(0, eights, CHUNK):
                    accepted += flip_eight(flat, words, i, w, site, partners, rows, row, streams, (0,))
                for w in range(eights, words):
                    accepted += flip_one(flat, words, i, w, site, partners, rows, row, streams, (0,))
    return int(accepted)


@jit(
    "void(int32[:, :, ::1], int32[:, ::1], uint64[:, ::1], int8[:, ::1], float64[::1], int64[::1], float64[::1],"
    " float64[::1], int64, int64, int64, uint64[:, :, ::1], uint64[:, :, ::1], uint64[:, ::1], int64[::1],"
    " int64, int64)"
)
def advance(
    neighbours: I32,
    degrees: I32,
    signs: U64,
    fields: I8,
    units: F64,
    sizes: I64,
    beta_start: F64,
    beta_end: F64,
    sweeps: int,
    rule: int,
    order: int,
    spins: U64,
    streams: U64,
    site_states: U64,
    accepted: I64,
    first: int,
    last: int,
) -> None:
    """Advance instances first … last - 1 by `sweeps` sweeps; β goes linearly from start to end, sweep by sweep.

    The first five arguments are those of :class:`Bonds`, stacked; the others mean what they mean in
    :func:`annealrl.kernels.packed.advance`. ``streams[instance, 2, word]`` is seeded by
    :func:`annealrl.kernels.streams.seed_words`.
    """
    rows = aligned_words(2 * COUNTS * ROW).view(np.uint64)
    present = np.zeros(COUNTS, np.bool_)
    for instance in range(first, last):
        n = sizes[instance]
        present[:] = False
        for i in range(n):
            present[degrees[instance, i] + (1 if fields[instance, i] != 0 else 0)] = True
        ramp = beta_end[instance] != beta_start[instance]
        blocks = sweeps if ramp else min(sweeps, 1)
        total = np.int64(0)
        for block in range(blocks):
            beta = beta_start[instance] + (beta_end[instance] - beta_start[instance]) * (block + 1) / blocks
            at = rule_at(beta, rule)
            fill_rows(present, 2.0 * beta * units[instance], at, rows)
            total += _sweep(
                neighbours[instance],
                degrees[instance],
                signs[instance],
                fields[instance],
                n,
                at,
                order,
                rows,
                spins[instance],
                streams[instance].reshape(-1),
                site_states[instance],
                n * (sweeps if not ramp else 1),
            )
        accepted[instance] = total
