"""Vector intrinsics for 64 replicas at 64 inverse temperatures: energy change by table, exponential by polynomial.

Energies are integers in units of 1/scale (:func:`annealrl.kernels.own_beta.energy_scale`), so that running sums are
exact. Each intrinsic has a plain-Python twin with the same bits: all floating-point operations are single IEEE 754
binary32 ones, a multiplication and the addition after it are never contracted (LLVM does so only where a flag allows
it), and 2**y needs nothing of the processor's library. As in :mod:`annealrl.kernels.lanes`, clear ``__pycache__`` after
editing.

The exponential: ``y + 1.5·2**23`` rounds y to the nearest integer k and leaves k in the low bits of the sum; the rest
x = y - k in [-1/2, 1/2] goes into a polynomial (minimax for the relative error, value exactly 1 at 0), whose exponent
field k is then added to. Relative error below 2e-7 (tested), of the acceptance probability 1.2e-7·(1 + β|ΔE|) more
through the rounding of its argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from annealrl.kernels.jit import INTERPRETED
from annealrl.kernels.lanes import (
    LANES,
    _lanes_of,
    _look_up,
    _next_random,
    _pointer,
    _python_random,
    _splat,
    _vector,
    _word_of,
)

#: Coefficients of x, x², … of 2**x on [-1/2, 1/2].
POLYNOMIAL = (0.6931470036506653, 0.24022242426872253, 0.05550733581185341, 0.009671512991189957, 0.001326472731307149)
#: Draws are 32-bit integers and probabilities are compared as multiples of 2**-32: the exponent is shifted by 32.
SHIFTER = 1.5 * 2.0**23 + 32.0
#: The exponent is cut: below 2**-40 nothing is accepted, at the upper end of heat bath (almost) everything, and that of
#: Metropolis is the largest value for which the probability stays below 1 in float32.
LOWEST, HIGHEST_GIBBS, HIGHEST_METROPOLIS = -40.0, 30.0, -9e-8
#: Largest float32 below 2**32: an acceptance of 1 is one of 1 - 2**-24.
ALWAYS = 4294967040.0

_i1, _i8, _i16, _i32, _i64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
_f32 = ir.FloatType()
_PART = 16


def _number(value: float) -> Any:
    return _splat(_f32, value, _PART)


def _exp2_32(builder: Any, y: Any) -> Any:
    """``2**(y + 32)`` of 16 lanes."""
    shifted = builder.fadd(y, _number(SHIFTER))
    x = builder.fsub(y, builder.fsub(shifted, _number(SHIFTER)))
    p = _number(POLYNOMIAL[-1])
    for c in (*POLYNOMIAL[-2::-1], 1.0):
        p = builder.fadd(builder.fmul(p, x), _number(c))
    row = _vector(_i32, _PART)
    exponent = builder.shl(builder.bitcast(shifted, row), _splat(_i32, 23, _PART))
    return builder.bitcast(builder.add(builder.bitcast(p, row), exponent), _vector(_f32, _PART))


def _decide(builder: Any, delta: Any, betas: Any, random: Any, gibbs: Any) -> Any:
    """Accept or not in 16 lanes; returns <16 x i1>."""
    y = builder.fmul(builder.sitofp(delta, _vector(_f32, _PART)), betas)
    y = builder.select(builder.fcmp_ordered(">", y, _number(LOWEST)), y, _number(LOWEST))
    highest = builder.select(gibbs, _number(HIGHEST_GIBBS), _number(HIGHEST_METROPOLIS))
    y = builder.select(builder.fcmp_ordered("<", y, highest), y, highest)
    weight = _exp2_32(builder, y)
    before = builder.block
    with builder.if_then(gibbs):
        # w/(1 + w), where `weight` is 2**32·w
        whole = builder.fadd(builder.fmul(weight, _number(2.0**-32)), _number(1.0))
        bath = builder.fdiv(weight, whole)
        bath = builder.select(builder.fcmp_ordered("<", bath, _number(ALWAYS)), bath, _number(ALWAYS))
        inside = builder.block
    chance = builder.phi(weight.type)
    chance.add_incoming(weight, before)
    chance.add_incoming(bath, inside)
    return builder.icmp_unsigned("<", random, builder.fptoui(chance, _vector(_i32, _PART)))


def _lanes_of_part(part: int) -> Any:
    return ir.Constant(_vector(_i32, _PART), list(range(_PART * part, _PART * part + _PART)))


def _accept(
    context: Any, builder: Any, types_: Any, values: Any, word: Any, gibbs: Any, delta_of: Callable[[int], Any]
) -> Any:
    """Draw, decide and book the energy changes of a word; `types_`, `values`: arrays of betas, state, changes."""
    lanes = builder.mul(word, ir.Constant(_i64, LANES))
    at = builder.mul(word, ir.Constant(_i64, 2 * LANES))
    random = _next_random(builder, _pointer(context, builder, types_[1], values[1], at, _i32))
    heat_bath = builder.icmp_signed("!=", gibbs, ir.Constant(_i64, 0))
    accepted: Any = ir.Constant(_i64, 0)
    for part in range(LANES // _PART):
        here = builder.add(lanes, ir.Constant(_i64, _PART * part))
        delta = delta_of(part)
        betas = builder.load(_pointer(context, builder, types_[0], values[0], here, _vector(_f32, _PART)), align=4)
        own = builder.shuffle_vector(random, random, _lanes_of_part(part))
        flips = _decide(builder, delta, betas, own, heat_bath)
        pointer = _pointer(context, builder, types_[2], values[2], here, _vector(_i32, _PART))
        change = builder.select(flips, delta, _splat(_i32, 0, _PART))
        builder.store(builder.add(builder.load(pointer, align=4), change), pointer, align=4)
        bits = builder.zext(builder.bitcast(flips, _i16), _i64)
        accepted = builder.or_(accepted, builder.shl(bits, ir.Constant(_i64, _PART * part)))
    return accepted


def _accept_own(
    _: Any, words: Any, table: Any, row: Any, betas: Any, state: Any, changes: Any, word: Any, gibbs: Any
) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        index = _splat(_i8, 0)
        for k in range(len(words)):
            bits = builder.bitcast(builder.extract_value(args[0], k), _vector(_i1))
            index = builder.or_(index, builder.select(bits, _splat(_i8, 1 << k), _splat(_i8, 0)))
        pointer = _pointer(context, builder, signature.args[1], args[1], args[2], _i32)

        def delta_of(part: int) -> Any:
            own = builder.zext(builder.shuffle_vector(index, index, _lanes_of_part(part)), _vector(_i32, _PART))
            return _look_up(builder, pointer, own, len(words))

        return _accept(context, builder, signature.args[3:6], args[3:6], args[6], args[7], delta_of)

    signature = types.uint64(words, table, types.int64, betas, state, changes, types.int64, types.int64)
    return signature, codegen


def _accept_own_sums(_: Any, deltas: Any, betas: Any, state: Any, changes: Any, word: Any, gibbs: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def delta_of(part: int) -> Any:
            here = ir.Constant(_i64, _PART * part)
            pointer = _pointer(context, builder, signature.args[0], args[0], here, _vector(_i32, _PART))
            return builder.load(pointer, align=4)

        return _accept(context, builder, signature.args[1:4], args[1:4], args[4], args[5], delta_of)

    return types.uint64(deltas, betas, state, changes, types.int64, types.int64), codegen


def exp2_32(y: Any) -> Any:
    """Twin of the compiled exponential: ``2**(y + 32)`` in float32, y in [LOWEST, HIGHEST_GIBBS]."""
    y = np.asarray(y, np.float32)
    shifted = y + np.float32(SHIFTER)
    x = y - (shifted - np.float32(SHIFTER))
    p = np.full_like(x, POLYNOMIAL[-1])
    for c in (*POLYNOMIAL[-2::-1], 1.0):
        p = p * x + np.float32(c)
    return (p.view(np.int32) + (shifted.view(np.int32) << np.int32(23))).view(np.float32)


def _python_accept_own_sums(deltas: Any, betas: Any, state: Any, changes: Any, word: int, gibbs: int) -> Any:
    first = word * LANES
    y = deltas[:LANES].astype(np.float32) * betas[first : first + LANES]
    highest = np.float32(HIGHEST_GIBBS if gibbs else HIGHEST_METROPOLIS)
    weight = exp2_32(np.minimum(np.maximum(y, np.float32(LOWEST)), highest))
    if gibbs:
        weight = np.minimum(weight / (weight * np.float32(2.0**-32) + np.float32(1.0)), np.float32(ALWAYS))
    flips = _python_random(state, 2 * first) < weight.astype(np.uint32)
    changes[first : first + LANES] += np.where(flips, deltas[:LANES], np.int32(0))
    return _word_of(flips)


def _python_accept_own(
    words: Any, table: Any, row: int, betas: Any, state: Any, changes: Any, word: int, gibbs: int
) -> Any:
    index = sum(_lanes_of(bits).astype(np.int64) << k for k, bits in enumerate(words))
    return _python_accept_own_sums(table[row + index], betas, state, changes, word, gibbs)


#: ``accept_own(words, table, row, betas, state, changes, word, gibbs)``: propose a flip to the 64 replicas of a word,
#: whose energy changes are ``table[row + index]`` (int32, index as for :func:`annealrl.kernels.lanes.accept_table`).
#: `betas` (float32) holds -β·log2(e)/scale of every replica, and the accepted changes are added to its `changes`
#: (int32). Returns the word of accepted lanes. Heat bath if `gibbs`, else Metropolis.
accept_own: Callable[..., Any] = _python_accept_own if INTERPRETED else intrinsic(_accept_own)
#: The same with the 64 energy changes given, int32.
accept_own_sums: Callable[..., Any] = _python_accept_own_sums if INTERPRETED else intrinsic(_accept_own_sums)
