"""The least that a proposal can cost: drawing its random numbers and comparing them with a threshold.

Kernels that give each of 64 replicas a 32-bit draw of its own from the generators of :mod:`annealrl.kernels.lanes` are
measured against this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

from annealrl.kernels.jit import INTERPRETED, jit
from annealrl.kernels.lanes import _i32, _i64, _next_random, _pointer, _python_random, _spread, _word_of


def _below(_: Any, state: Any, offset: Any, threshold: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        random = _next_random(builder, _pointer(context, builder, signature.args[0], args[0], args[1], _i32))
        return builder.bitcast(builder.icmp_unsigned("<", random, _spread(builder, args[2])), _i64)

    return types.uint64(state, types.int64, types.uint32), codegen


def _python_below(state: Any, offset: int, threshold: Any) -> Any:
    return _word_of(_python_random(state, offset) < threshold)


below: Callable[..., Any] = _python_below if INTERPRETED else intrinsic(_below)


@jit("uint64(uint32[::1], uint32, int64)")
def draw(state: npt.NDArray[np.uint32], threshold: np.uint32, rounds: int) -> np.uint64:
    """Draw for the 64 replicas of every word in turn, `rounds` times, and return all decisions folded into one word."""
    folded = np.uint64(0)
    for _ in range(rounds):
        for offset in range(0, state.shape[0], 128):
            folded ^= below(state, offset, threshold)
    return folded
