"""What all generators share: how couplings are drawn, and how sizes are checked."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from annealrl.errors import InputError
from annealrl.ising import FloatArray, IsingModel, SpinArray

CouplingKind: TypeAlias = Literal["gaussian", "pm1", "uniform"]

#: Largest number of sites and of couplings that a generator makes.
MAX_SITES = 1 << 22
MAX_EDGES = 1 << 24


class Planted(NamedTuple):
    """An instance whose ground state is known by construction.

    Attributes
    ----------
    model : IsingModel
    ground_energy : float
        Total energy of the planted state, which is a ground state.
    ground_spins : int8 array, shape (n,)
        The planted state; others may have the same energy.
    """

    model: IsingModel
    ground_energy: float
    ground_spins: SpinArray


def draw_couplings(kind: str, size: int, rng: np.random.Generator) -> FloatArray:
    """Draw `size` independent couplings: "gaussian" N(0, 1), "pm1" ±1 with equal odds, "uniform" on [-1, 1).

    Raises
    ------
    InputError
        If `kind` is none of them.
    """
    if kind == "gaussian":
        return rng.normal(0.0, 1.0, size)
    if kind == "pm1":
        return np.where(rng.integers(0, 2, size) == 0, -1.0, 1.0)
    if kind == "uniform":
        return rng.uniform(-1.0, 1.0, size)
    raise InputError(f"couplings {kind!r} are none of {', '.join(get_args(CouplingKind))}")


def draw_spins(n: int, rng: np.random.Generator) -> SpinArray:
    """Draw n independent spins ±1 with equal odds; int8, shape (n,)."""
    return (2 * rng.integers(0, 2, n) - 1).astype(np.int8)


def check_integer(value: int, what: str, least: int | None = None, most: int | None = None) -> int:
    """Return `value` as int if it is an integer (no bool) from `least` to `most`.

    Raises
    ------
    InputError
        If it is not; the message begins with `what`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise InputError(f"{what} {value!r} is not an integer")
    if (least is not None and value < least) or (most is not None and value > most):
        limits = f"from {least} to {most}" if least is not None and most is not None else f"of at least {least}"
        raise InputError(f"{what} {value}; an integer {limits} is expected")
    return int(value)


def check_number(value: float, what: str, least: float, most: float = math.inf, *, open_below: bool = False) -> float:
    """Return `value` as float if it is finite and from `least` to `most` (`open_below`: more than `least`).

    Raises
    ------
    InputError
        If it is not; the message begins with `what`.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{what} {value!r} is not a number") from None
    if not math.isfinite(number) or number > most or number < least or (open_below and number == least):
        limits = f"{'more than' if open_below else 'at least'} {least:g}"
        limits += f" and at most {most:g}" if math.isfinite(most) else ""
        raise InputError(f"{what} {value!r}; a finite number, {limits}, is expected")
    return number
