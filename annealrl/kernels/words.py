"""Acceptance bits of multi-spin coding: one proposal for the 64 replicas of a word, or for eight words at once.

The unsatisfied bonds of a spin are counted in all replicas together by bit-sliced adders (plane k of the count is a
word whose bits are bit k of every replica's count). A replica's uniform draw U is compared with its threshold T from
the highest bit down, a random word for every bit of all draws: the first bit in which U and T differ decides, so on
average half of the undecided replicas are decided by each word, and drawing stops when none is left.

Sources: Bhanot, Duke, Salvador, Phys. Rev. B 33, 7841 (1986); Isakov, Zintchenko, Rønnow, Troyer, Comput. Phys. Commun.
192, 265 (2015). Words come from :mod:`annealrl.kernels.streams`; a proposal owns 64 counters of every word's stream, so
that the words drawn for some replicas do not depend on how long the others needed. As in
:mod:`annealrl.kernels.lanes`, clear ``__pycache__`` after editing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from annealrl.kernels.jit import INTERPRETED
from annealrl.kernels.lanes import popcount
from annealrl.kernels.streams import MIX_1, MIX_2, mix

#: Words that :data:`flip_eight` handles together.
CHUNK = 8
#: Bits of a threshold, and of them those that :data:`flip_one` compares in two vectors before it looks.
LEVELS, EARLY = 64, 16
#: Largest number of bonds (a field counts as one) and of counts, 0 … 7.
BONDS, COUNTS = 7, 8
#: A row of the threshold table: for every count whether it needs a draw, then its bits from the highest (each spread
#: over a word), then the first 16 of them once more in the order in which :data:`flip_one` wants them.
NATURAL, PERMUTED = COUNTS, COUNTS + COUNTS * LEVELS
ROW = PERMUTED + COUNTS * EARLY
#: Where bit b < 16 stands in that order. A lane of the vector is merged with the one half a vector further on, so
#: halves must be neighbours at the last merge and neighbours be halves at the first: bits of b reversed.
REVERSED = tuple(int(f"{b:04b}"[::-1], 2) for b in range(EARLY))

_i1, _i32, _i64 = (ir.IntType(bits) for bits in (1, 32, 64))
_eight = ir.VectorType(_i64, CHUNK)
Values = Sequence[Any]


def _constant(kind: Any, value: int) -> Any:
    return ir.Constant(kind, [value] * CHUNK if kind is _eight else value)


def _spread(builder: Any, kind: Any, value: Any) -> Any:
    if kind is _i64:
        return value
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(_i32, 0))
    return builder.shuffle_vector(
        one, ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(_i32, CHUNK), [0] * 8)
    )


def _mixed(builder: Any, z: Any) -> Any:
    """Vector form of :func:`annealrl.kernels.streams.mix`."""
    for shift, factor in ((30, MIX_1), (27, MIX_2)):
        z = builder.mul(builder.xor(z, builder.lshr(z, _constant(z.type, shift))), _constant(z.type, factor))
    return builder.xor(z, builder.lshr(z, _constant(z.type, 31)))


def _chosen(builder: Any, planes: Values, values: Values) -> Any:
    """Pick ``values[count]`` bit by bit, the count being given by its planes."""
    if not planes:
        return values[0]
    half = len(values) // 2
    low, high = (_chosen(builder, planes[:-1], part) for part in (values[:half], values[half:]))
    return builder.or_(builder.and_(planes[-1], high), builder.and_(builder.not_(planes[-1]), low))


def _load(builder: Any, base: Any, index: Any, kind: Any) -> Any:
    return builder.load(builder.bitcast(builder.gep(base, [index]), kind.as_pointer()), align=8)


def _plus(builder: Any, index: Any, offset: int) -> Any:
    return builder.add(index, ir.Constant(_i64, offset))


def _counted(builder: Any, kind: Any, s: Any, data: dict[str, Any]) -> list[Any]:
    """Count the unsatisfied bonds into three planes."""
    masks = [_spread(builder, kind, data[name]) for name in ("field", "field_sign")]
    planes = [cgutils.alloca_once_value(builder, builder.and_(masks[0], builder.xor(masks[1], s)))]
    planes += [cgutils.alloca_once_value(builder, _constant(kind, 0)) for _ in range(2)]
    with cgutils.for_range(builder, data["degree"], intp=_i64) as loop:
        neighbour = builder.load(builder.gep(data["neighbours"], [builder.add(data["first"], loop.index)]))
        at = builder.add(builder.mul(builder.sext(neighbour, _i64), data["words"]), data["word"])
        negative = builder.and_(builder.lshr(data["signs"], loop.index), ir.Constant(_i64, 1))
        sign = _spread(builder, kind, builder.neg(negative))
        carry = builder.xor(builder.xor(_load(builder, data["spins"], at, kind), s), sign)
        for plane in planes:
            old = builder.load(plane)
            builder.store(builder.xor(old, carry), plane)
            carry = builder.and_(old, carry)
    return [builder.load(plane) for plane in planes]


def _compared(builder: Any, state: tuple[Any, Any], random: Any, threshold: Any) -> tuple[Any, Any]:
    """Compare one bit of U and T: (accepted, undecided) afterwards."""
    accepted, undecided = state
    lower = builder.and_(threshold, builder.not_(random))
    return (
        builder.or_(accepted, builder.and_(undecided, lower)),
        builder.and_(undecided, builder.not_(builder.xor(random, threshold))),
    )


def _early_eight(builder: Any, table: Any, row: Any, planes: Values, state: Any, position: Any, gamma: Any) -> Any:
    """First bits of eight words; returns the state, the next counters and the number of bits done."""
    bits = 12
    for bit in range(bits):
        values = [
            _spread(builder, _eight, _load(builder, table, _plus(builder, row, NATURAL + LEVELS * u + bit), _i64))
            for u in range(1 << len(planes))
        ]
        state = _compared(builder, state, _mixed(builder, position), _chosen(builder, planes, values))
        position = builder.add(position, gamma)
    return state, position, bits


def _early_one(builder: Any, table: Any, row: Any, planes: Values, state: Any, position: Any, gamma: Any) -> Any:
    """First 16 bits of one word, in two vectors whose lanes are bits; arguments and result as for eight words."""
    spread = [_spread(builder, _eight, plane) for plane in planes]
    start, step = (_spread(builder, _eight, value) for value in (position, gamma))
    lower, equal = [], []
    for part in range(2):
        bits = ir.Constant(_eight, [REVERSED[8 * part + lane] for lane in range(8)])
        random = _mixed(builder, builder.add(start, builder.mul(step, bits)))
        values = [
            _load(builder, table, _plus(builder, row, PERMUTED + EARLY * u + 8 * part), _eight)
            for u in range(1 << len(planes))
        ]
        threshold = _chosen(builder, spread, values)
        lower.append(builder.and_(threshold, builder.not_(random)))
        equal.append(builder.not_(builder.xor(random, threshold)))
    width = 8
    while width:
        high, low = (lower[0], equal[0]), (lower[1], equal[1])
        less = builder.or_(high[0], builder.and_(high[1], low[0]))
        same = builder.and_(high[1], low[1])
        width //= 2
        if width:
            undefined = ir.Constant(less.type, ir.Undefined)
            halves = [ir.Constant(ir.VectorType(_i32, width), list(range(k, k + width))) for k in (0, width)]
            lower = [builder.shuffle_vector(less, undefined, half) for half in halves]
            equal = [builder.shuffle_vector(same, undefined, half) for half in halves]
    less, same = (builder.extract_element(value, ir.Constant(_i32, 0)) for value in (less, same))
    accepted, undecided = state
    state = builder.or_(accepted, builder.and_(undecided, less)), builder.and_(undecided, same)
    return state, builder.add(position, builder.mul(gamma, ir.Constant(_i64, EARLY))), EARLY


def _any(builder: Any, value: Any) -> Any:
    if value.type is _i64:
        return builder.icmp_unsigned("!=", value, ir.Constant(_i64, 0))
    some = builder.bitcast(builder.icmp_unsigned("!=", value, _constant(_eight, 0)), ir.IntType(CHUNK))
    return builder.icmp_unsigned("!=", some, ir.Constant(ir.IntType(CHUNK), 0))


def _flip(kind: Any, early: Callable[..., Any]) -> Any:
    """Make the intrinsic for words of type `kind`."""

    def typing(
        _: Any, spins: Any, words: Any, site: Any, word: Any, bonds: Any, neighbours: Any, table: Any, row: Any,
        streams: Any, planes: Any,
    ) -> Any:  # fmt: skip
        index_planes = planes.count

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            arrays = {k: context.make_array(signature.args[k])(context, builder, args[k]).data for k in (0, 5, 6, 8)}
            words, site, word = args[1:4]
            data = dict(zip(("first", "degree", "signs", "field", "field_sign"), cgutils.unpack_tuple(builder, args[4]),
                            strict=True))  # fmt: skip
            data |= {"spins": arrays[0], "neighbours": arrays[5], "words": words, "word": word}
            table, row = arrays[6], args[7]
            here = builder.add(builder.mul(site, words), word)
            s = _load(builder, arrays[0], here, kind)
            counts = _counted(builder, kind, s, data)
            used, sure = counts[:index_planes], counts[index_planes:]
            undecided = _constant(kind, -1)
            if sure:
                drawn = [
                    _spread(builder, kind, _load(builder, table, _plus(builder, row, u), _i64))
                    for u in range(1 << index_planes)
                ]
                undecided = _chosen(builder, used, drawn)
                for plane in sure:
                    undecided = builder.and_(undecided, builder.not_(plane))
            position = _load(builder, arrays[8], word, kind)
            gamma = _load(builder, arrays[8], builder.add(words, word), kind)
            state, later, done = early(builder, table, row, used, (builder.not_(undecided), undecided), position, gamma)
            accepted, undecided, later = (cgutils.alloca_once_value(builder, v) for v in (*state, later))
            bit = cgutils.alloca_once_value(builder, ir.Constant(_i64, done))
            test, body, end = (builder.append_basic_block(name) for name in ("test", "body", "end"))
            builder.branch(test)
            builder.position_at_end(test)
            going = builder.and_(
                _any(builder, builder.load(undecided)),
                builder.icmp_signed("<", builder.load(bit), ir.Constant(_i64, LEVELS)),
            )
            builder.cbranch(going, body, end)
            builder.position_at_end(body)
            at = builder.add(row, builder.load(bit))
            values = [
                _spread(builder, kind, _load(builder, table, _plus(builder, at, NATURAL + LEVELS * u), _i64))
                for u in range(1 << index_planes)
            ]
            both = _compared(
                builder,
                (builder.load(accepted), builder.load(undecided)),
                _mixed(builder, builder.load(later)),
                _chosen(builder, used, values),
            )
            for value, slot in zip(both, (accepted, undecided), strict=True):
                builder.store(value, slot)
            builder.store(builder.add(builder.load(later), gamma), later)
            builder.store(_plus(builder, builder.load(bit), 1), bit)
            builder.branch(test)
            builder.position_at_end(end)
            flips = builder.load(accepted)
            later = builder.add(position, builder.mul(gamma, _constant(kind, LEVELS)))
            for base, at, value in ((arrays[0], here, builder.xor(s, flips)), (arrays[8], word, later)):
                builder.store(value, builder.bitcast(builder.gep(base, [at]), kind.as_pointer()), align=8)
            if kind is _i64:
                return builder.ctpop(flips)
            for name, result in (("llvm.ctpop.v8i64", _eight), ("llvm.vector.reduce.add.v8i64", _i64)):
                function = builder.module.declare_intrinsic(name, (), ir.FunctionType(result, [_eight]))
                flips = builder.call(function, [flips])
            return flips

        signature = types.uint64(spins, types.int64, types.int64, types.int64, bonds, neighbours, table, types.int64,
                                 streams, planes)  # fmt: skip
        return signature, codegen

    return intrinsic(typing)


def _python_flip(
    spins: Any, words: int, site: int, word: int, bonds: Any, neighbours: Any, table: Any, row: int, streams: Any,
    planes: Any,
) -> Any:  # fmt: skip
    """Twin of :data:`flip_one`."""
    first, degree, signs, field, field_sign = bonds
    s = spins[site * words + word]
    counts = [field & (s ^ field_sign), np.uint64(0), np.uint64(0)]
    for k in range(degree):
        carry = spins[neighbours[first + k] * words + word] ^ s
        carry = ~carry if signs >> np.uint64(k) & np.uint64(1) else carry
        for p in range(3):
            counts[p], carry = counts[p] ^ carry, counts[p] & carry

    def choose(offset: int, step: int) -> Any:
        out = np.uint64(0)
        for u in range(COUNTS):
            chosen = table[row + offset + step * u]
            for p in range(3):
                chosen &= counts[p] if u >> p & 1 else ~counts[p]
            out |= chosen
        return out

    undecided = choose(0, 1) if len(planes) < 3 else ~np.uint64(0)
    for plane in counts[len(planes) :]:
        undecided &= ~plane
    accepted = ~undecided
    for bit in range(LEVELS):
        if not undecided:
            break
        random, threshold = mix(streams[word] + np.uint64(bit) * streams[words + word]), choose(NATURAL + bit, LEVELS)
        accepted |= undecided & threshold & ~random
        undecided &= ~(random ^ threshold)
    spins[site * words + word] = s ^ accepted
    streams[word] += np.uint64(LEVELS) * streams[words + word]
    return popcount(accepted)


def _python_flip_eight(spins: Any, words: int, site: int, word: int, *rest: Any) -> Any:
    return sum((_python_flip(spins, words, site, word + k, *rest) for k in range(CHUNK)), start=np.uint64(0))


#: ``flip_one(spins, words, site, word, bonds, neighbours, table, row, streams, planes)``: propose to flip a site in the
#: 64 replicas of a word; returns the number of accepted flips. `bonds` is a tuple (first, degree, signs, field,
#: field_sign): where the site's neighbours start, how many there are (with a field at most 7), bit k set where bond k
#: is negative, all ones if there is a field, all ones if it points up. The length of the tuple `planes` is how many
#: planes of the count tell the thresholds of the drawn counts apart. Arrays are flat.
flip_one: Callable[..., Any] = _python_flip if INTERPRETED else _flip(_i64, _early_one)
#: The same for words `word` … `word` + 7.
flip_eight: Callable[..., Any] = _python_flip_eight if INTERPRETED else _flip(_eight, _early_eight)
