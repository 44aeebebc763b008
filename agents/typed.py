"""Values from YAML checked against type hints, with errors that name the key and what was expected."""

from __future__ import annotations

import dataclasses
import difflib
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from annealrl.errors import InputError
from annealrl.schedules import Schedule, from_json

D = TypeVar("D")


class MismatchError(InputError):
    """A value does not have the type that its key wants."""


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping; a key that stands there twice is an error."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; a readable YAML file is expected") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: it is no UTF-8 text; a YAML file is expected") from None
    try:
        content = yaml.load(text, _StrictLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{path}{line}: {error.problem}; YAML is expected") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: {str(error).splitlines()[0]}; YAML is expected") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: it holds no mapping; keys with values are expected")
    return content


class _StrictLoader(yaml.SafeLoader):
    """Plain data only, and no key twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
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
            raise InputError(f"{where}: unknown key {key!r}; {hint}")


def build(kind: type[D], content: Any, where: str) -> D:
    """Make a dataclass from a mapping, checking keys and types.

    Parameters
    ----------
    where : str
        File and key that errors open with.
    """
    if not isinstance(content, Mapping):
        raise MismatchError(f"{where}: {content!r} given; keys with values are expected")
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}  # type: ignore[arg-type]
    check_keys(content, tuple(fields), where)
    hints = get_type_hints(kind)
    values = {key: convert(value, hints[key], f"{where}: {key}") for key, value in content.items()}
    for name, field in fields.items():
        missing = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if missing and name not in values:
            raise InputError(f"{where}: key {name!r} is missing")
    try:
        return kind(**values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def convert(value: Any, hint: Any, where: str) -> Any:
    """Return `value` as what the type `hint` says; lists become tuples, whole numbers floats, mappings schedules."""
    if hint is Any:
        return value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
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
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        # YAML 1.1 takes 1e-6, without a point, for text.
        if isinstance(value, str) and _is_number(value):
            return float(value)
    elif hint is int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    elif isinstance(hint, type) and isinstance(value, hint):
        return value
    raise MismatchError(f"{where} is {value!r}; {spelled(hint)} is expected")


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


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
