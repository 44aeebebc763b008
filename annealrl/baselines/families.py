"""Families of schedules with real parameters: what the tuner searches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from annealrl import schedules
from annealrl.baselines.grammar import parse_method
from annealrl.baselines.schedule import ScheduleMethod
from annealrl.ising import FloatArray


@dataclass(frozen=True)
class Family:
    """Methods with some real parameters.

    Attributes
    ----------
    start : tuple of float
        Parameters that the search starts from; its first steps are about 0.5 in each.
    build : callable
        ``build(parameters, scale, sigma_units)`` makes the member; what it calls 1 is β = 1/scale.
    """

    start: tuple[float, ...]
    build: Callable[[FloatArray, float, bool], ScheduleMethod]


def families(knots: int = 6) -> dict[str, Family]:
    """The families by name; `knots` is the number of knots of the free one."""
    log = np.log

    def ramp(kind: type[schedules.Geometric] | type[schedules.Reciprocal]) -> Family:
        def build(x: FloatArray, scale: float, sigma: bool) -> ScheduleMethod:
            return ScheduleMethod(kind(*(np.exp(x) / scale).tolist(), sigma_units=sigma), kind.kind)

        return Family((log(0.6), log(8.0)), build)

    def linear(x: FloatArray, scale: float, sigma: bool) -> ScheduleMethod:
        # A square keeps the start at or above 0 and lets it be 0.
        return ScheduleMethod(schedules.Linear(x[0] ** 2 / scale, np.exp(x[1]) / scale, sigma_units=sigma), "linear")

    def free(x: FloatArray, scale: float, sigma: bool) -> ScheduleMethod:
        return ScheduleMethod(schedules.Knots(tuple((np.exp(x) / scale).tolist()), sigma_units=sigma), "free")

    def acceptance(x: FloatArray, scale: float, sigma: bool) -> ScheduleMethod:
        targets = [f"{key}={value:.6g}" for key, value in zip(("start", "plateau", "end"), _sigmoid(x), strict=True)]
        return _parsed("adaptive:acceptance:" + ":".join(targets))

    def speed(x: FloatArray, scale: float, sigma: bool) -> ScheduleMethod:
        return _parsed(f"adaptive:speed:speed={np.exp(x[0]):.6g}:start={np.exp(x[1]):.6g}")

    return {
        "linear": Family((0.5, log(6.0)), linear),
        "geometric": ramp(schedules.Geometric),
        "reciprocal": ramp(schedules.Reciprocal),
        "free": Family(tuple(np.linspace(log(0.6), log(10.0), knots).tolist()), free),
        "adaptive": Family((0.8, -1.4, -4.6), acceptance),
        "adaptive-speed": Family((log(2.0), log(0.4)), speed),
    }


def _parsed(text: str) -> ScheduleMethod:
    method = parse_method(text)
    assert isinstance(method, ScheduleMethod)
    return method


def _sigmoid(x: FloatArray) -> FloatArray:
    # Kept off 0 and 1, which are no targets.
    return np.clip(1 / (1 + np.exp(-np.clip(x, -30, 30))), 1e-5, 1 - 1e-5)
