"""What the CUDA kernels share: decorators, generators, bits of floats.

Arithmetic is written with explicit NumPy scalars, so that the same source runs under numba's CUDA simulator
(``NUMBA_ENABLE_CUDASIM=1``), where every thread is a Python thread and kernels are plain functions. No warp intrinsics
are used: the simulator has none.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar

import numpy as np
from numba import config
from numba import cuda as _cuda

P = ParamSpec("P")
T = TypeVar("T")

#: Numba's CUDA: the package reaches it through its kernels.
cuda: Any = _cuda

#: True under ``NUMBA_ENABLE_CUDASIM=1``.
SIMULATED = bool(config.ENABLE_CUDASIM)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S32 = (np.uint64(k) for k in (27, 30, 31, 32))
_STAR = np.uint64(0x9E3779BB)
_R6, _R9, _R13, _R19, _R26 = (np.uint32(k) for k in (6, 9, 13, 19, 26))


# Small batches are what they are: a grid of few blocks is no mistake of the user's.
warnings.filterwarnings("ignore", message="Grid size .* low occupancy")

#: All kernels made so far, as Python functions with their signatures.
KERNELS: list[tuple[Callable[..., None], str]] = []


class Kernel(Protocol):
    """A kernel; ``kernel[grid, block, stream, bytes of shared memory](*arguments)`` launches it."""

    def __getitem__(self, launch: tuple[Any, ...]) -> Callable[..., None]:
        """Set the shape of a launch."""
        ...


def kernel(signature: str) -> Callable[[Callable[..., None]], Kernel]:
    """Compile for the device with an explicit signature; where there is no device, only note it in :data:`KERNELS`."""

    def decorate(function: Callable[..., None]) -> Kernel:
        KERNELS.append((function, signature))
        # Without fast-math: it would let the order of a float sum depend on the kernel's variant.
        compiled: Kernel = cuda.jit(signature)(function) if cuda.is_available() else cuda.jit(function)
        return compiled

    return decorate


def helper(function: Callable[P, T]) -> Callable[P, T]:
    """Compile as a part of kernels."""
    if SIMULATED:
        return function
    compiled: Callable[P, T] = cuda.jit(device=True, forceinline=True)(function)
    return compiled


if SIMULATED:

    def as_float(bits: np.uint32) -> np.float32:
        """The float of these bits."""
        return np.uint32(bits).view(np.float32)

    def as_bits(value: np.float32) -> np.uint32:
        """The bits of a float."""
        return np.float32(value).view(np.uint32)

    def _times(a: np.uint64, b: np.uint64) -> np.uint64:
        return np.uint64(int(a) * int(b) & 0xFFFFFFFFFFFFFFFF)

    def _plus(a: np.uint64, b: np.uint64) -> np.uint64:
        return np.uint64(int(a) + int(b) & 0xFFFFFFFFFFFFFFFF)

else:

    @helper
    def as_float(bits: np.uint32) -> np.float32:
        """The float of these bits."""
        converted: np.float32 = cuda.libdevice.int_as_float(np.int32(bits))
        return converted

    @helper
    def as_bits(value: np.float32) -> np.uint32:
        """The bits of a float."""
        return np.uint32(cuda.libdevice.float_as_int(value))

    @helper
    def _times(a: np.uint64, b: np.uint64) -> np.uint64:
        return a * b

    @helper
    def _plus(a: np.uint64, b: np.uint64) -> np.uint64:
        return a + b


@helper
def hashed(key: np.uint64, count: np.uint64) -> np.uint64:
    """Word number `count` of the SplitMix64 stream `key` (Steele, Lea, Flood, OOPSLA 2014)."""
    z = _plus(key, _times(count, _GOLDEN))
    z = _times(z ^ (z >> _S30), _MIX_1)
    z = _times(z ^ (z >> _S27), _MIX_2)
    return z ^ (z >> _S31)


@helper
def scrambled(low: np.uint32) -> np.uint32:
    """Output of xoroshiro64* (Blackman, Vigna, ACM Trans. Math. Softw. 47, 36 (2021)) from its state's first word."""
    return np.uint32(np.uint64(low) * _STAR)


@helper
def next_low(low: np.uint32, high: np.uint32) -> np.uint32:
    """First word of the next state of xoroshiro64*."""
    mixed = np.uint32(high ^ low)
    turned = np.uint32(np.uint32(low << _R26) | np.uint32(low >> _R6))
    return np.uint32(turned ^ mixed ^ np.uint32(mixed << _R9))


@helper
def next_high(low: np.uint32, high: np.uint32) -> np.uint32:
    """Second word of the next state of xoroshiro64*."""
    mixed = np.uint32(high ^ low)
    return np.uint32(np.uint32(mixed << _R13) | np.uint32(mixed >> _R19))
