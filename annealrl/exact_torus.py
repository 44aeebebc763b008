"""The exact density of states of the Ising ferromagnet on a square torus, from Kaufman's partition function."""

from __future__ import annotations

from math import comb, isqrt

import numpy as np

from annealrl.errors import InputError

#: Decimals of the fixed-point numbers, beyond what the count of all configurations takes.
_GUARD = 128

#: Coefficients of a polynomial in x, by power.
_Polynomial = list[int]


def torus_levels(length: int) -> tuple[list[int], list[int]]:
    r"""Energies in units of J of the L×L ferromagnet on a torus, and how many configurations have each.

    With :math:`x = e^{-2 \beta J}` the partition function is a polynomial, :math:`e^{2 \beta J L^2} \sum_k g_k x^{2k}`,
    and a sum of four products of factors known in closed form (B. Kaufman, Phys. Rev. 76, 1232 (1949)). They are
    multiplied out in whole numbers of fixed point, after P. D. Beale, Phys. Rev. Lett. 76, 78 (1996).

    Parameters
    ----------
    length : int
        L, a power of 2 and at least 4: the cosines are then found by halving angles.

    Returns
    -------
    tuple of list of int
        Levels that occur, from -2 L² to 2 L², and counts, which add up to 2**(L²).

    Raises
    ------
    InputError
        If `length` is no power of 2, or less than 4.
    """
    n = length
    if n < 4 or n & (n - 1):
        raise InputError(f"torus: length is {length}; a power of 2 of at least 4 is expected")
    bits = 2 * n * n + _GUARD
    one = 1 << bits

    def times(a: _Polynomial, b: _Polynomial) -> _Polynomial:
        product = np.convolve(np.array(a, object), np.array(b, object))
        return [int(value) >> bits for value in product]

    def plus(a: _Polynomial, b: _Polynomial, sign: int = 1) -> _Polynomial:
        size = max(len(a), len(b))
        a, b = a + [0] * (size - len(a)), b + [0] * (size - len(b))
        return [u + sign * v for u, v in zip(a, b, strict=True)]

    def power(a: _Polynomial, exponent: int) -> _Polynomial:
        result = [one]
        for _ in range(exponent):
            result = times(result, a)
        return result

    cosines = _cosines(n, bits)
    beta = [0, 2 * one, 0, -2 * one]
    beta_power = power(beta, n)
    cosh, sinh = {}, {}
    for k in range(1, n):
        alpha = plus([one, 0, 2 * one, 0, one], [value * cosines[k] >> bits for value in beta], -1)
        difference = plus(times(alpha, alpha), times(beta, beta), -1)
        total: _Polynomial = [0]
        for j in range(n // 2 + 1):
            term = times(power(difference, j), power(alpha, n - 2 * j))
            total = plus(total, [comb(n, 2 * j) * value for value in term])
        cosh[k] = [value >> (n - 1) for value in plus(total, beta_power)]
        sinh[k] = [value >> (n - 1) for value in plus(total, beta_power, -1)]
    thin, thick = power([one, -one], n), power([one, one], n)
    shift = [0] * n
    ends = {
        "c0": plus(thin, shift + thick),
        "s0": plus(thin, shift + thick, -1),
        "cn": plus(thick, shift + thin),
        "sn": plus(thick, shift + thin, -1),
    }
    sums = []
    for factors, first, last in ((cosh, "c0", "cn"), (sinh, "s0", "sn")):
        odd, even = [one], times(ends[first], ends[last])
        for k in range(1, n):
            if k % 2:
                odd = times(odd, factors[k])
            else:
                even = times(even, factors[k])
        sums += [odd, even]
    whole = [0]
    for each in sums:
        whole = plus(whole, each)
    half = one >> 1
    # Twice the counts stand at even powers; odd ones cancel.
    counts = [((value >> 1) + half) >> bits for value in whole]
    levels = [k for k, count in enumerate(counts) if count]
    return [2 * k - 2 * n * n for k in levels], [counts[k] for k in levels]


def _cosines(n: int, bits: int) -> dict[int, int]:
    """cos(πk/n) of 0 ≤ k ≤ n in fixed point, n a power of 2."""
    one = 1 << bits
    last = 0  # cos(π/2)
    parts = 2
    while parts < n:
        last = isqrt((one + last) // 2 << bits)
        parts *= 2
    found = {0: one, 1: last}
    for k in range(2, n + 1):
        found[k] = (2 * last * found[k - 1] >> bits) - found[k - 2]
    return found
