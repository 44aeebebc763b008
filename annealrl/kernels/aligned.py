"""Arrays that begin at a cache line.

Vectors of 64 bytes are loaded twice where they lie across two lines, and two threads that write to one line wait for
each other; where an array happens to begin must change neither.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from annealrl.kernels.jit import jit

#: Bytes of a cache line, and words of 64 bits in it.
LINE, LINE_WORDS = 64, 8


def aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Zeros that begin at a cache line."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.zeros(size + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + size].view(dtype).reshape(shape)


@jit("uint32[::1](int64)")
def aligned_words(length: int) -> npt.NDArray[np.uint32]:
    """Zeros of 32 bits that begin at a cache line and share none with what follows, for use in kernels."""
    room = np.zeros(length + 2 * (LINE // 4), np.uint32)
    start = (-room.ctypes.data % LINE) // 4
    return room[start : start + length]
