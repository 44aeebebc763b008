"""Metropolis moves of designs: coordinates that are continuous, periodic, on levels or without order.

An objective brings three compiled functions, called through pointers, so that this driver is compiled once for all of
them:

- ``init(floats, ints, x, cache) -> energy`` fills the cache of a replica from its design;
- ``delta(floats, ints, x, cache, i, value) -> change`` of the energy if coordinate i took a value; changes nothing;
- ``apply(floats, ints, x, cache, i, value)`` brings the cache to that change; x still holds the old value.

Every proposal takes four words of the replica's own counter-based stream, used or not: a replica's moves depend on its
stream alone, and the compiled and the batched driver propose the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from annealrl.kernels.jit import jit
from annealrl.kernels.streams import mix

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

#: Kinds of coordinates: with ends, periodic, on ordered levels with ends, on periodic levels, on values without order.
INTERVAL, ANGLE, LADDER, CLOCK, COLOUR = 0, 1, 2, 3, 4
#: Kinds of moves, in the order of their cumulative probabilities.
STEP, REDRAW, SWAP = 0, 1, 2

INIT = "float64(float64[::1], int64[::1], float64[::1], float64[::1])"
DELTA = "float64(float64[::1], int64[::1], float64[::1], float64[::1], int64, float64)"
APPLY = "void(float64[::1], int64[::1], float64[::1], float64[::1], int64, float64)"
_F, _I, _A = types.float64[::1], types.int64[::1], types.int64
_INIT = types.FunctionType(types.float64(_F, _I, _F, _F))
_DELTA = types.FunctionType(types.float64(_F, _I, _F, _F, _A, types.float64))
_APPLY = types.FunctionType(types.void(_F, _I, _F, _F, _A, types.float64))

_S11, _S32 = np.uint64(11), np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_NONE = -1


@jit("float64(uint64)")
def unit(word: np.uint64) -> float:
    """Uniform on [0, 1), a multiple of 2**-53."""
    return float(word >> _S11) * 1.1102230246251565e-16


@jit("float64(int64, float64, float64, int64, float64, float64, float64, float64)")
def stepped(kind: int, low: float, high: float, levels: int, x: float, size: float, u: float, v: float) -> float:
    """A value near x, `size` being a fraction of the range; NaN where it would leave the levels. Symmetric."""
    width = high - low
    if kind in (INTERVAL, ANGLE):
        moved = x - low + size * width * math.sqrt(-2.0 * math.log(1.0 - u)) * math.cos(2.0 * math.pi * v)
        if kind == ANGLE:
            moved -= width * math.floor(moved / width)
            return low + moved if low + moved < high else low
        moved -= 2.0 * width * math.floor(moved / (2.0 * width))
        moved = min(moved, 2.0 * width - moved)
        return min(max(low + moved, low), high)
    gap = width / (levels if kind == CLOCK else levels - 1)
    index = int(np.rint((x - low) / gap))
    if kind == COLOUR or levels == 2:
        index = (index + 1 + int(u * (levels - 1))) % levels
    else:
        reach = max(1, min(levels - 1, int(np.rint(size * (levels - 1)))))
        shift = 1 + int(u * reach)
        index += shift if v < 0.5 else -shift
        if kind == CLOCK:
            index %= levels
        elif index < 0 or index >= levels:
            return math.nan
    return low + index * gap


@jit("float64(int64, float64, float64, int64, float64)")
def redrawn(kind: int, low: float, high: float, levels: int, u: float) -> float:
    """A value anywhere in the range."""
    if kind in (INTERVAL, ANGLE):
        return low + u * (high - low)
    gap = (high - low) / (levels if kind == CLOCK else levels - 1)
    return low + int(u * levels) * gap


@jit(
    "Tuple((int64, int64, float64, float64))"
    "(int64[::1], float64[::1], float64[::1], int64[::1], int64[::1], float64[::1], float64[::1], float64,"
    " uint64, uint64)"
)
def propose(
    kinds: Ints,
    low: Floats,
    high: Floats,
    levels: Ints,
    groups: Ints,
    moves: Floats,
    x: Floats,
    size: float,
    position: np.uint64,
    gamma: np.uint64,
) -> tuple[int, int, float, float]:
    """Coordinate, partner of a swap or -1, new value of the coordinate (NaN: none), and the acceptance's uniform."""
    word = mix(position)
    n = np.uint64(len(kinds))
    i = int(((word >> _S32) * n) >> _S32)
    move = float(word & _LOW) * 2.3283064365386963e-10
    first, second = mix(position + gamma), mix(position + gamma + gamma)
    u, v = unit(first), unit(second)
    accept = unit(mix(position + gamma + gamma + gamma))
    if move < moves[STEP]:
        return i, _NONE, stepped(kinds[i], low[i], high[i], levels[i], x[i], size, u, v), accept
    if move < moves[REDRAW]:
        return i, _NONE, redrawn(kinds[i], low[i], high[i], levels[i], u), accept
    j = int(((first >> _S32) * n) >> _S32)
    if groups[i] != groups[j] or x[i] == x[j]:
        return i, _NONE, math.nan, accept
    return i, j, x[j], accept


def _anneal(
    init: Callable[..., float],
    delta: Callable[..., float],
    apply: Callable[..., None],
    floats: Floats,
    ints: Ints,
    kinds: Ints,
    low: Floats,
    high: Floats,
    levels: Ints,
    groups: Ints,
    moves: Floats,
    cache_size: int,
    designs: Floats,
    start: Floats,
    end: Floats,
    size: float,
    sweeps: int,
    streams: Words,
    accepted: Ints,
    first: int,
    last: int,
) -> None:
    """Run sweeps of n proposals on replicas first … last - 1 of one instance, each by itself."""
    n = len(kinds)
    cache = np.zeros(cache_size)
    for r in range(first, last):
        x = designs[r, :n]
        position, gamma = streams[0, r], streams[1, r]
        init(floats, ints, x, cache)
        for sweep in range(sweeps):
            beta = start[r] + (end[r] - start[r]) * ((sweep + 1) / sweeps)
            for _ in range(n):
                i, j, value, u = propose(kinds, low, high, levels, groups, moves, x, size, position, gamma)
                position += np.uint64(4) * gamma
                if math.isnan(value):
                    continue
                change = delta(floats, ints, x, cache, i, value)
                old = x[i]
                if j >= 0:
                    apply(floats, ints, x, cache, i, value)
                    x[i] = value
                    change += delta(floats, ints, x, cache, j, old)
                if change <= 0.0 or u < math.exp(-beta * change):
                    accepted[r] += 1
                    if j >= 0:
                        apply(floats, ints, x, cache, j, old)
                        x[j] = old
                    else:
                        apply(floats, ints, x, cache, i, value)
                        x[i] = value
                elif j >= 0:
                    apply(floats, ints, x, cache, i, old)
                    x[i] = old
        streams[0, r] = position


_SIGNATURE: Any = types.void(
    *(_INIT, _DELTA, _APPLY, _F, _I, _I, _F, _F, _I, _I, _F, types.int64, types.float64[:, ::1], _F, _F),
    *(types.float64, types.int64, types.uint64[:, ::1], _I, types.int64, types.int64),
)
anneal = jit(_SIGNATURE)(_anneal)


@jit(
    "void(int64[::1], float64[::1], float64[::1], int64[::1], int64[::1], float64[::1], float64[:, ::1], float64,"
    " uint64[:, ::1], int64[::1], int64[::1], float64[::1], float64[::1])"
)
def propose_all(
    kinds: Ints,
    low: Floats,
    high: Floats,
    levels: Ints,
    groups: Ints,
    moves: Floats,
    designs: Floats,
    size: float,
    streams: Words,
    first: Ints,
    second: Ints,
    values: Floats,
    uniforms: Floats,
) -> None:
    """The next proposal of every replica of one instance."""
    for r in range(designs.shape[0]):
        first[r], second[r], values[r], uniforms[r] = propose(
            kinds, low, high, levels, groups, moves, designs[r, : len(kinds)], size, streams[0, r], streams[1, r]
        )
        streams[0, r] += np.uint64(4) * streams[1, r]
