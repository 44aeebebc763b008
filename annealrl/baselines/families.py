"""Families of methods with real parameters: what the tuner searches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from annealrl import schedules
from annealrl.baselines.grammar import parse_method
from annealrl.baselines.schedule import ScheduleMethod
from annealrl.baselines.simulated import SimulatedMethod
from annealrl.errors import InputError
from annealrl.ising import FloatArray


class Setting(NamedTuple):
    """What a family is tuned for.

    Attributes
    ----------
    scale : float
        What a family calls 1 is β = 1/scale.
    sigma_units : bool
        Build methods that measure β in units of 1/σ of each instance.
    replicas : int
        Of an episode.
    """

    scale: float
    sigma_units: bool
    replicas: int


@dataclass(frozen=True)
class Family:
    """Methods with some real parameters.

    Attributes
    ----------
    start : tuple of float
        Parameters that the search starts from; its first steps are about 0.5 in each.
    build : callable
        ``build(parameters, setting)`` makes the member.
    designs : tuple of float, optional
        What the search starts from where the instances are designs; None if the family is for Ising models alone.
    """

    start: tuple[float, ...]
    build: Callable[[FloatArray, Setting], SimulatedMethod]
    designs: tuple[float, ...] | None = None


def families(knots: int = 6) -> dict[str, Family]:
    """The families by name; `knots` is the number of knots of `free` and of `population`'s temperatures."""
    log = np.log
    # Without a gap above the ground state the last β says how near it the replicas come; as `Objective.defaults`.
    cold = log(300.0)

    def ramp(kind: type[schedules.Geometric] | type[schedules.Reciprocal]) -> Family:
        def build(x: FloatArray, to: Setting) -> ScheduleMethod:
            return ScheduleMethod(kind(*(np.exp(x) / to.scale).tolist(), sigma_units=to.sigma_units), kind.kind)

        return Family((log(0.6), log(8.0)), build, (0.0, cold))

    def linear(x: FloatArray, to: Setting) -> ScheduleMethod:
        # A square keeps the start at or above 0 and lets it be 0.
        return ScheduleMethod(
            schedules.Linear(x[0] ** 2 / to.scale, np.exp(x[1]) / to.scale, sigma_units=to.sigma_units), "linear"
        )

    def free(x: FloatArray, to: Setting) -> ScheduleMethod:
        return ScheduleMethod(
            schedules.Knots(tuple((np.exp(x) / to.scale).tolist()), sigma_units=to.sigma_units), "free"
        )

    def acceptance(x: FloatArray, to: Setting) -> SimulatedMethod:
        targets = [f"{key}={value:.6g}" for key, value in zip(("start", "plateau", "end"), _sigmoid(x), strict=True)]
        return _parsed("adaptive:acceptance:" + ":".join(targets))

    def speed(x: FloatArray, to: Setting) -> SimulatedMethod:
        return _parsed(f"adaptive:speed:speed={np.exp(x[0]):.6g}:start={np.exp(x[1]):.6g}")

    def population(x: FloatArray, to: Setting) -> SimulatedMethod:
        betas = ":".join(f"{beta:.6g}" for beta in np.exp(x[:-1]) / to.scale)
        sigma = ":sigma" if to.sigma_units else ""
        return _parsed(f"population:knots:{betas}{sigma}:alpha={np.exp(x[-1]):.6g}")

    def selecting(x: FloatArray, to: Setting) -> SimulatedMethod:
        values = [f"{value:.6g}" for value in np.exp(x) / to.scale]
        sigma = ":sigma" if to.sigma_units else ""
        return _parsed(f"population:knots:{':'.join(values[:knots])}{sigma}:select={','.join(values[knots:])}")

    def tempering(icm: bool, moving: bool = False) -> Family:
        def build(x: FloatArray, to: Setting) -> SimulatedMethod:
            low, high = np.exp(x[0]) / to.scale, (np.exp(x[0]) + np.exp(x[1])) / to.scale
            first = ""
            if moving:
                low_from = low * np.exp(x[4])
                first = f":low_from={low_from:.6g}:high_from={low_from + (high - low) * np.exp(x[5]):.6g}"
            # Whole ladders alone: the divisor of the replicas that is nearest in its logarithm.
            copies = [c for c in range(1 + icm, to.replicas // 2 + 1) if to.replicas % c == 0]
            if not copies:
                raise InputError(
                    f"tune: {to.replicas} replicas are no two ladders; at least {2 + 2 * icm} are expected"
                )
            wanted = to.replicas / 16 * 4 ** x[2]
            count = min(copies, key=lambda c: abs(np.log(c / wanted)))
            every = max(1, round(float(np.exp(2 * abs(x[3])))))
            flags = ":icm" * icm + ":sigma" * to.sigma_units
            return _parsed(
                f"tempering:{low:.6g}:{high:.6g}:{to.replicas // count}:copies={count}{flags}:every={every}{first}"
            )

        # Where both ends rise there is a gain, and a search from a ladder at rest had not found it in 160 candidates.
        return Family((log(1.5), log(12.0), 0.0, 0.0, -1.0, -1.3) if moving else (log(0.5), log(8.0), 0.0, 0.0), build)

    spread = tuple(np.linspace(log(0.6), log(10.0), knots).tolist())
    wide = tuple(np.linspace(0.0, cold, knots).tolist())
    targets, pace = (0.8, -1.4, -4.6), (log(2.0), log(0.4))
    return {
        "linear": Family((0.5, log(6.0)), linear, (0.5, cold)),
        "geometric": ramp(schedules.Geometric),
        "reciprocal": ramp(schedules.Reciprocal),
        "free": Family(spread, free, wide),
        "adaptive": Family(targets, acceptance, targets),
        "adaptive-speed": Family(pace, speed, pace),
        "population": Family((*spread, 0.0), population, (*wide, 0.0)),
        # As hard as β rises on the whole; about half as many knots as β has.
        "population-select": Family((*spread, *(log(0.1),) * 3), selecting, (*wide, *(log(1.0),) * 3)),
        "tempering": tempering(icm=False),
        "tempering-icm": tempering(icm=True),
        "tempering-icm-moving": tempering(icm=True, moving=True),
    }


def design_families() -> dict[str, Family]:
    """Families for designs alone, by name: temperature and step size together."""

    def stepped(x: FloatArray, to: Setting) -> SimulatedMethod:
        # Logarithms of β and of step sizes, which are fractions of ranges and at most 1.
        first, last = np.exp(x[:2]) / to.scale
        sizes = [
            f"{key}={min(1.0, float(np.exp(value))):.6g}" for key, value in zip(("step", "to"), x[2:], strict=True)
        ]
        return _parsed(":".join([f"geometric:{first:.6g}:{last:.6g}", *["sigma"] * to.sigma_units, *sizes]))

    start = (0.0, float(np.log(300.0)), float(np.log(0.3)), float(np.log(0.02)))
    return {"geometric-step": Family(start, stepped, start)}


def _parsed(text: str) -> SimulatedMethod:
    method = parse_method(text)
    assert isinstance(method, SimulatedMethod)
    return method


def _sigmoid(x: FloatArray) -> FloatArray:
    # Kept off 0 and 1, which are no targets.
    return np.clip(1 / (1 + np.exp(-np.clip(x, -30, 30))), 1e-5, 1 - 1e-5)
