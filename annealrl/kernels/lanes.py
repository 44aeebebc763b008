"""Vector intrinsics on 64 lanes, written as LLVM vectors so that they lower to whatever the processor has.

Each has a plain-Python twin with the same result, used under ``NUMBA_DISABLE_JIT=1``. A change here is not seen by the
on-disk cache of the kernels that use it: clear ``__pycache__`` after editing.

The generator of a lane is xoroshiro64* (Blackman and Vigna, ACM Trans. Math. Softw. 47, 36 (2021)): two 32-bit words of
state, kept as ``state[offset : offset + 64]`` and ``state[offset + 64 : offset + 128]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from annealrl.kernels.jit import INTERPRETED

LANES = 64
XOROSHIRO_STAR = 0x9E3779BB

_i1, _i8, _i16, _i32, _i64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
_features = numba.config.CPU_FEATURES
_AVX512 = (
    "+avx512bw" in _features if _features is not None else bool(llvm.get_host_cpu_features().get("avx512bw", False))
)


def _vector(element: Any, lanes: int = LANES) -> Any:
    return ir.VectorType(element, lanes)


def _splat(element: Any, value: float, lanes: int = LANES) -> Any:
    return ir.Constant(_vector(element, lanes), [value] * lanes)


def _spread(builder: Any, value: Any) -> Any:
    """Copy a scalar to all lanes."""
    vector = _vector(value.type)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(_i32, 0))
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), _splat(_i32, 0))


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, offset: Any, to: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), to.as_pointer())


def _next_random(builder: Any, pointer: Any) -> Any:
    """Advance 64 generators; returns <64 x i32>."""
    vector = _vector(_i32)
    low = builder.bitcast(pointer, vector.as_pointer())
    high = builder.gep(low, [ir.Constant(_i32, 1)])
    x, y = builder.load(low, align=4), builder.load(high, align=4)

    def rotated(value: Any, k: int) -> Any:
        return builder.or_(builder.shl(value, _splat(_i32, k)), builder.lshr(value, _splat(_i32, 32 - k)))

    out = builder.mul(x, _splat(_i32, XOROSHIRO_STAR))
    y = builder.xor(y, x)
    builder.store(builder.xor(builder.xor(rotated(x, 26), y), builder.shl(y, _splat(_i32, 9))), low, align=4)
    builder.store(rotated(y, 13), high, align=4)
    return out


def _look_up(builder: Any, pointer: Any, index: Any, bits: int) -> Any:
    """Return ``table[index]`` for 16 lanes from a table of 2**bits 32-bit entries."""
    row = _vector(_i32, 16)
    if not _AVX512:
        result = ir.Constant(row, ir.Undefined)
        for lane in range(16):
            where = ir.Constant(_i32, lane)
            entry = builder.load(builder.gep(pointer, [builder.extract_element(index, where)]), align=4)
            result = builder.insert_element(result, entry, where)
        return result
    first = builder.bitcast(pointer, row.as_pointer())
    rows = [builder.load(builder.gep(first, [ir.Constant(_i32, j)]), align=4) for j in range(1 << (bits - 4))]
    if bits == 4:
        permute = builder.module.declare_intrinsic(
            "llvm.x86.avx512.permvar.si.512", (), ir.FunctionType(row, [row, row])
        )
        return builder.call(permute, [rows[0], index])
    permute2 = builder.module.declare_intrinsic(
        "llvm.x86.avx512.vpermi2var.d.512", (), ir.FunctionType(row, [row, row, row])
    )
    found = [builder.call(permute2, [rows[j], index, rows[j + 1]]) for j in range(0, len(rows), 2)]
    for bit in range(5, bits):
        upper = builder.icmp_unsigned("!=", builder.and_(index, _splat(_i32, 1 << bit, 16)), _splat(_i32, 0, 16))
        found = [builder.select(upper, found[j + 1], found[j]) for j in range(0, len(found), 2)]
    return found[0]


@intrinsic
def _popcount(_: Any, word: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), codegen


@intrinsic
def _accept_table(_: Any, words: Any, table: Any, row: Any, state: Any, offset: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        index = _splat(_i8, 0)
        for k in range(len(words)):
            bits = builder.bitcast(builder.extract_value(args[0], k), _vector(_i1))
            index = builder.or_(index, builder.select(bits, _splat(_i8, 1 << k), _splat(_i8, 0)))
        random = _next_random(builder, _pointer(context, builder, signature.args[3], args[3], args[4], _i32))
        pointer = _pointer(context, builder, signature.args[1], args[1], args[2], _i32)
        accepted: Any = ir.Constant(_i64, 0)
        for part in range(4):
            lanes = ir.Constant(_vector(_i32, 16), list(range(16 * part, 16 * part + 16)))
            own = builder.zext(builder.shuffle_vector(index, index, lanes), _vector(_i32, 16))
            threshold = _look_up(builder, pointer, own, len(words))
            below = builder.icmp_unsigned("<", builder.shuffle_vector(random, random, lanes), threshold)
            bits16 = builder.zext(builder.bitcast(below, _i16), _i64)
            accepted = builder.or_(accepted, builder.shl(bits16, ir.Constant(_i64, 16 * part)))
        return accepted

    return types.uint64(words, table, types.int64, state, types.int64), codegen


@intrinsic
def _accumulate(_: Any, sums: Any, offset: Any, word: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = _vector(args[3].type)
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1], vector)
        plus = _spread(builder, args[3])
        whole = isinstance(args[3].type, ir.IntType)
        add, negate = (builder.add, builder.neg) if whole else (builder.fadd, builder.fneg)
        term = builder.select(builder.bitcast(args[2], _vector(_i1)), plus, negate(plus))
        size = 4 if args[3].type in (ir.FloatType(), _i32) else 8
        builder.store(add(builder.load(pointer, align=size), term), pointer, align=size)
        return context.get_dummy_value()

    return types.void(sums, types.int64, types.uint64, sums.dtype), codegen


@intrinsic
def _accept_below(_: Any, probabilities: Any, state: Any, offset: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = _vector(ir.FloatType())
        random = _next_random(builder, _pointer(context, builder, signature.args[1], args[1], args[2], _i32))
        uniform = builder.fmul(
            builder.uitofp(builder.lshr(random, _splat(_i32, 8)), vector), _splat(ir.FloatType(), 2.0**-24)
        )
        pointer = _pointer(context, builder, signature.args[0], args[0], ir.Constant(_i64, 0), vector)
        below = builder.fcmp_ordered("<", uniform, builder.load(pointer, align=4))
        return builder.bitcast(below, _i64)

    return types.uint64(probabilities, state, types.int64), codegen


def _python_random(state: Any, offset: int) -> Any:
    """Twin of :func:`_next_random`."""
    x, y = state[offset : offset + LANES].copy(), state[offset + LANES : offset + 2 * LANES].copy()
    out = x * np.uint32(XOROSHIRO_STAR)
    y ^= x
    state[offset : offset + LANES] = (x << np.uint32(26) | x >> np.uint32(6)) ^ y ^ (y << np.uint32(9))
    state[offset + LANES : offset + 2 * LANES] = y << np.uint32(13) | y >> np.uint32(19)
    return out


def _lanes_of(word: Any) -> Any:
    return np.unpackbits(np.array([word], dtype="<u8").view(np.uint8), bitorder="little")


def _word_of(lanes: Any) -> Any:
    return np.packbits(lanes, bitorder="little").view("<u8")[0]


def _python_accept_table(words: Any, table: Any, row: int, state: Any, offset: int) -> Any:
    index = sum(_lanes_of(word).astype(np.int64) << k for k, word in enumerate(words))
    return _word_of(_python_random(state, offset) < table[row + index])


def _python_accumulate(sums: Any, offset: int, word: Any, value: Any) -> None:
    sums[offset : offset + LANES] += np.where(_lanes_of(word) == 1, value, -value)


def _python_accept_below(probabilities: Any, state: Any, offset: int) -> Any:
    uniform = (_python_random(state, offset) >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
    return _word_of(uniform < probabilities[:LANES])


def _python_popcount(word: Any) -> Any:
    return np.uint64(int(word).bit_count())


#: ``popcount(word)``: number of set bits.
popcount: Callable[..., Any] = _python_popcount if INTERPRETED else _popcount
#: ``accept_table(words, table, row, state, offset)``: draw 64 uniforms, compare each with ``table[row + index]``, where
#: bit k of a lane's index is its bit in ``words[k]``; returns the word of accepted lanes. 4 to 7 words.
accept_table: Callable[..., Any] = _python_accept_table if INTERPRETED else _accept_table
#: ``accumulate(sums, offset, word, value)``: add +value to the lanes whose bit is set and -value to the others. The
#: value is of the array's type: float32, float64, int32 or int64.
accumulate: Callable[..., Any] = _python_accumulate if INTERPRETED else _accumulate
#: ``accept_below(probabilities, state, offset)``: draw 64 uniforms and return the word of lanes with u < probability.
accept_below: Callable[..., Any] = _python_accept_below if INTERPRETED else _accept_below
