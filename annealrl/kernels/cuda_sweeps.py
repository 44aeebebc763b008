"""The CUDA kernel that runs sweeps: a block is a part of one instance's replicas, a thread a replica.

Every thread keeps its own replica's spins as bits of 32-bit words, ``words[site // 32, thread]``, so that the threads
of a warp, which all propose the same site, touch neighbouring addresses, never wait for one another within a plan of
sites and never race. The block draws the next sites together, one a thread, which makes their price per update small.

A site is described by 64-bit records: its own place and field, then place and coupling of each neighbour. A place is
``(site // 32)·threads | site % 32``; the bit of a site is counted from the highest, so that a shift by the low five
bits of a place brings a spin to the sign bit of a float. Fields and couplings are float32 in units of a power of two.

Source of the generator: see :mod:`annealrl.kernels.cuda_tools`.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numba import cuda
from numba.cuda import types

from annealrl.kernels.cuda_tools import Kernel, as_bits, as_float, hashed, kernel, next_high, next_low, scrambled

#: Numbers of neighbours that have a kernel of their own; others run a loop of variable length.
WIDTHS = (4, 6)
#: Where a kernel keeps its data: all in global memory, spins in shared memory, records in shared memory too.
GLOBAL, SPINS, ALL = 0, 1, 2

_SHIFT, _PLACE = np.uint32(31), np.uint32(0xFFFFFFE0)
_SIGN = np.uint32(0x80000000)
_ONE = np.uint32(1)
_S32 = np.uint64(32)
_UNIT = np.float32(2.0**-32)
_BITS, _HIGHEST = np.float32(32.0), np.float32(96.0)
_FLOAT_ONE, _FLOAT_ZERO = np.float32(1.0), np.float32(0.0)
_ADVANCE = (
    "void(uint64[:, ::1], int64, int32[:, ::1], int64[::1], float64[::1], float64[:, ::1], float64[:, ::1], int64,"
    " int64, int64, int64, uint64[::1], uint64[::1], uint32[:, :, :, ::1], uint32[:, :, ::1], int64[::1], int64)"
)
_EXPONENT = -2.0 * math.log2(math.e)


def shared_bytes(sites: int, width: int, threads: int, memory: int) -> int:
    """Shared memory of a block for instances of up to `sites` spins."""
    words = -(-sites // 32) * threads if memory != GLOBAL else 0
    records = sites * (width + 1) if memory == ALL else 0
    return 8 * records + 4 * words + 4 * threads


@cache
def advance_kernel(width: int, memory: int) -> Kernel:
    """The kernel for sites of up to `width` neighbours (0: any number), and a place for its data."""

    @kernel(_ADVANCE)
    def advance(
        records: Any,
        slots: Any,
        degrees: Any,
        sizes: Any,
        units: Any,
        start: Any,
        end: Any,
        sweeps: Any,
        ramp: Any,
        heat_bath: Any,
        in_order: Any,
        keys: Any,
        drawn: Any,
        lanes: Any,
        spins: Any,
        accepted: Any,
        replicas: Any,
    ) -> None:
        """Advance every instance; see :meth:`annealrl.cuda.CudaSimulator.advance`.

        ``start`` and ``end`` have one column for all replicas or one for each; they are spread over the sweeps if
        `ramp`. ``drawn`` counts the sites drawn before.
        """
        b, part, thread = cuda.blockIdx.x, cuda.blockIdx.y, np.uint32(cuda.threadIdx.x)
        threads = cuda.blockDim.x
        n = sizes[b]
        replica = part * threads + cuda.threadIdx.x
        stride = width + 1 if width else slots + 1
        own_spins = spins[b, part]
        own_records = records[b]
        length = (n + 31) // 32 * threads
        # Shared memory: the records, then the spins, then the plan; each as far as this variant holds it.
        table = cuda.shared.array(0, types.uint64)
        room = cuda.shared.array(0, types.uint32)
        first = np.uint32(2 * n * stride if memory == 2 else 0)
        plan = np.uint32(first + length if memory else 0)
        if memory == 2:
            for k in range(cuda.threadIdx.x, n * stride, threads):
                table[k] = own_records[k]
        else:
            table = own_records
        if memory:
            for k in range(cuda.threadIdx.x, length, threads):
                room[first + k] = own_spins[k]
            words = room
        else:
            words = own_spins
        column = np.uint32(first + thread)

        low, high = lanes[b, part, 0, thread], lanes[b, part, 1, thread]
        lane = min(replica, start.shape[1] - 1)
        beta, change = start[b, lane], end[b, lane] - start[b, lane]
        key, counter = keys[b], drawn[b]
        count = np.uint32(0)
        total = np.int64(0)
        blocks = sweeps if ramp else min(sweeps, 1)
        proposals = n if ramp else n * sweeps
        for block in range(blocks):
            factor = np.float32(max(_EXPONENT * units[b] * (beta + change * (block + 1) / blocks), -1e30))
            # At β = 0 by heat bath, as on the processor: Metropolis would flip the same spins of all replicas.
            weight = _UNIT if heat_bath or factor == _FLOAT_ZERO else _FLOAT_ZERO
            done = 0
            while done < proposals:
                planned = min(threads, proposals - done)
                cuda.syncthreads()
                if cuda.threadIdx.x < planned:
                    if in_order:
                        site = np.uint64((done + cuda.threadIdx.x) % n)
                    else:
                        site = ((hashed(key, np.uint64(counter + thread + _ONE)) >> _S32) * np.uint64(n)) >> _S32
                    room[plan + thread] = np.uint32(site * np.uint64(stride))
                cuda.syncthreads()
                last = np.uint32(plan + np.uint32(planned))
                p = plan
                while p < last:
                    base = room[p]
                    p = np.uint32(p + _ONE)
                    own = table[base]
                    place = np.uint32(own)
                    shift = np.uint32(place & _SHIFT)
                    at = np.uint32(column + np.uint32(place & _PLACE))
                    word = words[at]
                    # Minus the local field: the sign bit of a neighbour that points up turns its coupling over.
                    field = as_float(np.uint32(own >> _S32))
                    for k in range(width if width else degrees[b, base // np.uint32(stride)]):
                        bond = table[base + np.uint32(k + 1)]
                        there = np.uint32(bond)
                        spin = np.uint32(
                            words[np.uint32(column + np.uint32(there & _PLACE))] << np.uint32(there & _SHIFT)
                        )
                        field += as_float(np.uint32(np.uint32(bond >> _S32) ^ np.uint32(spin & _SIGN)))
                    aligned = as_float(np.uint32(as_bits(field) ^ np.uint32(np.uint32(word << shift) & _SIGN)))
                    # Chances are in units of 2**-32, like draws. An odd draw is never 0, so that none lies below a
                    # chance that has become 0.
                    chance = np.float32(math.exp2(min(np.float32(factor * aligned + _BITS), _HIGHEST)))
                    draw = np.float32(np.uint32(scrambled(low) | _ONE))
                    mixed = next_low(low, high)
                    high = next_high(low, high)
                    low = mixed
                    # Metropolis: draw < chance; heat bath: draw < chance / (1 + chance · 2**-32).
                    if draw * (_FLOAT_ONE + weight * chance) < chance:
                        words[at] = np.uint32(word ^ np.uint32(_SIGN >> shift))
                        count = np.uint32(count + _ONE)
                done += planned
                counter += np.uint64(planned)
                total = np.int64(total + np.int64(count))
                count = np.uint32(0)
        if memory:
            cuda.syncthreads()
            for k in range(cuda.threadIdx.x, length, threads):
                own_spins[k] = room[first + k]
        lanes[b, part, 0, thread] = low
        lanes[b, part, 1, thread] = high
        if replica < replicas:
            cuda.atomic.add(accepted, b, total)

    return advance
