"""What the kernels of single flips share: rules, acceptance, and which sites are proposed in what order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from annealrl.kernels.jit import INTERPRETED, jit
from annealrl.kernels.streams import GOLDEN, site_of

METROPOLIS, GIBBS = 0, 1
RANDOM, SEQUENTIAL = 0, 1

#: Sites that are drawn together, ahead of their proposals, so that what belongs to them can be on its way.
BLOCK = 64
#: Bytes beyond which an instance's arrays leave the second cache for longer than the processor looks ahead.
FAR = 1 << 20


@jit("float64(float64, float64, int64)")
def acceptance(delta: float, beta: float, rule: int) -> float:
    """Probability of a flip that changes the energy by `delta`, by Metropolis or heat bath (Gibbs)."""
    if rule == GIBBS:
        return 1.0 / (1.0 + math.exp(min(beta * delta, 700.0)))
    return 1.0 if delta <= 0.0 else math.exp(-beta * delta)


@jit("int64(float64, int64)")
def rule_at(beta: float, rule: int) -> int:
    """The rule that a common β is run by: heat bath at β = 0, whatever was asked for.

    Metropolis accepts everything there, and replicas share their sites: all would flip the same spins and stay as alike
    as they were. Both rules leave all configurations equally likely.
    """
    return GIBBS if beta == 0.0 else rule


@jit("void(int64, int64, int64, uint64[::1], int64, int64[::1])")
def draw_sites(
    count: int, step: int, n: int, counter: npt.NDArray[np.uint64], order: int, sites: npt.NDArray[np.int64]
) -> None:
    """Choose the sites of `count` proposals, of which the first is number `step` (of its sweep, or of all)."""
    if order == RANDOM:
        at, size = counter[0], np.uint64(n)
        for k in range(count):
            at += GOLDEN
            sites[k] = site_of(at, size)
        counter[0] = at
    else:
        i = step % n
        for k in range(count):
            sites[k] = i
            i += 1
            if i == n:
                i = 0


def _prefetch(_: Any, array: Any, index: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        place = builder.bitcast(builder.gep(data, [args[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
        builder.call(function, [place, *(ir.Constant(number, value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(array, types.int64), codegen


def _python_prefetch(array: Any, index: int) -> None:
    """Do nothing: results do not depend on it."""


#: ``prefetch(array, index)``: ask for the cache line of ``array[index]`` of a flat array.
prefetch: Callable[..., None] = _python_prefetch if INTERPRETED else intrinsic(_prefetch)
