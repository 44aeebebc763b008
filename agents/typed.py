"""Values from YAML checked against type hints and ranges, with errors that name the key and what was expected."""

from __future__ import annotations

import dataclasses
import difflib
import math
import numbers
import operator
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from reprlib import Repr
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from annealrl.errors import InputError
from annealrl.schedules import Schedule, from_json

D = TypeVar("D")

#: Bytes that no configuration comes near; reading more than that takes minutes.
MAX_BYTES = 2**20


class MismatchError(InputError):
    """A value does not have the type that its key wants, or lies outside of its range."""


@dataclass(frozen=True)
class Range:
    """Where a number lies, as in ``Annotated[int, Range(1)]``; bounds are part of it but for `above` and `below`."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def __contains__(self, number: float) -> bool:
        return (
            (self.least is None or number >= self.least)
            and (self.most is None or number <= self.most)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )

    def __str__(self) -> str:
        if self.least is not None and self.most is not None:
            return f"from {self.least} to {self.most}"
        bounds = (("≥", self.least), (">", self.above), ("≤", self.most), ("<", self.below))
        said = [f"{sign} {'∞' if bound == math.inf else bound}" for sign, bound in bounds if bound is not None]
        return f"of at least {self.least}" if said == [f"≥ {self.least}"] else " and ".join(said)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping; a key that stands there twice is an error."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; a readable YAML file is expected") from None
    if len(content) > MAX_BYTES:
        raise InputError(f"{path}: it is larger than {MAX_BYTES // 2**20} MiB; a YAML file of a few lines is expected")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: it is no UTF-8 text; a YAML file is expected") from None
    found = parse_yaml(text, str(path))
    if not isinstance(found, dict):
        raise InputError(f"{path}: it holds no mapping; keys with values are expected")
    return found


def parse_yaml(text: str, where: str) -> Any:
    """Plain data out of YAML; `where` opens the errors."""
    try:
        return yaml.load(text, _StrictLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{where}{line}: {error.problem}; YAML is expected") from None
    except RecursionError:
        raise InputError(f"{where}: it is nested too deeply; YAML is expected") from None
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, OverflowError) as error:
        # Besides its own: what Python says of numbers and dates that are none.
        raise InputError(f"{where}: {str(error).splitlines()[0]}; YAML is expected") from None


class _StrictLoader(yaml.SafeLoader):
    """Plain data only, and no key twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):
            return super().construct_mapping(node, deep)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key is no text", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} stands there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def check_keys(content: Mapping[Any, Any], known: Sequence[str], where: str) -> None:
    """Raise unless all keys are known; the error names close ones."""
    for key in content:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(close)}?" if close else f"one of {', '.join(known)} is expected"
            raise InputError(f"{where}: unknown key {shown(key)}; {hint}")


def build(kind: type[D], content: Any, where: str) -> D:
    """Make a dataclass that calls :func:`check_fields` from a mapping, checking keys and values.

    Parameters
    ----------
    where : str
        File and key that errors open with.
    """
    if not isinstance(content, Mapping):
        raise MismatchError(f"{where}: {shown(content)} given; keys with values are expected")
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}  # type: ignore[arg-type]
    check_keys(content, tuple(fields), where)
    for name, field in fields.items():
        missing = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if missing and name not in content:
            raise InputError(f"{where}: key {name!r} is missing")
    try:
        return kind(**content)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def check_fields(record: Any) -> None:
    """Bring the fields of a frozen dataclass to what their hints say; for its ``__post_init__``.

    Raises
    ------
    InputError
        If one has another type, or lies outside of its :class:`Range`; opens with its name.
    """
    hints = get_type_hints(type(record), include_extras=True)
    for field in dataclasses.fields(record):
        value = convert(getattr(record, field.name), hints[field.name], field.name)
        object.__setattr__(record, field.name, value)


def convert(value: Any, hint: Any, where: str) -> Any:
    """Return `value` as what the type `hint` says; lists become tuples, whole numbers floats, mappings schedules.

    A number is refused outside of the :class:`Range` that it is annotated with, and one that is not a number anywhere.
    """
    if hint is Any:
        return value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        try:
            found = convert(value, arguments[0], where)
        except MismatchError:
            pass
        else:
            if found in arguments[1]:
                return found
    elif origin in (Union, types.UnionType):
        for option in arguments:
            # Types that YAML cannot express, such as a callable reward, are never met.
            try:
                return convert(value, option, where)
            except MismatchError:
                continue
    elif origin is Literal:
        if value in arguments:
            return value
    elif origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        if isinstance(value, list | tuple):
            return tuple(convert(entry, arguments[0], where) for entry in value)
    elif origin is tuple:
        if isinstance(value, list | tuple) and len(value) == len(arguments):
            return tuple(convert(entry, each, where) for entry, each in zip(value, arguments, strict=True))
    elif origin is Sequence:
        if isinstance(value, list | tuple):
            return tuple(convert(entry, arguments[0], where) for entry in value)
    elif origin is Mapping:
        if isinstance(value, Mapping):
            return {
                convert(key, arguments[0], where): convert(entry, arguments[1], where) for key, entry in value.items()
            }
    elif hint is Schedule:
        if isinstance(value, Schedule):
            return value
        if isinstance(value, Mapping):
            return from_json(value, where)
    elif hint is float:
        number = _number(value)
        if not math.isnan(number):
            return number
    elif hint is int:
        # True is an int to Python, and to nobody else.
        if not isinstance(value, bool) and isinstance(value, numbers.Integral):
            return operator.index(value)
    elif isinstance(hint, type) and isinstance(value, hint):
        return value
    raise MismatchError(f"{where} is {shown(value)}; {spelled(hint)} is expected")


def spelled(hint: Any) -> str:
    """A type hint in words."""
    plain: dict[Any, str] = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "a text",
        type(None): "null",
        Schedule: "a schedule such as {kind: linear, start: 0.3, end: 5}",
    }
    if hint in plain:
        return plain[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return f"{spelled(arguments[0])} {arguments[1]}"
    if origin in (Union, types.UnionType):
        return " or ".join(spelled(each) for each in arguments if get_origin(each) is not Callable.__class__)
    if origin is Literal:
        return "one of " + ", ".join(str(each) for each in arguments)
    if origin is tuple and Ellipsis not in arguments:
        return f"a list of {len(arguments)} values"
    if origin is tuple or origin is Sequence:
        return "a list"
    if origin is Mapping or dataclasses.is_dataclass(hint):
        return "keys with values"
    return getattr(hint, "__name__", str(hint))


_short = Repr()
_short.maxstring = _short.maxother = _short.maxlong = 80


def shown(value: Any) -> str:
    """A value for an error, in a few words however large it is."""
    try:
        return " ".join(_short.repr(value).split())
    except ValueError:  # Python spells no numbers of thousands of digits
        return f"a {type(value).__name__} of thousands of digits"


def _number(value: Any) -> float:
    """A number as a float, NaN if it is none; YAML 1.1 takes 1e-6, without a point, for text."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real | str):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan
