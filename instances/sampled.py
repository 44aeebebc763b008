"""Sets that are sampled from a registered family, built in or plugged in: ``env:SK-v0,n=20,split=val:50``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin

import numpy as np

from annealrl.env_options import make_family
from annealrl.errors import InputError
from annealrl.family import Family
from annealrl.hints import alternatives, hints_of, wanted
from annealrl.instance_set import InstanceSet
from annealrl.objective import Objective
from annealrl.registry import family, unknown

#: What such a name opens with, and the splits, whose streams have nothing in common.
PREFIX = "env:"
SPLITS = ("train", "val", "test")
GRAMMAR = "env:ID[,PARAMETER=VALUE…][,split=train|val|test]"

#: Commas that stand in no brackets.
_COMMA = re.compile(r",(?![^(\[]*[)\]])")
_ENTROPY = 0x616E6E65616C726C
_STREAM = 1  # the first entry of spawn keys; 0 is that of the named families


def parse(name: str) -> tuple[Family, str, str]:
    """Part ``env:ID[,PARAMETER=VALUE…][,split=…]`` into the member of the family, its id and the split (``test``).

    A value of several numbers stands in brackets, as listings print it: ``probabilities=(0.2, 0.5, 0.1, 0.2)``.

    Raises
    ------
    InputError
        If the id, a parameter or its value is not what the family takes.
    """
    where = f"instance set {name!r}"
    env_id, *words = _COMMA.split(name.removeprefix(PREFIX))
    split, given = "test", {}
    try:
        kind = family(env_id)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    hints = hints_of(kind)
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise InputError(f"{where}: {word!r} is no setting; {GRAMMAR} is expected")
        if key == "split":
            split = text
        elif key not in kind.options():
            raise InputError(f"{where}: {unknown(f'option of {kind.__name__}', key, (*kind.options(), 'split'))}")
        else:
            given[key] = _value(text, hints.get(key, Any), f"{where}: {key}")
    if split not in SPLITS:
        raise InputError(f"{where}: split is {split!r}; one of {', '.join(SPLITS)} is expected")
    try:
        return make_family(env_id, given), env_id.removeprefix("annealrl:"), split
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def sampled_set(name: str, indices: range, *, title: str | None = None, most_spins: int) -> InstanceSet:
    """Sample instances of a family, each from a stream of its own.

    The stream of instance i is numpy's ``SeedSequence`` with a spawn key made of the id, all parameters (defaults
    included), the split and i: other splits, sizes and selections share nothing, and a longer set begins with a shorter
    one. Ground energies that the family knows are there from the start.

    Parameters
    ----------
    name : str
        See :func:`parse`.
    indices : range
    title : str, optional
        Name of the set, if it is not `name`.
    most_spins : int
        Largest sum of the numbers of spins, if all instances are as large as the first.

    Raises
    ------
    InputError
        If the name is wrong, or the set would be larger.
    """
    hamiltonian, env_id, split = parse(name)
    label, key = _label(hamiltonian, env_id, split), _key(hamiltonian, env_id)
    models: list[Any] = []
    statuses: list[str] = []
    energies = np.full(len(indices), np.nan)
    for k, index in enumerate(indices):
        seed = np.random.SeedSequence(_ENTROPY, spawn_key=(_STREAM, key, SPLITS.index(split), index))
        try:
            model = hamiltonian.draw(np.random.default_rng(seed))
            known = hamiltonian.stated_ground(model)
        except InputError as error:
            raise InputError(f"instance set {name!r}: {error}") from None
        kind = model.optimum_status if isinstance(model, Objective) else "planted"
        # Ising models are left to whoever needs their optima; what else can be certified is certified at once.
        if known is None and isinstance(model, Objective):
            known, kind = hamiltonian.certify(model), "optimal"
        if known is not None:
            energies[k] = known
        statuses.append("unknown" if np.isnan(energies[k]) else kind)
        if k == 0 and model.n * len(indices) > most_spins:
            raise InputError(
                f"instance set {name!r}: {len(indices)} instances of {model.n} spins; at most {most_spins} spins in all"
            )
        models.append(model.named(f"{label}-{index}"))
    spins = tuple(None if isinstance(model, Objective) else model.ground_spins for model in models)
    return InstanceSet(title or name, tuple(models), energies, spins, energies.copy(), tuple(statuses))


def split_of(instance: str) -> str | None:
    """The split that an instance of such a set names, or None if it is none of them."""
    head, _, _ = instance.rpartition("-")
    split = head.rpartition(",split=")[2]
    return split if instance.startswith(PREFIX) and split in SPLITS else None


def _label(hamiltonian: Family, env_id: str, split: str) -> str:
    changed = [
        f"{field.name}={getattr(hamiltonian, field.name)}"
        for field in fields(hamiltonian)  # type: ignore[arg-type]
        if getattr(hamiltonian, field.name) != field.default
    ]
    return ",".join([f"{PREFIX}{env_id}", *changed, f"split={split}"])


def _key(hamiltonian: Family, env_id: str) -> int:
    parameters = [f"{name}={getattr(hamiltonian, name)!r}" for name in sorted(hamiltonian.options())]
    return int.from_bytes(hashlib.sha256(",".join([env_id, *parameters]).encode()).digest()[:8], "little")


_WORDS: Mapping[str, Any] = {"true": True, "false": False, "none": None}


def _value(text: str, hint: Any, where: str) -> Any:
    """Read a parameter as its type hint says."""
    options = alternatives(hint)
    for kind in options:
        if kind in (bool, type(None)) and text.lower() in _WORDS:
            return _WORDS[text.lower()]
        if kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
        if kind in (str, Any):
            return text
        if get_origin(kind) is Literal and text in map(str, get_args(kind)):
            return next(option for option in get_args(kind) if str(option) == text)
        if get_origin(kind) is tuple:
            return _values(text, get_args(kind), where)
    raise InputError(f"{where} is {text!r}; {wanted(options)} is expected")


def _values(text: str, hints: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    """Read a tuple, in round or square brackets."""
    if text[:1] + text[-1:] not in ("()", "[]"):
        raise InputError(f"{where} is {text!r}; values in brackets, such as (1, 2), are expected")
    words = [word.strip() for word in text[1:-1].split(",")]
    words = words[:-1] if words[-1] == "" else words
    if hints[1:] == (Ellipsis,):
        hints = hints[:1] * len(words)
    if len(words) != len(hints):
        raise InputError(f"{where} is {text!r}; {len(hints)} values in brackets are expected")
    return tuple(_value(word, hint, where) for word, hint in zip(words, hints, strict=True))
