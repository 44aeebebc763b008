"""Values of parameters against plain type hints: bool, int, float, str, Literal and unions of them."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

_TYPES: dict[Any, tuple[type, ...]] = {
    bool: (bool, np.bool_),
    int: (int, np.integer),
    float: (int, float, np.integer, np.floating),
    str: (str,),
    type(None): (type(None),),
}
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "none"}


def hints_of(kind: type) -> dict[str, Any]:
    """Type hints of a class; none where someone's annotations name what is not there."""
    try:
        return get_type_hints(kind)
    except (NameError, TypeError, AttributeError):
        return {}


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The members of a union; any other hint alone."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def mismatch(value: object, hint: Any) -> str | None:
    """What is expected instead of a value, in words; None where it fits, or where the hint is no plain one."""
    options = alternatives(hint)
    if not all(option in _TYPES or get_origin(option) is Literal for option in options):
        return None
    return None if any(_fits(value, option) for option in options) else wanted(options)


def wanted(options: tuple[Any, ...]) -> str:
    """Hints in words."""
    return " or ".join(
        f"one of {', '.join(map(str, get_args(option)))}"
        if get_origin(option) is Literal
        else _WORDS.get(option, str(option))
        for option in options
    )


def _fits(value: object, option: Any) -> bool:
    if get_origin(option) is Literal:
        return any(type(value) is type(each) and value == each for each in get_args(option))
    # True is an int to Python, and to nobody else.
    return isinstance(value, _TYPES[option]) and (option is bool or not isinstance(value, bool))
