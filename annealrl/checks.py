"""Checks of arguments that several entry points share."""

from __future__ import annotations

import operator
import os
import re

import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray


def whole(value: object, what: str, least: int) -> int:
    """Return a whole number as a plain int.

    Parameters
    ----------
    value : object
        An int or whatever stands for one, such as numpy's; floats are refused, whole ones too, and so are truth values.
    what : str
        Place and name of the argument, with which the message opens.
    least : int
        The smallest number that is expected.

    Raises
    ------
    InputError
        If it is no whole number or too small.
    """
    try:
        number = least - 1 if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if number < least:
        raise InputError(f"{what} is {value!r}; a whole number of at least {least} is expected")
    return number


def pattern(text: str, what: str) -> re.Pattern[str]:
    """Compile a regular expression.

    Raises
    ------
    InputError
        If it is none; opens with `what`.
    """
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise InputError(f"{what} is {text!r}, no regular expression: {error}") from None


def reals(value: object, what: str, *, truth: bool = False) -> FloatArray:
    """Return real numbers, finite or not, as a float64 array of their own shape; truth values only with `truth`.

    Raises
    ------
    InputError
        If they are something else, such as text, complex numbers or rows of different length; opens with `what`.
    """
    return np.asarray(_numbers(value, what, "biuf" if truth else "iuf", "real numbers"), np.float64)


def complexes(value: object, what: str) -> npt.NDArray[np.complex128]:
    """As :func:`reals`, of complex numbers."""
    return np.asarray(_numbers(value, what, "iufc", "numbers"), np.complex128)


def _numbers(value: object, what: str, kinds: str, expected: str) -> npt.NDArray[np.generic]:
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise InputError(f"{what}: a masked array lacks values; {expected} are expected")
    try:
        values = np.asarray(value)
    except ValueError:  # rows of different length
        raise InputError(f"{what}: an array of {expected} is expected") from None
    if values.dtype.kind not in kinds:
        raise InputError(f"{what}: {values.ravel()[0]!s} where {expected} are expected")
    return values


def enough_memory(needed: float, what: str) -> None:
    """Refuse what this machine's memory cannot hold, before the system ends the process without a word.

    Parameters
    ----------
    needed : float
        Bytes, at least.
    what : str
        Place and name of what would take them, with which the message opens.

    Raises
    ------
    InputError
        If there is less memory than that, in use or not.
    """
    try:
        present = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not every system tells
        return
    if needed > present:
        raise InputError(
            f"{what} would take more than {needed / 2**30:.0f} GiB of memory; at most the {present / 2**30:.0f} GiB of "
            "this machine are expected"
        )


def whole_each(value: object, what: str, count: int) -> IntArray:
    """Return a whole number ≥ 0, or one for each of `count` instances, as an int64 array of shape (count,).

    Raises
    ------
    InputError
        If it is something else; opens with `what`.
    """
    if np.ndim(value) == 0:  # type: ignore[arg-type]
        return np.full(count, whole(value, what, 0), np.int64)
    values = np.asarray(value)
    if values.shape != (count,) or values.dtype.kind not in "iu" or (values < 0).any():
        raise InputError(f"{what} is {values.tolist()}; a whole number ≥ 0, or {count} of them, is expected")
    return values.astype(np.int64)
