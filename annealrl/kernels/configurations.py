"""Configurations as words of 64 replicas: starts, conversion from and to ±1, and replicas as rows of bits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annealrl.kernels.jit import jit
from annealrl.kernels.lanes import LANES, accept_below
from annealrl.kernels.streams import GOLDEN, mix

U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]

_S32 = np.uint64(32)
_ONE, _ZERO = np.uint64(1), np.uint64(0)
_LOW_32 = np.uint64(0xFFFFFFFF)


@jit("void(uint64, uint32[:, :, ::1])")
def seed_lanes(key: np.uint64, lanes: U32) -> None:
    """Start the generators of one instance, ``lanes[word, 2, 64]``: that of replica r depends on `key` and r alone."""
    for w in range(lanes.shape[0]):
        for lane in range(LANES):
            z = mix(key + np.uint64(w * LANES + lane + 1) * GOLDEN)
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


@jit("void(uint64[:, ::1], int64, uint64[:, ::1])")
def to_rows(spins: U64, n: int, rows: U64) -> None:
    """Turn packed words into ``rows[replica, part]``, site ``64·part + k`` at bit k; bits beyond n are 0."""
    block = np.empty(64, np.uint64)
    for w in range(spins.shape[1]):
        for part in range((n + 63) // 64):
            for k in range(64):
                i = part * 64 + k
                block[k] = spins[i, w] if i < n else _ZERO
            _transpose(block)
            for k in range(64):
                rows[w * LANES + k, part] = block[k]


@jit("void(uint64[:, ::1], int64, uint64[:, ::1])")
def from_rows(rows: U64, n: int, spins: U64) -> None:
    """Inverse of :func:`to_rows`."""
    block = np.empty(64, np.uint64)
    for w in range(spins.shape[1]):
        for part in range((n + 63) // 64):
            for k in range(64):
                block[k] = rows[w * LANES + k, part]
            _transpose(block)
            for k in range(64):
                i = part * 64 + k
                if i < n:
                    spins[i, w] = block[k]
