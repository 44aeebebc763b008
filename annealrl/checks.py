"""Checks of arguments that several entry points share."""

from __future__ import annotations

import operator

from annealrl.errors import InputError


def whole(value: object, what: str, least: int) -> int:
    """Return a whole number as a plain int.

    Parameters
    ----------
    value : object
        An int or whatever stands for one, such as numpy's; floats are refused, whole ones too.
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
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if number < least:
        raise InputError(f"{what} is {value!r}; a whole number of at least {least} is expected")
    return number
