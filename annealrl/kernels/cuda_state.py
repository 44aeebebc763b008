"""CUDA kernels beside the sweeps: starts, true energies and bests, copies of replicas, overlaps.

Blocks and threads are those of :mod:`annealrl.kernels.cuda_sweeps`: a thread is a replica and owns its bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from annealrl.kernels.cuda_tools import hashed, kernel, next_high, next_low, scrambled

_TOP = np.uint32(31)
_ONE, _ZERO = np.uint32(1), np.uint32(0)
_S8 = np.uint32(8)
_S32 = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@kernel("void(int64[::1], int64[::1], uint64[::1], int64, uint32[:, :, :, ::1], uint32[:, :, ::1])")
def begin(chosen: Any, sizes: Any, keys: Any, shared: Any, lanes: Any, spins: Any) -> None:
    """Seed the generators of the `chosen` instances and draw starts: a chance of "up" uniform on [0, 1] a replica.

    A generator depends on the instance's key and the number of the replica alone. With `shared` all replicas start
    from the draw of the first.
    """
    b, part, thread = chosen[cuda.blockIdx.x], cuda.blockIdx.y, cuda.threadIdx.x
    threads = cuda.blockDim.x
    replica = part * threads + thread
    z = hashed(keys[b], np.uint64(replica + 1))
    own_low, own_high = np.uint32(z & _LOW), np.uint32(z >> _S32)
    if z == np.uint64(0):
        own_high = _ONE  # the all-zero state is the one fixed point of the generator
    low, high = own_low, own_high
    if shared:
        z = hashed(keys[b], np.uint64(1))
        low, high = np.uint32(z & _LOW), np.uint32(z >> _S32)
        if z == np.uint64(0):
            high = _ONE
    chance = np.uint32(high >> _S8)  # no proposal has used the state's second word yet
    n = sizes[b]
    for w in range((n + 31) // 32):
        word = _ZERO
        for i in range(w * 32, min(n, w * 32 + 32)):
            if np.uint32(scrambled(low) >> _S8) < chance:
                word = np.uint32(word | np.uint32(_ONE << np.uint32(_TOP - np.uint32(i - w * 32))))
            mixed = next_low(low, high)
            high = next_high(low, high)
            low = mixed
        spins[b, part, w * threads + thread] = word
    if not shared:
        own_low, own_high = low, high
    lanes[b, part, 0, thread] = own_low
    lanes[b, part, 1, thread] = own_high


@kernel(
    "void(int64[::1], int64, int64[::1], float64[::1], int32[:, :, ::1], float64[:, ::1], int64[::1],"
    " uint32[:, :, ::1], float64[:, ::1], float64[:, ::1], uint32[:, :, ::1])"
)
def settle(
    chosen: Any,
    fresh: Any,
    sizes: Any,
    offsets: Any,
    ends: Any,
    values: Any,
    counts: Any,
    spins: Any,
    energies: Any,
    best: Any,
    best_spins: Any,
) -> None:
    """Recompute energies in float64 and keep the lowest with their configurations; if `fresh`, forget older ones.

    A term adds its value where its two spins differ and takes it away elsewhere; a field's second end is -1, a spin
    that always points up.
    """
    b, part, thread = chosen[cuda.blockIdx.x], cuda.blockIdx.y, cuda.threadIdx.x
    threads = cuda.blockDim.x
    replica = part * threads + thread
    energy = offsets[b]
    for m in range(counts[b]):
        i, j = ends[b, m, 0], ends[b, m, 1]
        bit = np.uint32(spins[b, part, (i >> 5) * threads + thread] >> np.uint32(31 - (i & 31)))
        if j >= 0:
            bit = np.uint32(bit ^ np.uint32(spins[b, part, (j >> 5) * threads + thread] >> np.uint32(31 - (j & 31))))
        else:
            bit = np.uint32(bit ^ _ONE)
        value = values[b, m]
        energy += value if np.uint32(bit & _ONE) != _ZERO else -value
    energies[b, replica] = energy
    if fresh or energy < best[b, replica]:
        best[b, replica] = energy
        for w in range((sizes[b] + 31) // 32):
            best_spins[b, part, w * threads + thread] = spins[b, part, w * threads + thread]


@kernel("void(int64[:, ::1], int64[::1], uint32[:, :, ::1], uint32[:, :, ::1])")
def gather(sources: Any, sizes: Any, spins: Any, out: Any) -> None:
    """Put a copy of replica ``sources[instance, r]`` in place r."""
    b, part, thread = cuda.blockIdx.x, cuda.blockIdx.y, cuda.threadIdx.x
    threads = cuda.blockDim.x
    source = sources[b, part * threads + thread]
    there, lane = source // threads, source % threads
    for w in range((sizes[b] + 31) // 32):
        out[b, part, w * threads + thread] = spins[b, there, w * threads + lane]


@kernel("void(int64[::1], int64, uint32[:, :, ::1], int32[:, ::1])")
def count_overlaps(sizes: Any, replicas: Any, spins: Any, out: Any) -> None:
    """Count the pairs of replicas that differ at d sites, ``out[instance, d]``.

    A thread pairs its replica with the next, the one after that, and so on half the way round.
    """
    b, part, thread = cuda.blockIdx.x, cuda.blockIdx.y, cuda.threadIdx.x
    threads = cuda.blockDim.x
    replica = part * threads + thread
    if replica < replicas:
        for step in range(1, replicas // 2 + 1):
            if 2 * step < replicas or replica < step:  # the pairs right across belong to the first half
                other = (replica + step) % replicas
                there, lane = other // threads, other % threads
                differing = 0
                for w in range((sizes[b] + 31) // 32):
                    differing += cuda.popc(
                        np.uint32(spins[b, part, w * threads + thread] ^ spins[b, there, w * threads + lane])
                    )
                cuda.atomic.add(out, (b, differing), 1)


@kernel("void(int32[:, ::1])")
def clear(out: Any) -> None:
    """Set an array, shape (B, k), to 0; a block an instance."""
    for k in range(cuda.threadIdx.x, out.shape[1], cuda.blockDim.x):
        out[cuda.blockIdx.x, k] = 0
