"""Vector intrinsics of the dense layout: local fields as 32-bit integers.

Integers add up without rounding, so cached fields never drift, whatever the number and the order of the flips. As in
:mod:`annealrl.kernels.lanes`, each has a plain-Python twin with the same result, and ``__pycache__`` is to be cleared
after editing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from annealrl.kernels.jit import INTERPRETED
from annealrl.kernels.lanes import LANES, _lanes_of, _next_random, _python_random, _spread, _word_of

#: Columns that :data:`add_rows` keeps in registers; rows are padded to a multiple of it.
STRIP = 128

_i1, _i32, _i64 = (ir.IntType(bits) for bits in (1, 32, 64))
_float = ir.FloatType()
#: Minimax polynomial of 2**x on [0, 1], highest power first; relative error 2e-7.
EXP2 = (1.8775767e-3, 8.9893397e-3, 5.5826318e-2, 2.4015361e-1, 6.9315308e-1, 9.9999994e-1)
#: The largest float32 below 1.
_BELOW_ONE = 1.0 - 2.0**-24


def _at(context: Any, builder: Any, kind: Any, array: Any, offset: Any, to: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), to.as_pointer())


def _splat(element: Any, value: float, lanes: int = LANES) -> Any:
    rounded = float(np.float32(value)) if element is _float else value
    return ir.Constant(ir.VectorType(element, lanes), [rounded] * lanes)


def _clamped(builder: Any, value: Any, low: float, high: float) -> Any:
    value = builder.select(builder.fcmp_ordered(">", value, _splat(_float, low)), value, _splat(_float, low))
    return builder.select(builder.fcmp_ordered("<", value, _splat(_float, high)), value, _splat(_float, high))


def _power_of_two(builder: Any, y: Any) -> Any:
    """2**y of 64 lanes, -126 ≤ y ≤ 126."""
    biased = builder.fptosi(builder.fadd(y, _splat(_float, 127.0)), ir.VectorType(_i32, LANES))
    whole = builder.sitofp(builder.sub(biased, _splat(_i32, 127)), y.type)
    x = builder.fsub(y, whole)
    p = _splat(_float, EXP2[0])
    for coefficient in EXP2[1:]:
        p = builder.fadd(builder.fmul(p, x), _splat(_float, coefficient))
    return builder.fmul(p, builder.bitcast(builder.shl(biased, _splat(_i32, 23)), y.type))


def _accept(gibbs: bool) -> Any:
    def typing(_: Any, local: Any, at: Any, word: Any, scale: Any, state: Any, offset: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            vector = ir.VectorType(_i32, LANES)
            field = builder.load(_at(context, builder, signature.args[0], args[0], args[1], vector), align=4)
            up = builder.bitcast(args[2], ir.VectorType(_i1, LANES))
            along = builder.select(up, field, builder.sub(_splat(_i32, 0), field))
            y = builder.fmul(builder.sitofp(along, ir.VectorType(_float, LANES)), _spread(builder, args[3]))
            weight = _power_of_two(builder, _clamped(builder, y, -126.0, 126.0 if gibbs else 0.0))
            if gibbs:
                weight = builder.fdiv(weight, builder.fadd(weight, _splat(_float, 1.0)))
            below = builder.fcmp_ordered("<", weight, _splat(_float, _BELOW_ONE))
            weight = builder.select(below, weight, _splat(_float, _BELOW_ONE))
            threshold = builder.fptoui(builder.fmul(weight, _splat(_float, 2.0**32)), vector)
            random = _next_random(builder, _at(context, builder, signature.args[4], args[4], args[5], _i32))
            accepted = builder.icmp_unsigned("<", random, threshold)
            if not gibbs:
                accepted = builder.or_(accepted, builder.icmp_signed("<=", along, _splat(_i32, 0)))
            return builder.bitcast(accepted, _i64)

        return types.uint64(local, types.int64, types.uint64, types.float32, state, types.int64), codegen

    return intrinsic(typing)


def _shift(_: Any, local: Any, at: Any, flips: Any, word: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(_i32, LANES)
        bits = ir.VectorType(_i1, LANES)
        pointer = _at(context, builder, signature.args[0], args[0], args[1], vector)
        plus = _spread(builder, args[4])
        signed = builder.select(builder.bitcast(args[3], bits), builder.sub(_splat(_i32, 0), plus), plus)
        term = builder.select(builder.bitcast(args[2], bits), signed, _splat(_i32, 0))
        builder.store(builder.add(builder.load(pointer, align=4), term), pointer, align=4)
        return context.get_dummy_value()

    return types.void(local, types.int64, types.uint64, types.uint64, types.int32), codegen


def _add(_: Any, fields: Any, at: Any, columns: Any, matrix: Any, rows: Any, start: Any, less: Any, more: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row = ir.VectorType(_i32, 16)
        parts = STRIP // 16
        matrix = context.make_array(signature.args[3])(context, builder, args[3]).data
        rows = builder.gep(context.make_array(signature.args[4])(context, builder, args[4]).data, [args[5]])
        strip = ir.Constant(_i64, STRIP)
        with cgutils.for_range(builder, builder.sdiv(args[2], strip), intp=_i64) as outer:
            column = builder.mul(outer.index, strip)
            first = _at(context, builder, signature.args[0], args[0], builder.add(args[1], column), row)
            places = [builder.gep(first, [ir.Constant(_i64, k)]) for k in range(parts)]
            sums = [cgutils.alloca_once_value(builder, builder.load(place, align=4)) for place in places]
            for begin, count, operation in ((None, args[6], builder.sub), (args[6], args[7], builder.add)):
                with cgutils.for_range(builder, count, intp=_i64) as inner:
                    index = inner.index if begin is None else builder.add(begin, inner.index)
                    line = builder.gep(matrix, [builder.add(builder.load(builder.gep(rows, [index])), column)])
                    line = builder.bitcast(line, row.as_pointer())
                    for k in range(parts):
                        value = builder.load(builder.gep(line, [ir.Constant(_i64, k)]), align=4)
                        builder.store(operation(builder.load(sums[k]), value), sums[k])
            for place, total in zip(places, sums, strict=True):
                builder.store(builder.load(total), place, align=4)
        return context.get_dummy_value()

    i64 = types.int64
    return types.void(fields, i64, i64, matrix, rows, i64, i64, i64), codegen


def _sum(
    _: Any,
    local: Any,
    base: Any,
    spins: Any,
    words: Any,
    word: Any,
    neighbours: Any,
    values: Any,
    first: Any,
    count: Any,
) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(_i32, LANES)
        data = {k: context.make_array(signature.args[k])(context, builder, args[k]).data for k in (2, 5, 6)}
        total = cgutils.alloca_once_value(builder, _spread(builder, args[1]))
        with cgutils.for_range(builder, args[8], intp=_i64) as loop:
            index = builder.add(args[7], loop.index)
            neighbour = builder.sext(builder.load(builder.gep(data[5], [index])), _i64)
            place = builder.gep(data[2], [builder.add(builder.mul(neighbour, args[3]), args[4])])
            up = builder.bitcast(builder.load(place), ir.VectorType(_i1, LANES))
            value = _spread(builder, builder.load(builder.gep(data[6], [index])))
            old = builder.load(total)
            builder.store(builder.add(old, builder.select(up, value, _splat(_i32, 0))), total)
        builder.store(
            builder.load(total),
            _at(context, builder, signature.args[0], args[0], ir.Constant(_i64, 0), vector),
            align=4,
        )
        return context.get_dummy_value()

    i64 = types.int64
    return types.void(local, types.int32, spins, i64, i64, neighbours, values, i64, i64), codegen


def _python_accept(gibbs: bool) -> Callable[..., Any]:
    one = np.float32

    def accept(local: Any, at: int, word: Any, scale: Any, state: Any, offset: int) -> Any:
        field = local[at : at + LANES]
        along = np.where(_lanes_of(word) == 1, field, -field)
        y = np.clip(along.astype(np.float32) * one(scale), one(-126), one(126 if gibbs else 0))
        biased = (y + one(127)).astype(np.int32)
        x = y - (biased - np.int32(127)).astype(np.float32)
        weight = np.full(LANES, one(EXP2[0]))
        for coefficient in EXP2[1:]:
            weight = weight * x + one(coefficient)
        weight = weight * (biased << np.int32(23)).view(np.float32)
        if gibbs:
            weight = weight / (weight + one(1))
        threshold = (np.minimum(weight, one(_BELOW_ONE)) * one(2.0**32)).astype(np.uint32)
        accepted = _python_random(state, offset) < threshold
        return _word_of(accepted if gibbs else accepted | (along <= 0))

    return accept


def _python_shift(local: Any, at: int, flips: Any, word: Any, value: Any) -> None:
    signed = np.where(_lanes_of(word) == 1, -np.int32(value), np.int32(value))
    local[at : at + LANES] += np.where(_lanes_of(flips) == 1, signed, np.int32(0))


def _python_add(fields: Any, at: int, columns: int, matrix: Any, rows: Any, start: int, less: int, more: int) -> None:
    for k in range(less + more):
        line = matrix[rows[start + k] : rows[start + k] + columns]
        fields[at : at + columns] += -line if k < less else line


def _python_sum(
    local: Any, base: Any, spins: Any, words: int, word: int, neighbours: Any, values: Any, first: int, count: int
) -> None:
    local[:LANES] = base
    for k in range(first, first + count):
        local[:LANES] += np.where(_lanes_of(spins[neighbours[k] * words + word]) == 1, values[k], np.int32(0))


#: ``accept_metropolis(local, at, word, scale, state, offset)``: draw 64 uniforms and return the word of accepted flips
#: of spins `word` in the local fields ``local[at : at + 64]``; ``scale = -2 β q / ln 2`` with q the unit of the fields.
#: Probabilities are right to 5e-7, and zero below 2**-32.
accept_metropolis: Callable[..., Any] = _python_accept(False) if INTERPRETED else _accept(False)
#: The same by heat bath.
accept_gibbs: Callable[..., Any] = _python_accept(True) if INTERPRETED else _accept(True)
#: ``shift(local, at, flips, word, value)``: flips of spins `word` change 64 local fields by -value where the spin was
#: up, by +value where it was down.
shift: Callable[..., Any] = _python_shift if INTERPRETED else intrinsic(_shift)
#: ``add_rows(fields, at, columns, matrix, rows, start, less, more)``: subtract the `less` rows of the flat matrix that
#: begin at ``rows[start]`` … and add the `more` that follow, to ``fields[at : at + columns]``.
add_rows: Callable[..., Any] = _python_add if INTERPRETED else intrinsic(_add)
#: ``sum_bonds(local, base, spins, words, word, neighbours, values, first, count)``: put into ``local[:64]`` the sum of
#: `base` and of ``values[k]`` for every neighbour k = first … first + count - 1 whose spin is up; arrays are flat.
sum_bonds: Callable[..., Any] = _python_sum if INTERPRETED else intrinsic(_sum)
