"""Instances as the CUDA kernels read them, and configurations as they keep them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from annealrl.ising import FloatArray, IsingModel, SpinArray

#: Spins to a word.
BITS = 32

U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]
I32 = npt.NDArray[np.int32]


class Records(NamedTuple):
    """One instance.

    Attributes
    ----------
    sites : uint64 array, shape (n, slots + 1)
        Own place and minus the field, then place and coupling of each neighbour; see
        :mod:`annealrl.kernels.cuda_sweeps`.
    unit : float
        The power of two that fields and couplings are measured in.
    ends, values : int32 array, shape (m, 2), and float64 array, shape (m,)
        Terms of the energy, in the order in which the processor's kernel sums them: bonds, and fields with -1 for a
        second end.
    """

    sites: U64
    unit: float
    ends: I32
    values: FloatArray


def encode(model: IsingModel, slots: int, threads: int) -> Records:
    """Describe a model for blocks of `threads` replicas, with room for `slots` neighbours of a site."""
    neighbours, couplings = model.padded
    n, degree = neighbours.shape
    largest = max(np.abs(couplings).max(initial=0.0), np.abs(model.fields).max(initial=0.0))
    unit = float(2.0 ** np.floor(np.log2(largest))) if largest > 0 else 1.0
    # Slots without a neighbour hold the site itself and a coupling of 0.
    places = np.tile(_places(np.arange(n), threads)[:, None], (1, slots + 1))
    places[:, 1 : degree + 1] = _places(neighbours, threads)
    strengths = np.zeros((n, slots + 1), np.float32)
    strengths[:, 0] = -model.fields / unit
    strengths[:, 1 : degree + 1] = couplings / unit
    sites = places | (strengths.view(np.uint32).astype(np.uint64) << np.uint64(32))

    first = np.arange(n, dtype=np.int32)[:, None]
    second = np.concatenate([np.full((n, 1), -1, np.int32), neighbours], axis=1)
    values = np.concatenate([model.fields[:, None], couplings], axis=1)
    real = np.concatenate([model.fields[:, None] != 0.0, neighbours > first], axis=1)  # padding is no later site
    ends = np.stack([np.broadcast_to(first, second.shape), second], axis=2)
    return Records(sites, unit, ends[real], values[real])


def _places(sites: npt.NDArray[np.integer], threads: int) -> U64:
    return (sites // BITS * threads + sites % BITS).astype(np.uint64)


def pack(spins: SpinArray, parts: int, words: int, threads: int) -> U32:
    """Bits of ±1 `spins`, shape (R, n), as one instance's words, shape (parts, words·threads).

    Replicas beyond the last repeat the first.
    """
    replicas, n = spins.shape
    bits = np.zeros((parts * threads, words * BITS), np.uint8)
    bits[:replicas, :n] = spins > 0
    bits[replicas:] = bits[0]
    packed = np.packbits(bits, axis=1).view(">u4").astype(np.uint32)
    return np.ascontiguousarray(packed.reshape(parts, threads, words).swapaxes(1, 2)).reshape(parts, -1)


def unpack(packed: U32, replicas: int, n: int, threads: int) -> SpinArray:
    """Inverse of :func:`pack` for any number of instances: shape (…, parts, words·threads) to ±1, (…, R, n)."""
    *outer, parts, length = packed.shape
    words = packed.reshape(*outer, parts, length // threads, threads).swapaxes(-1, -2)
    rows = np.ascontiguousarray(words.reshape(*outer, parts * threads, -1)[..., :replicas, :])
    bits = np.unpackbits(rows.astype(">u4").view(np.uint8), axis=-1, count=n)
    return (bits.astype(np.int8) << 1) - np.int8(1)
