"""Moves of designs whose energy is a batched Python function: one proposal for all replicas at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annealrl.ising import FloatArray
from annealrl.kernels.designs import propose_all
from annealrl.objective import Parts

Bools = npt.NDArray[np.bool_]


def advance_batched(
    parts: Parts,
    designs: FloatArray,
    streams: npt.NDArray[np.uint64],
    moves: FloatArray,
    size: float,
    start: FloatArray,
    end: FloatArray,
    sweeps: int,
) -> int:
    """Run sweeps of n proposals on the replicas of one instance; the same proposals as the compiled driver makes.

    Parameters
    ----------
    designs : float64 array, shape (R, ≥ n)
        Changed in place, as `streams` are.
    moves : float64 array, shape (3,)
        Cumulative probabilities of the kinds of moves.
    start, end : float64 array, shape (R,)
        β goes linearly from the one to the other.

    Returns
    -------
    int
        Accepted proposals of all replicas.
    """
    model, space, replicas = parts.driving, parts.space, np.arange(len(designs))
    x = designs[:, : space.n]
    first, second = np.zeros((2, len(x)), np.int64)
    values, uniforms = np.zeros((2, len(x)))
    # A walk knows its own energies.
    walk = None if model.walk is None else model.walk(x)
    now = model.energies(x) if walk is None else np.zeros(len(x))
    count = 0
    for sweep in range(sweeps):
        beta = start + (end - start) * ((sweep + 1) / sweeps)
        for _ in range(space.n):
            propose_all(*space.arrays, moves, designs, size, streams, first, second, values, uniforms)
            real = ~np.isnan(values)
            swaps = real & (second >= 0)
            if walk is not None and not swaps.any():
                taken = _taken(walk.change(first, np.where(real, values, x[replicas, first])), real, beta, uniforms)
                walk.take(taken)
                x[taken, first[taken]] = values[taken]
                count += int(taken.sum())
                continue
            moved = x.copy()
            moved[replicas[real], first[real]] = values[real]
            moved[replicas[swaps], second[swaps]] = x[replicas[swaps], first[swaps]]
            if model.delta is not None and not swaps.any():
                held = np.where(real, values, x[replicas, first])
                change = np.asarray(model.delta(x, first, held), np.float64)
            else:
                before = now if walk is None else np.asarray(model.energy(x), np.float64)
                change = np.asarray(model.energy(moved), np.float64) - before
            taken = _taken(change, real, beta, uniforms)
            x[taken] = moved[taken]
            now[taken] += change[taken]
            count += int(taken.sum())
            if walk is not None:
                walk = model.walk(x)
    return count


def _taken(change: FloatArray, real: Bools, beta: FloatArray, uniforms: FloatArray) -> Bools:
    # A proposal that is not accepted may have no finite energy.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(real & ((change <= 0) | (uniforms < np.exp(-beta * change))))
