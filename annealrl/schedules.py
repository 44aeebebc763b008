"""Static schedules: the inverse temperature β at each step, fixed before the episode starts.

A step is a run of sweeps at one β (``annealrl.method.Budget``). Every schedule is a frozen dataclass, says the same
whatever the number of steps, and goes to JSON and back. With ``sigma_units`` its β are in units of 1/σ, where
σ² = Σ J²/N of the instance at hand, so that one schedule serves any energy scale.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from annealrl.errors import InputError
from annealrl.family import Problem
from annealrl.ising import FloatArray
from annealrl.results import read_json, write_text

#: Version of the schedule file.
FORMAT = 1


def coupling_scale(model: Problem) -> float:
    """σ, the energy scale that anyone who knows an instance can use: √(Σ J²/N) of an Ising model."""
    return model.energy_scale


@dataclass(frozen=True)
class Schedule(ABC):
    """β as a function of the step.

    Attributes
    ----------
    sigma_units : bool
        Whether β is in units of 1/σ (:func:`coupling_scale`) instead of 1/energy.
    """

    kind: ClassVar[str]
    sigma_units: bool = field(default=False, kw_only=True)

    @abstractmethod
    def betas(self, steps: int) -> FloatArray:
        """β of each step, float64, shape (steps,), in the schedule's own units; a single step runs at the start."""

    def table(self, models: Sequence[Problem], steps: int) -> FloatArray:
        """β of each step for each instance, shape (steps, B), in units of 1/energy."""
        betas = np.repeat(self.betas(steps)[:, None], len(models), axis=1)
        with np.errstate(over="ignore"):  # whoever runs the schedule refuses what is not finite
            return betas / [coupling_scale(model) for model in models] if self.sigma_units else betas

    def to_json(self) -> dict[str, Any]:
        """Everything that makes the schedule, ready for ``json.dumps``; :func:`from_json` is the way back."""
        return {"kind": self.kind, **asdict(self)}

    def save(self, path: str | Path, **notes: object) -> None:
        """Write a schedule file; `notes` (how it was tuned, say) go under the key ``notes``."""
        content: dict[str, Any] = {"annealrl_schedule": FORMAT, **self.to_json()}
        if notes:
            content["notes"] = notes
        write_text(path, json.dumps(content, indent=2) + "\n")


@dataclass(frozen=True)
class _Ramp(Schedule):
    start: float
    end: float

    def __post_init__(self) -> None:
        for key in ("start", "end"):
            value = _check_beta(getattr(self, key), f"{self.kind} schedule: {key}", positive=self.kind != "linear")
            object.__setattr__(self, key, value)


@dataclass(frozen=True)
class Linear(_Ramp):
    """β linear in the step k: start + (end - start)·k/(steps - 1).

    Examples
    --------
    >>> Linear(0, 5).betas(3).tolist()
    [0.0, 2.5, 5.0]
    """

    kind: ClassVar[str] = "linear"

    def betas(self, steps: int) -> FloatArray:
        """Shape (steps,)."""
        return self.start + (self.end - self.start) * _progress(steps)


@dataclass(frozen=True)
class Geometric(_Ramp):
    """β (and the temperature) geometric in the step; both ends > 0."""

    kind: ClassVar[str] = "geometric"

    def betas(self, steps: int) -> FloatArray:
        """Shape (steps,)."""
        return np.asarray(self.start * (self.end / self.start) ** _progress(steps))


@dataclass(frozen=True)
class Reciprocal(_Ramp):
    """The temperature 1/β linear in the step; both ends > 0.

    Examples
    --------
    >>> (1 / Reciprocal(0.5, 2).betas(4)).tolist()
    [2.0, 1.5, 1.0, 0.5]
    """

    kind: ClassVar[str] = "reciprocal"

    def betas(self, steps: int) -> FloatArray:
        """Shape (steps,)."""
        return np.asarray(1.0 / (1 / self.start + (1 / self.end - 1 / self.start) * _progress(steps)))


@dataclass(frozen=True)
class Knots(Schedule):
    """Free form: log β piecewise linear between knots.

    Attributes
    ----------
    knots : tuple of float
        β > 0 at the knots, at least two.
    fractions : tuple of float, optional
        Where they lie on the way from the first step (0) to the last (1), increasing from 0 to 1; evenly spaced by
        default.
    """

    kind: ClassVar[str] = "knots"
    knots: tuple[float, ...]
    fractions: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "knots", _beta_tuple(self.knots, "knots schedule: knots", positive=True))
        if len(self.knots) < 2:
            raise InputError(f"knots schedule: {len(self.knots)} knot given; at least two are expected")
        if self.fractions is not None:
            at = _beta_tuple(self.fractions, "knots schedule: fractions")
            object.__setattr__(self, "fractions", at)
            if len(at) != len(self.knots) or at[0] != 0 or at[-1] != 1 or (np.diff(at) <= 0).any():
                raise InputError(
                    f"knots schedule: fractions are {list(at)}; "
                    f"{len(self.knots)} numbers increasing from 0 to 1 are expected"
                )

    def betas(self, steps: int) -> FloatArray:
        """Shape (steps,)."""
        at = np.linspace(0, 1, len(self.knots)) if self.fractions is None else np.array(self.fractions)
        return np.exp(np.interp(_progress(steps), at, np.log(self.knots)))


@dataclass(frozen=True)
class Table(Schedule):
    """β given step by step; it holds for that number of steps alone."""

    kind: ClassVar[str] = "table"
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _beta_tuple(self.values, "table schedule: values"))
        if not self.values:
            raise InputError("table schedule: values are empty; one β a step is expected")

    def betas(self, steps: int) -> FloatArray:
        """Shape (steps,).

        Raises
        ------
        InputError
            If the table has another number of steps.
        """
        if steps != len(self.values):
            raise InputError(f"table schedule: it has {len(self.values)} steps, the budget {steps}; they must agree")
        return np.array(self.values)


KINDS: dict[str, type[Schedule]] = {kind.kind: kind for kind in (Linear, Geometric, Reciprocal, Knots, Table)}


def selection_table(
    schedule: Schedule, selection: Schedule | None, models: Sequence[Problem], steps: int
) -> FloatArray:
    """How hard replicas are selected before each step, shape (steps, B), in units of 1/energy; nothing at the first.

    That is what `selection` has for the step, or without one the difference of β from the step before.
    """
    if selection is None:
        betas = schedule.table(models, steps)
        return np.diff(betas, axis=0, prepend=betas[:1])
    found = selection.table(models, steps).copy()
    found[0] = 0.0
    return found


def from_json(content: Mapping[str, Any], where: str = "schedule") -> Schedule:
    """Make a schedule from what :meth:`Schedule.to_json` returned or a schedule file holds.

    Raises
    ------
    InputError
        If the kind is unknown, a key is missing or unknown, or a value is no inverse temperature; opens with `where`.
    """
    content = {key: value for key, value in content.items() if key not in ("annealrl_schedule", "notes")}
    kind = content.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError(f"{where}: kind is {kind!r}; one of {', '.join(KINDS)} is expected")
    known = [entry.name for entry in fields(KINDS[kind])]
    for key in content:
        if key not in known:
            raise InputError(f"{where}: unknown key {key!r}; a {kind} schedule has {', '.join(known)}")
    missing = [key for key in known if key not in content and key not in ("sigma_units", "fractions")]
    if missing:
        raise InputError(f"{where}: key {missing[0]!r} of a {kind} schedule is missing")
    if not isinstance(content.get("sigma_units", False), bool):
        raise InputError(f"{where}: sigma_units is {content['sigma_units']!r}; true or false is expected")
    try:
        return KINDS[kind](**content)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def load(path: str | Path) -> Schedule:
    """Read a schedule file.

    Raises
    ------
    InputError
        If the file cannot be read or is no schedule; names the file.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: a JSON object with the key 'kind' is expected")
    return from_json(content, where=str(path))


def _progress(steps: int) -> FloatArray:
    if steps < 1:
        raise InputError(f"schedule: {steps} steps; at least 1 is expected")
    return np.arange(steps) / max(1, steps - 1)


def _check_beta(value: object, what: str, *, positive: bool = False) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InputError(f"{what} is {value!r}; a number is expected")
    number = float(value)
    if not np.isfinite(number) or number < 0 or (positive and number == 0):
        raise InputError(f"{what} is {number:g}; a finite number {'> 0' if positive else '≥ 0'} is expected")
    return number


def _beta_tuple(values: object, what: str, *, positive: bool = False) -> tuple[float, ...]:
    if not isinstance(values, (list, tuple, np.ndarray)):
        raise InputError(f"{what} is {values!r}; a list of numbers is expected")
    return tuple(_check_beta(value, f"{what}[{k}]", positive=positive) for k, value in enumerate(values))
